/** Remainders from the remainders of parts: which computations are taken for one, and what each bit is, against plain arithmetic. */
import { describe, expect, it } from 'vitest';
import type { Width } from '../../src/ebpf/types.js';
import type { Expression, Expressions } from './expressions.js';
import {
  by,
  copy,
  cut,
  cutByShifts,
  difference,
  isFound,
  LARGEST_32,
  LARGEST_64,
  shiftedUpAndDown,
  sum,
  type Case,
} from './remainders.js';

const mod =
  (divisor: bigint, number: (e: Expressions) => Expression, width: Width = 64): Case[1] =>
  (e) => ['mod', width, number(e), e.number(divisor)];
const chain = (e: Expressions, length: number): Expression =>
  Array.from({ length: length - 1 }).reduce<Expression>((x) => by(e, 'add', x, 1n), sum(e));

describe('a remainder of a sum or product', () => {
  it.each<Case>([
    ['of 64 bits', mod(7n, (e) => sum(e))],
    ['of 32 bits', mod(7n, (e) => sum(e), 32)],
    ['by 2', mod(2n, (e) => sum(e))],
    ['by a power of two', mod(8n, (e) => sum(e))],
    ['by 1024', mod(1024n, (e) => sum(e, 1008n))],
    ['of a 32-bit sum', mod(7n, (e) => e.alu('add', 32, e.leaf(0n, 4), sum(e)))],
    ['of a sum that just fits into 32 bits', mod(7n, (e) => sum(e, LARGEST_32 - 15n), 32)],
    ['of a 32-bit sum that just fits', mod(7n, (e) => by(e, 'add', sum(e), LARGEST_32 - 15n, 32))],
    ['of a sum that just fits into 64 bits', mod(7n, (e) => sum(e, LARGEST_64 - 15n))],
    ['of a sum above 2^32, of 64 bits', mod(1000n, (e) => sum(e, 1n << 32n))],
    ['of a sum with a constant', mod(10n, (e) => by(e, 'add', sum(e), 123456789n))],
    ['of a copy', mod(7n, (e) => copy(e, sum(e)))],
    ['of a cut that takes nothing', mod(7n, (e) => cut(e, sum(e, LARGEST_32 - 15n)))],
    ['of shifts that take nothing', mod(7n, (e) => cutByShifts(e, sum(e, LARGEST_32 - 15n)))],
    ['of shifts by 4', mod(7n, (e) => shiftedUpAndDown(e, sum(e, (1n << 60n) - 16n), 4n, 64, 64))],
    ['of 32-bit shifts by 4', mod(7n, (e) => shiftedUpAndDown(e, sum(e, (1n << 28n) - 16n), 4n, 32, 32))],
    ['of a 64-bit and a 32-bit shift', mod(7n, (e) => shiftedUpAndDown(e, sum(e, (1n << 28n) - 16n), 4n, 64, 32))],
    ['of a 32-bit and a 64-bit shift', mod(7n, (e) => shiftedUpAndDown(e, sum(e, (1n << 28n) - 16n), 4n, 32, 64))],
    ['of a multiple', mod(10n, (e) => by(e, 'mul', sum(e), 131n))],
    ['of a multiple, constant first', mod(10n, (e) => e.alu('mul', 64, e.number(131n), sum(e)))],
    ['of a product that just fits into 32 bits', mod(7n, (e) => by(e, 'mul', sum(e), LARGEST_32 / 15n), 32)],
    ['of a 32-bit product that just fits', mod(7n, (e) => by(e, 'mul', sum(e), LARGEST_32 / 15n, 32))],
    ['of a product that just fits into 64 bits', mod(7n, (e) => by(e, 'mul', sum(e), LARGEST_64 / 15n))],
    ['of zero times a sum', mod(7n, (e) => by(e, 'mul', sum(e), 0n))],
    [
      'of multiples of two sums',
      mod(100n, (e) => e.alu('add', 64, by(e, 'mul', sum(e), 131n), by(e, 'mul', e.leaf(64n, 1, 4, 5), 17n))),
    ],
    ['of a multiple of a sum of multiples', mod(11n, (e) => by(e, 'mul', chain(e, 3), 5n))],
    ['of a product of two numbers', mod(7n, (e) => e.alu('mul', 64, sum(e), e.leaf(8n, 0, 1)))],
    ['by 48 of a product of two numbers', mod(48n, (e) => e.alu('mul', 64, sum(e), e.leaf(8n, 0, 5)))],
    [
      'of a product of two numbers and a summand',
      mod(33n, (e) => by(e, 'add', e.alu('mul', 64, sum(e), e.leaf(8n, 0, 1, 5)), 7n)),
    ],
    ['of a long sum', mod(7n, (e) => chain(e, 16))],
  ])('%s', (_name, parts) => {
    expect(isFound(parts)).toBe(true);
  });
});

