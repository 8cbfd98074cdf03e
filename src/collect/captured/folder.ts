import { InputError } from '../../errors.js';
import type { ProblemRecord, SourceRecord, UnreadableSource } from '../../snapshot/types.js';
import { FileTree, LIMITS, fileFailure } from '../files.js';

/** A folder of captured files, and what went wrong while reading it. Files that are not there are ordinary. */
export class CapturedFolder {
  readonly names: ReadonlySet<string>;
  readonly problems: ProblemRecord[] = [];
  readonly #tree: FileTree;

  /** @throws InputError if `directory` is no directory that can be listed */
  constructor(directory: string) {
    // Not at "/": links inside a folder that came from elsewhere must not lead out of it.
    this.#tree = new FileTree(directory);
    try {
      if (this.#tree.stat('/')?.isDirectory() !== true) throw new InputError(`${directory}: no such directory`);
      this.names = new Set(this.#tree.list('/', 10_000));
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw new InputError(`${directory}: ${fileFailure(error).failed}`);
    }
  }

  /**
   * The text of a file, or null with a problem noted if it is there and cannot be read. Files sent by mail or through another system may have got a byte
   * order mark and carriage returns.
   */
  text(name: string, maxBytes: number = LIMITS.json): string | null {
    const bytes = this.bytes(name, maxBytes);
    return bytes === null
      ? null
      : bytes
          .toString('utf8')
          .replace(/^\ufeff/, '')
          .replace(/\r\n/g, '\n');
  }

  bytes(name: string, maxBytes: number = LIMITS.json): Buffer | null {
    if (!this.names.has(name)) return null;
    try {
      return this.#tree.read(`/${name}`, maxBytes);
    } catch (error) {
      const { failed, code } = fileFailure(error);
      this.note(name, failed, code);
      return null;
    }
  }

  /** Reads a file with a parser; null if it is not there, or cannot be read or parsed (then noted). */
  parse<T>(name: string, parser: (text: string) => T): T | null {
    const text = this.text(name);
    if (text === null) return null;
    try {
      return parser(text);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.note(name, error.message);
      return null;
    }
  }

  /** As parse, for a source of intent: one that is there and cannot be understood is kept as unreadable, never as missing. */
  source<T>(
    name: string,
    expected: UnreadableSource['expected'],
    parser: (text: string) => T,
    record: (value: T) => SourceRecord,
  ): { value: T | null; sources: SourceRecord[] } {
    if (!this.names.has(name)) return { value: null, sources: [] };
    const before = this.problems.length;
    const value = this.parse(name, parser);
    if (value !== null) return { value, sources: [record(value)] };
    const problem = this.problems[before];
    const failed = problem?.message ?? 'could not be read';
    return {
      value: null,
      sources: [{ kind: 'unreadable', expected, path: name, failed, code: problem?.code ?? null }],
    };
  }

  note(name: string, message: string, code: string | null = null): void {
    this.problems.push({ subject: name, message: `${name}: ${message}`, code });
  }
}
