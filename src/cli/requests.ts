import { InputError } from '../errors.js';
import type { DeviceRequest } from '../policy/types.js';
import { escapeText } from '../report/escape.js';
import { parseRequestLine } from './device-syntax.js';
import { EXIT_CANNOT, EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from './exit.js';
import type { CommandIo } from './io.js';

export type Verdict = 'allow' | 'deny' | 'undecided';

/** Longer lines are no request. */
const MAX_LINE = 64 * 1024;
/** An unfinished line that grows beyond this is no text file. */
const MAX_PENDING = 16 * 1024 * 1024;

/**
 * Answers a stream of requests: each line comes out again with a fifth column. Blank lines and lines that begin with `#` pass through; a malformed
 * line gets `error` and the others are still answered. Bytes that are no UTF-8 pass through unchanged.
 * @returns 2 if a line was malformed, else 3 if one was undecided, else 0.
 */
export async function answerRequests(
  io: CommandIo,
  chunks: AsyncIterable<Buffer>,
  answer: (request: DeviceRequest) => Verdict,
): Promise<ExitStatus> {
  const count = { error: 0, undecided: 0, allow: 0, deny: 0 };
  const answerLine = (line: string): string => {
    const carriageReturn = line.endsWith('\r') ? '\r' : '';
    const text = carriageReturn === '' ? line : line.slice(0, -1);
    if (text.trim() === '' || text.trimStart().startsWith('#')) return `${line}\n`;
    const request = text.length > MAX_LINE ? null : parseRequestLine(text);
    const verdict = request === null ? 'error' : answer(request);
    count[verdict] += 1;
    return `${text}\t${verdict}${carriageReturn}\n`;
  };
  for await (const lines of completeLines(chunks)) {
    const answered = lines.map(answerLine).join('');
    if (io.outIsTerminal) io.out(answered.split('\n').map(escapeKeepingTabs).join('\n'));
    else io.outBytes(answered);
    if (io.outClosed) break;
    await io.drained();
  }
  if (count.error > 0) return EXIT_CANNOT;
  return count.undecided > 0 ? EXIT_INCOMPLETE : EXIT_OK;
}

/** Lines without their newline, in batches as they arrive; the last one need not end in a newline. One character per byte. */
async function* completeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_PENDING) throw new InputError('a line of the requests is longer than 16 MiB');
    if (lines.length > 0) yield lines;
  }
  if (rest !== '') yield [rest];
}

function escapeKeepingTabs(text: string): string {
  return text.split('\t').map(escapeText).join('\t');
}
