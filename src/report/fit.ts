import { coloursOf, withoutColours } from './style.js';
import { displayWidth } from './table.js';

/** A run of blanks, with the changes of colour in and beside it; not the one within "c 1:3". */
const SEPARATOR = /(?<!(?:^| )[bc])((?:\u001b\[[\d;]*m)* (?: |\u001b\[[\d;]*m)*)/;
/** What a list item begins with: its other lines stand below the text. */
const MARKER = /^(?:-|->) /;
/** What a person copies is not broken. */
const COMMAND = /^(?:sudo )?(?:devpolicy|bpftool|systemctl) /;
/** Cells that do not fit beside the ones before them begin their own line, so much further in. */
const FURTHER_IN = 4;

/** Words of a cell, each with the separator before it. Cells are set apart by two blanks or more. */
interface Cell {
  words: { separator: string; text: string }[];
  last: boolean;
}

/**
 * Lines for a terminal of `columns`: wider ones are broken between words, and go on below the cell they belong to; a cell of a table that is too far to the right
 * for that begins a line of its own. A word that is wider than a line (a cgroup path) stays where it is: the terminal breaks it, and it can be copied.
 * @param text safe text, perhaps with colours
 */
export function fit(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => (displayWidth(line) <= columns ? line : fitLine(line, columns)))
    .join('\n');
}

function fitLine(line: string, columns: number): string {
  const lead = /^ */.exec(line)?.[0].length ?? 0;
  const writer = new LineWriter(lead, columns);
  for (const cell of cellsOf(line.slice(lead))) writer.cell(cell);
  return writer.text;
}

function cellsOf(text: string): Cell[] {
  const parts = text.split(SEPARATOR);
  const cells: Cell[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const word = { separator: parts[index - 1] ?? '', text: parts[index] ?? '' };
    const cell = cells.at(-1);
    if (cell === undefined || displayWidth(word.separator) > 1) cells.push({ words: [word], last: false });
    else cell.words.push(word);
  }
  const last = cells.at(-1);
  if (last !== undefined) last.last = true;
  return cells;
}

class LineWriter {
  text: string;
  readonly #lead: number;
  readonly #columns: number;
  #column: number;

  constructor(lead: number, columns: number) {
    this.text = ' '.repeat(lead);
    this.#lead = lead;
    this.#columns = columns;
    this.#column = lead;
  }

  cell({ words, last }: Cell): void {
    const [first] = words;
    if (first === undefined) return;
    const whole = words.map(({ separator, text }, index) => (index === 0 ? text : separator + text)).join('');
    const start = this.#column + displayWidth(first.separator);
    const isFirst = first.separator === '';
    const room = this.#columns - start;
    const staysHere = isFirst || displayWidth(whole) <= room || (last && room >= Math.max(20, this.#columns / 3));
    const below = this.#lead + FURTHER_IN;
    if (staysHere) this.#put(first.separator);
    else this.#breakLine(first.separator, below);
    if (COMMAND.test(whole)) {
      this.#put(whole);
      return;
    }
    const marker = MARKER.exec(withoutColours(whole))?.[0].length ?? 0;
    const hanging = isFirst ? this.#lead + marker : staysHere ? start : below;
    this.#put(first.text);
    for (const word of words.slice(1)) this.#word(word, hanging);
  }

  #word({ separator, text }: Cell['words'][number], hanging: number): void {
    const width = displayWidth(text);
    if (this.#column + 1 + width > this.#columns && hanging + width <= this.#columns)
      this.#breakLine(separator, hanging);
    else this.#put(separator);
    this.#put(text);
  }

  #put(text: string): void {
    this.text += text;
    this.#column += displayWidth(text);
  }

  /** Colours that change here still do. */
  #breakLine(separator: string, indent: number): void {
    this.text += `${coloursOf(separator)}\n${' '.repeat(indent)}`;
    this.#column = indent;
  }
}
