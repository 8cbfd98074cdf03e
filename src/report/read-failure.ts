import type { ReadFailure } from '../snapshot/types.js';

/** What could not be read, with the error's name unless the words have it already: `bpf(BPF_PROG_QUERY): EPERM`. */
export function readFailureText({ failed, code }: ReadFailure): string {
  return code === null || failed.includes(code) ? failed : `${failed}: ${code}`;
}
