/** The text of `--json`: two-space JSON with a final newline. Objects keep the order they were built in, which every builder fixes. */
export function toJsonText(value: unknown): string {
  return `${escapeJson(JSON.stringify(value, null, 2))}\n`;
}

/** One value on one line, for newline-delimited JSON. */
export function toJsonLine(value: unknown): string {
  return `${escapeJson(JSON.stringify(value))}\n`;
}

/** JSON.stringify leaves DEL, C1 and the bidirectional controls as they are; written as \u escapes the value is the same and a terminal is safe. */
function escapeJson(text: string): string {
  return text.replace(
    /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
