/** The smallest programs with which composition can be told apart. */
import { type Row, assemble } from './assemble.js';

const EXIT: Row = [0x95, 0, 0, 0];
const returning = (value: 0 | 1): Row[] => [[0xb7, 0, 0, value], EXIT];
/** bpf_set_retval is helper 187, bpf_get_retval 186 (include/uapi/linux/bpf.h), since 5.18. */
const setRetval = (value: number): Row[] => [
  [0xb7, 1, 0, value],
  [0x85, 0, 0, 187],
];

export const ALLOW: Uint8Array = assemble(...returning(1));
export const DENY: Uint8Array = assemble(...returning(0));
/** `bpf_set_retval(value); return result`. */
export function setting(value: number, result: 0 | 1): Uint8Array {
  return assemble(...setRetval(value), ...returning(result));
}
/** Allows the request exactly if the programs before it did not deny: `return bpf_get_retval() == 0`. */
export const IF_NOT_DENIED: Uint8Array = assemble([0x85, 0, 0, 186], [0x15, 0, 2, 0], ...returning(0), ...returning(1));
/** Denies nothing but requests for this major: lets a test see which programs run. */
export function denyMajor(major: number): Uint8Array {
  return assemble([0x61, 0x12, 4, 0], [0x55, 2, 2, major], ...returning(0), ...returning(1));
}
