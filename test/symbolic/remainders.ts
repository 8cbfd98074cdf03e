/** Computations that are remainders, or look like one. */
import { expect } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import type { AluOp, Width } from '../../src/ebpf/types.js';
import type { BitVector } from '../../src/symbolic/bitvector.js';
import { remainderByParts } from '../../src/symbolic/residues.js';
import { Expressions, numberUnder, type Expression } from './expressions.js';

export type Parts = readonly [op: AluOp, width: Width, a: Expression, b: Expression];
export type Case = readonly [name: string, parts: (e: Expressions) => Parts];

export const LARGEST_32 = 0xffffffffn;
export const LARGEST_64: bigint = (1n << 64n) - 1n;

/** Whether the operation is found to be a remainder; in any case its result must be right. */
export function isFound(parts: Case[1]): boolean {
  const e = new Expressions(new BddManager());
  const [op, width, a, b] = parts(e);
  const found = remainderByParts(e.m, op, width, a.word, b.word) !== null;
  const expected = e.alu(op, width, a, b);
  const [part, whole] = [expected.word.need(0b1010n), expected.word.need(LARGEST_64)];
  const numbers = (bits: BitVector): bigint[] => e.assignments.map((assignment) => numberUnder(e.m, bits, assignment));
  const values = e.assignments.map(expected.valueUnder);
  expect(numbers(whole)).toEqual(values);
  expect(numbers(part).map((number) => number & 0b1010n)).toEqual(values.map((value) => value & 0b1010n));
  return found;
}

/** A number still to be worked out, from `least` to `least` + 15 where nothing overflows; `least` ends in four zero bits. */
export const sum = (e: Expressions, least = 0n): Expression => e.alu('add', 64, e.leaf(least, 0, 1), e.leaf(0n, 2, 3));
/** One with any bits. */
export const difference = (e: Expressions): Expression => e.alu('sub', 64, e.leaf(3n, 2), e.leaf(1n << 34n, 1, 33));
export const by = (e: Expressions, op: AluOp, a: Expression, amount: bigint, width: Width = 64): Expression =>
  e.alu(op, width, a, e.number(amount));
export const shiftedUpAndDown = (e: Expressions, a: Expression, amount: bigint, up: Width, down: Width): Expression =>
  by(e, 'rsh', by(e, 'lsh', a, amount, up), amount, down);
/** The low 32 bits. */
export const cut = (e: Expressions, a: Expression): Expression => e.alu('mov', 32, e.number(0n), a);
export const copy = (e: Expressions, a: Expression): Expression => e.alu('mov', 64, e.number(0n), a);
export const cutByShifts = (e: Expressions, a: Expression): Expression => shiftedUpAndDown(e, a, 32n, 64, 64);
/** a / divisor * divisor */
export const multiple = (e: Expressions, a: Expression, divisor: bigint, width: Width = 64): Expression =>
  by(e, 'mul', by(e, 'div', a, divisor, width), divisor, width);
