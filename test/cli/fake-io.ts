import { fit } from '../../src/report/fit.js';
import type { CommandIo } from '../../src/cli/io.js';

export interface FakeIo extends CommandIo {
  stdout: string;
  stderr: string;
  /** What was said of what is going on. */
  steps: string[];
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
    steps: [],
    progress(text) {
      if (text !== '') this.steps.push(text);
    },
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