describe('no remainder by parts', () => {
  it.each<Case>([
    ['by 0', mod(0n, (e) => sum(e))],
    ['by 1', mod(1n, (e) => sum(e))],
    ['by 1025', mod(1025n, (e) => sum(e))],
    ['by a number that is not known', (e) => ['mod', 64, sum(e), e.leaf(4n, 1)]],
    ['of a number that is known', mod(7n, (e) => e.leaf(8n, 1, 2))],
    ['with sign', (e) => ['smod', 64, sum(e), e.number(7n)]],
    ['but a quotient', (e) => ['div', 64, sum(e), e.number(7n)]],
    ['of 32 bits of a sum that may not fit', mod(7n, (e) => sum(e, LARGEST_32 - 15n + 16n), 32)],
    ['of a 32-bit sum that may not fit', mod(7n, (e) => by(e, 'add', sum(e), LARGEST_32 - 14n, 32))],
    ['of a sum that may not fit into 64 bits', mod(7n, (e) => by(e, 'add', sum(e), LARGEST_64 - 14n))],
    ['of a cut that may take something', mod(7n, (e) => cut(e, sum(e, 1n << 32n)))],
    ['of shifts that may take something', mod(7n, (e) => cutByShifts(e, sum(e, 1n << 32n)))],
    ['of shifts by 4 that may', mod(7n, (e) => shiftedUpAndDown(e, sum(e, 1n << 60n), 4n, 64, 64))],
    ['of 32-bit shifts by 4 that may', mod(7n, (e) => shiftedUpAndDown(e, sum(e, 1n << 28n), 4n, 32, 32))],
    ['of a 32-bit and a 64-bit shift that may', mod(7n, (e) => shiftedUpAndDown(e, sum(e, 1n << 28n), 4n, 32, 64))],
    ['of a 64-bit and a 32-bit shift that may', mod(7n, (e) => shiftedUpAndDown(e, sum(e, 1n << 28n), 4n, 64, 32))],
    ['of a 32-bit shift by 32, which is none, and one of 64', mod(7n, (e) => shiftedUpAndDown(e, sum(e), 32n, 32, 64))],
    ['of a shift by 64, which is none', mod(7n, (e) => shiftedUpAndDown(e, sum(e), 64n, 64, 64))],
    ['of a shift up by less', mod(7n, (e) => by(e, 'rsh', by(e, 'lsh', sum(e), 3n), 4n))],
    [
      'of a shift up by an unknown amount',
      (e) => {
        const amount = e.leaf(0n, 0, 1);
        return ['mod', 64, e.alu('rsh', 64, e.alu('lsh', 64, sum(e), amount), amount), e.number(7n)];
      },
    ],
    ['of a shift down of a sum', mod(7n, (e) => by(e, 'rsh', sum(e), 1n))],
    ['of a shift down of a multiple', mod(7n, (e) => by(e, 'rsh', by(e, 'mul', sum(e), 1n), 1n))],
    ['of a shift up', mod(7n, (e) => by(e, 'lsh', sum(e), 1n))],
    ['of a shift down of a join', mod(7n, (e) => by(e, 'rsh', e.select(e.variable(), sum(e), e.number(7n)), 1n))],
    ['of a product that may not fit into 32 bits', mod(7n, (e) => by(e, 'mul', sum(e), LARGEST_32 / 15n + 1n), 32)],
    ['of a 32-bit product that may not fit', mod(7n, (e) => by(e, 'mul', sum(e), LARGEST_32 / 15n + 1n, 32))],
    ['of a product that may not fit into 64 bits', mod(7n, (e) => by(e, 'mul', sum(e), LARGEST_64 / 15n + 1n))],
    ['of a difference', mod(7n, (e) => difference(e))],
    ['of a sum with a difference', mod(7n, (e) => by(e, 'add', difference(e), 1n))],
    ['of a constant and a difference', mod(7n, (e) => e.alu('add', 64, e.number(1n), difference(e)))],
    ['of a disjunction', mod(7n, (e) => by(e, 'or', sum(e), 16n))],
    ['by 49 of a product of two numbers', mod(49n, (e) => e.alu('mul', 64, sum(e), e.leaf(8n, 0, 1)))],
    ['of a very long sum', mod(7n, (e) => chain(e, 17))],
  ])('%s', (_name, parts) => {
    expect(isFound(parts)).toBe(false);
  });
});
