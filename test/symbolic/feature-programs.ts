/** Programs written slot by slot, asked of both judges about many requests; verdicts of some of them are known by hand. */
import { expect } from 'vitest';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { compareBoth, programOf, type Answers } from './agreement.js';
import { OP } from './program-bytes.js';

export const char = (major: number, minor: number, access = 2): DeviceRequest => ({
  type: 'c',
  access,
  major,
  minor,
});
export const loadMajor = (dst: number, base = 1): Uint8Array => slot(OP.ldw, { dst, src: base, off: 4 });
export const loadMinor = (dst: number, base = 1): Uint8Array => slot(OP.ldw, { dst, src: base, off: 8 });
export const move = (dst: number, src: number): Uint8Array => slot(OP.movReg, { dst, src });
export const add = (dst: number, imm: number): Uint8Array => slot(OP.add, { dst, imm });
/** r0 = register == imm */
export const returnEqual = (register: number, imm: number): Uint8Array[] => [
  slot(OP.jeq, { dst: register, imm, off: 2 }),
  mov(0, 0),
  EXIT,
  mov(0, 1),
  EXIT,
];

export function exact(parts: readonly Uint8Array[], environment?: ProgramEnvironment): Answers {
  const answers = compareBoth(programOf(parts), environment);
  expect(answers.disagreements).toEqual([]);
  const others = [...answers.counts.keys()].filter((verdict) => verdict !== 'allow' && verdict !== 'deny');
  expect(others).toEqual([]);
  return answers;
}
