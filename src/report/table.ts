import { withoutColours } from './style.js';

/** Columns of text. Cells must be safe text already (escapeText); style is applied by the caller through `decorate`, after widths are known. */
export interface TableOptions {
  indent?: number;
  /** Spaces between columns. */
  gap?: number;
  /** Applied to each padded cell; must not change its visible width. */
  decorate?: (cell: string, row: number, column: number) => string;
}

/** Lines of a left-aligned table; trailing blanks are removed. Rows may have different lengths. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      // The last cell of a row pads nothing after it, so it does not widen the column for others.
      if (column < row.length - 1) widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    });
  }
  const indent = ' '.repeat(options.indent ?? 0);
  const gap = ' '.repeat(options.gap ?? 2);
  return rows.map((row, index) => {
    const cells = row.map((cell, column) => {
      const last = column === row.length - 1;
      const padded = last ? cell : cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(cell)));
      return options.decorate === undefined ? padded : options.decorate(padded, index, column);
    });
    return (indent + cells.join(gap)).trimEnd();
  });
}

/** Terminal columns: East Asian wide characters and emoji take two, combining marks and changes of colour none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of withoutColours(text)) {
    if (/\p{Mark}/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** A blank where a line may end: not within "c 1:3". */
const BREAK = /(?<!(?:^| )[bc]) /;

/** Breaks text at blanks so that no line is wider than `width`; following lines get `hanging` blanks. A longer word stands alone. */
export function wrap(text: string, width: number, hanging = 0): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(BREAK)) {
    const candidate = line === '' ? word : `${line} ${word}`;
    const limit = lines.length === 0 ? width : width - hanging;
    if (line !== '' && displayWidth(candidate) > limit) {
      lines.push(line);
      line = word;
    } else {
      line = candidate;
    }
  }
  lines.push(line);
  return lines.map((each, index) => (index === 0 ? each : ' '.repeat(hanging) + each));
}
