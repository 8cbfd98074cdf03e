import type { ProblemRecord } from '../snapshot/types.js';
import { fileFailure } from './files.js';

/**
 * Reads something that may be refused. A failure is handed on and `otherwise` is the answer: whoever gives no place for it to go has to say so.
 * Anything that is no file error is thrown on.
 */
export function attempt<T, U>(read: () => T, otherwise: U, note: (failed: string, code: string | null) => void): T | U {
  try {
    return read();
  } catch (error) {
    const { failed, code } = fileFailure(error);
    note(failed, code);
    return otherwise;
  }
}

/** Takes a problem to a list, each once: the same directory may be looked into for many containers. */
export function noteOnce(problems: ProblemRecord[], subject: string, message: string, code: string | null): void {
  const known = problems.some((each) => each.subject === subject && each.message === message && each.code === code);
  if (!known) problems.push({ subject, message, code });
}

/** noteOnce for one subject. */
export function noteFor(problems: ProblemRecord[], subject: string): (message: string, code: string | null) => void {
  return (message, code) => {
    noteOnce(problems, subject, message, code);
  };
}

/** As attempt, with the failure noted as a problem: "WHAT: why". */
export function attemptNoted<T, U>(
  problems: ProblemRecord[],
  subject: string,
  what: string,
  otherwise: U,
  read: () => T,
): T | U {
  return attempt(read, otherwise, (failed, code) => {
    noteOnce(problems, subject, `${what}: ${failed}`, code);
  });
}
