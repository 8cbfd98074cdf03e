/** Just enough assembler for tests that must not depend on the encoder under test. Opcodes and fields as in RFC 9669, little endian. */

import { bytesOf, type Row } from '../ebpf/bytes.js';

export type { Row };

export function assemble(...rows: readonly Row[]): Uint8Array {
  return bytesOf(rows);
}

export interface ListRule {
  type: 'b' | 'c';
  /** Undefined: any. */
  major?: number;
  minor?: number;
  /** Subset of BPF_DEVCG_ACC_MKNOD 1, READ 2, WRITE 4; allows every request whose bits are all in it. */
  access: number;
}

/**
 * A device list as systemd >= 251 compiles it (src/core/bpf-devices.c): registers r2 type, r3 access, r4 major, r5 minor; one block per rule that jumps
 * to the common accepting tail; everything else is denied.
 */
export function listProgram(rules: readonly ListRule[]): Uint8Array {
  const rows: Row[] = [
    [0x61, 0x12, 0, 0],
    [0x54, 0x02, 0, 0xffff],
    [0x61, 0x13, 0, 0],
    [0x74, 0x03, 0, 16],
    [0x61, 0x14, 4, 0],
    [0x61, 0x15, 8, 0],
  ];
  const blocks = rules.map(listBlock);
  let left = blocks.reduce((sum, block) => sum + block.length, 0);
  for (const block of blocks) {
    left -= block.length;
    rows.push(...block.slice(0, -1), [0x05, 0, left + 2, 0]);
  }
  rows.push([0xb7, 0, 0, 0], [0x05, 0, 1, 0], [0xb7, 0, 0, 1], [0x95, 0, 0, 0]);
  return assemble(...rows);
}

function listBlock(rule: ListRule): Row[] {
  const tests: ((skip: number) => Row)[] = [];
  const head: Row[] = [];
  if (rule.access !== 7) {
    head.push([0xbc, 0x31, 0, 0], [0x54, 0x01, 0, rule.access]);
    tests.push((skip) => [0x5d, 0x31, skip, 0]);
  }
  tests.push((skip) => [0x55, 0x02, skip, rule.type === 'b' ? 1 : 2]);
  if (rule.major !== undefined) tests.push((skip) => [0x55, 0x04, skip, rule.major ?? 0]);
  if (rule.minor !== undefined) tests.push((skip) => [0x55, 0x05, skip, rule.minor ?? 0]);
  // Each test skips the tests after it and the jump that ends the block.
  return [...head, ...tests.map((test, index) => test(tests.length - index)), [0x05, 0, 0, 0]];
}
