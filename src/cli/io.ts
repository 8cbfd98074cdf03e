import { fit } from '../report/fit.js';
import { EXIT_CANNOT } from './exit.js';
import { failureText } from './failure.js';
import { TransientLine } from './progress.js';

/** What a command may do with the outside world besides collecting. One value, so that tests run commands in the same process. */
export interface CommandIo {
  /** Data. Ignored once the reader has gone (EPIPE). */
  out(text: string): void;
  /** Data that is text for people: on a terminal its lines are fitted to the width. */
  say(text: string): void;
  /** Bytes as they are, one character per byte (latin1). */
  outBytes(text: string): void;
  /** Hints, progress, errors. */
  err(text: string): void;
  /** What is going on, for whoever waits at a terminal: shown once it takes longer than a second, erased by whatever is printed next, and by "". */
  progress(text: string): void;
  /** True once nobody reads standard output any more: a stream of answers may stop early. */
  readonly outClosed: boolean;
  /** Resolves when standard output can take more. */
  drained(): Promise<void>;
  /** Chunks of standard input. */
  input(): AsyncIterable<Buffer>;
  /** Aborted when the user or the service manager ends the program (SIGINT, SIGTERM, SIGHUP); asking for it turns off that they kill. */
  interrupted(): AbortSignal;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly inIsTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function processIo(): CommandIo {
  let closed = false;
  /** Whoever waits for standard output to take more; woken by room, by its end, and by a reader that went away. */
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  const onError = (error: NodeJS.ErrnoException): void => {
    // `devpolicy list | head -1`: the reader has what it wanted. Anything else, a full disk, is a failure whatever the answer was.
    if (!closed && error.code !== 'EPIPE' && error.code !== 'EIO') {
      process.stderr.write(failureText(error, false));
      process.on('exit', () => {
        process.exitCode = EXIT_CANNOT;
      });
    }
    closed = true;
    wake();
  };
  process.stdout.on('error', onError);
  process.stdout.on('drain', wake);
  process.stdout.on('close', wake);
  process.stderr.on('error', () => undefined);
  const line = new TransientLine(
    (text) => process.stderr.write(text),
    () => process.stderr.columns || 80,
  );
  const write = (text: string, encoding: BufferEncoding): void => {
    line.erase();
    if (!closed && text !== '') process.stdout.write(text, encoding);
  };
  return {
    out: (text) => {
      write(text, 'utf8');
    },
    say: (text) => {
      write(process.stdout.isTTY ? fit(text, process.stdout.columns || 80) : text, 'utf8');
    },
    outBytes: (text) => {
      write(text, 'latin1');
    },
    err: (text) => {
      line.erase();
      process.stderr.write(process.stderr.isTTY ? fit(text, process.stderr.columns || 80) : text);
    },
    progress: (text) => {
      if (process.stderr.isTTY && process.env['TERM'] !== 'dumb') line.say(text);
    },
    get outClosed() {
      return closed;
    },
    drained: async () => {
      if (closed || !process.stdout.writableNeedDrain) return;
      await new Promise<void>((resolve) => waiting.push(resolve));
    },
    interrupted: () => {
      const controller = new AbortController();
      const end = (): void => {
        controller.abort();
      };
      // Once each: the second Ctrl-C ends the process at once.
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, end);
      return controller.signal;
    },
    input: () => process.stdin as AsyncIterable<Buffer>,
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
    inIsTerminal: process.stdin.isTTY,
    columns: process.stdout.columns || 80,
    environment: process.env,
  };
}
