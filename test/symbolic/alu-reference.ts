/** ALU operations on plain numbers at any width, written from RFC 9669 section 4 without bits: the second origin the bit vectors are tested against. */
import type { AluOp, JmpOp } from '../../src/ebpf/types.js';

type Operation = (a: bigint, b: bigint, width: number) => bigint;

const signed = (a: bigint, width: number): bigint => BigInt.asIntN(width, a);
const count = (b: bigint, width: number): bigint => b % BigInt(width);

/** Operands are unsigned numbers of `width` bits; the result may be any number and is taken modulo 2^width. */
const OPERATIONS: Record<AluOp, Operation> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? 0n : a / b),
  mod: (a, b) => (b === 0n ? a : a % b),
  sdiv: (a, b, w) => (b === 0n ? 0n : signed(a, w) / signed(b, w)),
  smod: (a, b, w) => (b === 0n ? a : signed(a, w) % signed(b, w)),
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  xor: (a, b) => a ^ b,
  lsh: (a, b, w) => a << count(b, w),
  rsh: (a, b, w) => a >> count(b, w),
  arsh: (a, b, w) => signed(a, w) >> count(b, w),
  mov: (_a, b) => b,
  neg: (a) => -a,
};

export const ALU_OPS = Object.keys(OPERATIONS) as AluOp[];

export function referenceAlu(op: AluOp, width: number, a: bigint, b: bigint): bigint {
  const [x, y] = [BigInt.asUintN(width, a), BigInt.asUintN(width, b)];
  return BigInt.asUintN(width, OPERATIONS[op](x, y, width));
}

const COMPARISONS: Record<JmpOp, (a: bigint, b: bigint, width: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  set: (a, b) => (a & b) !== 0n,
  sgt: (a, b, w) => signed(a, w) > signed(b, w),
  sge: (a, b, w) => signed(a, w) >= signed(b, w),
  slt: (a, b, w) => signed(a, w) < signed(b, w),
  sle: (a, b, w) => signed(a, w) <= signed(b, w),
};

export const JMP_OPS = Object.keys(COMPARISONS) as JmpOp[];

export function referenceBranch(op: JmpOp, width: number, a: bigint, b: bigint): boolean {
  return COMPARISONS[op](BigInt.asUintN(width, a), BigInt.asUintN(width, b), width);
}
