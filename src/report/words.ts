import { type Notation } from '../policy/access.js';
import { formatLine, ruleLines } from '../policy/policy-text.js';
import type { DeviceRule } from '../policy/types.js';
import { escapeText } from './escape.js';
import { table } from './table.js';

/** What device numbers mean to a person; from the host's own files and a shipped table (policy/names). */
export interface DeviceWords {
  /** "null zero full", "" if nothing is known. */
  names: (rules: readonly DeviceRule[]) => string;
  /** What stops working without these devices: "`docker exec -it` fails"; "" if nothing is known. */
  impact: (rules: readonly DeviceRule[]) => string;
}

/** Most lines of one list; a person reads no more, and `--json` has them all. */
const MOST_LINES = 40;

/** Rules as a table: numbers, accesses, names, and for losses what they mean. */
export function ruleTable(
  rules: readonly DeviceRule[],
  notation: Notation,
  words: DeviceWords,
  options: { indent: number; impact?: boolean; most?: number },
): string[] {
  const lines = ruleLines(rules, notation);
  const most = options.most ?? MOST_LINES;
  const rows = lines.slice(0, most).map((line) => {
    const cells = [`${line.type} ${line.numbers}`, line.access, escapeText(words.names(line.rules))];
    return options.impact === true ? [...cells, words.impact(line.rules)] : cells;
  });
  const more = lines.length - rows.length;
  const text = table(rows, { indent: options.indent });
  return more > 0 ? [...text, `${' '.repeat(options.indent)}and ${String(more)} more lines (see --json)`] : text;
}

/** Rules on one line: `c 1:3,5 rw · c 5:0 rw`. */
export function rulesInline(rules: readonly DeviceRule[], notation: Notation, most = 8): string {
  const lines = ruleLines(rules, notation);
  const shown = lines.slice(0, most).map(formatLine);
  return [...shown, ...(lines.length > most ? [`${String(lines.length - most)} more`] : [])].join(' · ');
}
