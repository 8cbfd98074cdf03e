import { type Notation } from '../policy/access.js';
import type { DeviceNames } from '../policy/names.js';
import { formatLine, ruleLines } from '../policy/policy-text.js';
import type { DeviceRule } from '../policy/types.js';
import { escapeText } from './escape.js';
import { table } from './table.js';

/** Most lines of one list; a person reads no more, and `--json` has them all. */
const MOST_LINES = 40;

/** Rules as a table: numbers, accesses, names. */
export function ruleTable(
  rules: readonly DeviceRule[],
  notation: Notation,
  names: DeviceNames,
  options: { indent: number; most?: number },
): string[] {
  const { rows, more } = ruleRows(rules, notation, names, options.most ?? MOST_LINES);
  const text = table(rows, { indent: options.indent });
  return more > 0 ? [...text, `${' '.repeat(options.indent)}and ${String(more)} more lines (see --json)`] : text;
}

/** Rows of numbers, accesses and names, and how many lines there are beyond `most`. Safe text. */
export function ruleRows(
  rules: readonly DeviceRule[],
  notation: Notation,
  names: DeviceNames,
  most: number = MOST_LINES,
): { rows: [numbers: string, access: string, names: string][]; more: number } {
  const lines = ruleLines(rules, notation);
  const rows = lines
    .slice(0, most)
    .map((line): [string, string, string] => [
      `${line.type} ${line.numbers}`,
      line.access,
      escapeText(names.describe(line.rules)),
    ]);
  return { rows, more: lines.length - rows.length };
}

/** Rules on one line: `c 1:3,5 rw · c 5:0 rw`. */
export function rulesInline(rules: readonly DeviceRule[], notation: Notation, most = 8): string {
  const lines = ruleLines(rules, notation);
  const shown = lines.slice(0, most).map(formatLine);
  return [...shown, ...(lines.length > most ? [`${String(lines.length - most)} more`] : [])].join(' · ');
}
