import { fit } from '../../src/report/fit.js';
import type { CommandIo } from '../../src/cli/io.js';

export interface FakeIo extends CommandIo {
  stdout: string;
  stderr: string;
}

/** The outside world of a command under test: what it prints is kept, what it reads is given. */
export function fakeIo(
  options: {
    stop?: AbortSignal;
    columns?: number;
    input?: string;
    terminal?: boolean;
    environment?: Record<string, string>;
  } = {},
): FakeIo {
  const terminal = options.terminal ?? false;
  return {
    stdout: '',
    stderr: '',
    out(text) {
      this.stdout += text;
    },
    say(text) {
      this.stdout += terminal ? fit(text, this.columns) : text;
    },
    outBytes(text) {
      this.stdout += text;
    },
    err(text) {
      this.stderr += terminal ? fit(text, this.columns) : text;
    },
    progress: () => undefined,
    outClosed: false,
    drained: () => Promise.resolve(),
    interrupted: () => options.stop ?? new AbortController().signal,
    async *input() {
      yield await Promise.resolve(Buffer.from(options.input ?? ''));
    },
    outIsTerminal: terminal,
    errIsTerminal: terminal,
    inIsTerminal: false,
    columns: options.columns ?? 80,
    environment: options.environment ?? {},
  };
}
