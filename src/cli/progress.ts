/** What a terminal shows while something takes long. */
const SHOWN_AFTER_MS = 1000;

/**
 * A line that comes and goes: shown from the first second on, replaced by the next one, erased before anything else is printed. What runs without a pause
 * cannot be interrupted to show it, so that it is said before a step begins, and shown by a timer or by the next step, whichever comes first.
 */
export class TransientLine {
  readonly #write: (text: string) => void;
  readonly #columns: () => number;
  readonly #started: number = milliseconds();
  #text = '';
  #shown = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(write: (text: string) => void, columns: () => number) {
    this.#write = write;
    this.#columns = columns;
  }

  /** @param text "": nothing goes on any more */
  say(text: string): void {
    if (text === '') {
      this.erase();
      return;
    }
    this.#text = text;
    const left = SHOWN_AFTER_MS - (milliseconds() - this.#started);
    if (left <= 0) this.#show();
    else
      this.#timer ??= setTimeout(() => {
        this.#show();
      }, left).unref();
  }

  erase(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#text = '';
    if (this.#shown) this.#write('\r\u001b[K');
    this.#shown = false;
  }

  #show(): void {
    if (this.#text === '') return;
    this.#shown = true;
    // A line that wraps could not be erased.
    this.#write(`\r\u001b[K${this.#text.slice(0, Math.max(10, this.#columns() - 1))}`);
  }
}

/** Since some moment; `performance` would be loaded for it at every start. */
function milliseconds(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
