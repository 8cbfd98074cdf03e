import { escapeJson } from '../snapshot/escape-json.js';

/** The text of `--json`: two-space JSON with a final newline. Objects keep the order they were built in, which every builder fixes. */
export function toJsonText(value: unknown): string {
  return `${escapeJson(JSON.stringify(value, null, 2))}\n`;
}

/** One value on one line, for newline-delimited JSON. */
export function toJsonLine(value: unknown): string {
  return `${escapeJson(JSON.stringify(value))}\n`;
}
