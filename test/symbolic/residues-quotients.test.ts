/** Remainders that are written as quotient, product and subtraction, against plain arithmetic. */
import { describe, expect, it } from 'vitest';
import type { Width } from '../../src/ebpf/types.js';
import { Random } from '../property/random.js';
import type { Expression, Expressions } from './expressions.js';
import {
  by,
  copy,
  cut,
  cutByShifts,
  difference,
  isFound,
  LARGEST_32,
  multiple,
  shiftedUpAndDown,
  sum,
  type Case,
} from './remainders.js';

describe('a - a / c * c', () => {
  const sub =
    (
      number: (e: Expressions) => Expression,
      taken: (e: Expressions, a: Expression) => Expression,
      width: Width = 64,
    ): Case[1] =>
    (e) => {
      const a = number(e);
      return ['sub', width, a, taken(e, a)];
    };
  const of32 = (e: Expressions): Expression => sum(e, LARGEST_32 - 15n);
  const cutOf32 = (e: Expressions): Expression => cut(e, of32(e));
  const large = (e: Expressions): Expression => sum(e, 1n << 32n);
  const reciprocal = (e: Expressions, a: Expression, factor: bigint, amount: bigint): Expression =>
    by(e, 'rsh', by(e, 'mul', a, factor), amount);
  /** 2^34 / 5, rounded up. */
  const fifth = (e: Expressions, a: Expression): Expression => by(e, 'mul', reciprocal(e, a, 0xcccccccdn, 34n), 5n);

  it.each<Case>([
    ['of a sum', sub(of32, (e, a) => multiple(e, a, 7n))],
    ['of a sum, of 32 bits', sub(of32, (e, a) => multiple(e, a, 7n, 32), 32)],
    ['by 2', sub(of32, (e, a) => multiple(e, a, 2n))],
    ['by a large number', sub(cutOf32, (e, a) => multiple(e, a, LARGEST_32))],
    [
      'of a product of two numbers',
      sub(
        (e) => e.alu('mul', 64, sum(e), e.leaf(8n, 0, 1)),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    [
      'of a number that is known',
      sub(
        (e) => e.leaf(LARGEST_32, 3, 31),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    [
      'of a cut sum above 2^32, cut for each',
      (e) => {
        const a = large(e);
        return ['sub', 64, cut(e, a), multiple(e, cut(e, a), 7n)];
      },
    ],
    [
      'of a difference, cut in two ways',
      (e) => {
        const a = difference(e);
        return ['sub', 64, cut(e, copy(e, a)), multiple(e, cutByShifts(e, a), 7n)];
      },
    ],
    [
      'of a copied cut',
      sub(
        (e) => copy(e, cut(e, difference(e))),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    [
      'of an upper half',
      sub(
        (e) => by(e, 'rsh', difference(e), 32n),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    [
      'of an upper half, shifted by 96',
      sub(
        (e) => by(e, 'rsh', difference(e), 96n),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    [
      'of a 32-bit difference',
      sub(
        (e) => e.alu('sub', 32, e.leaf(3n, 2), e.leaf(0n, 1)),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    ['of cuts on the way', sub(of32, (e, a) => cut(e, by(e, 'mul', cut(e, by(e, 'div', cut(e, a), 7n)), 7n)))],
    ['with a reciprocal', sub(of32, fifth)],
    ['with a reciprocal, of a difference', sub((e) => cut(e, difference(e)), fifth)],
    ['with a power of two as reciprocal', sub(of32, (e, a) => by(e, 'mul', reciprocal(e, a, 1n << 30n, 33n), 8n))],
    [
      'with the largest shift',
      sub(cutOf32, (e, a) => by(e, 'mul', reciprocal(e, a, (1n << 31n) + 1n, 63n), LARGEST_32)),
    ],
  ])('%s', (_name, parts) => {
    expect(isFound(parts)).toBe(true);
  });

  it.each<Case>([
    [
      'added',
      (e) => {
        const a = of32(e);
        return ['add', 64, a, multiple(e, a, 7n)];
      },
    ],
    ['by 1', sub(of32, (e, a) => multiple(e, a, 1n))],
    ['by 0', sub(of32, (e, a) => multiple(e, a, 0n))],
    ['with two divisors', sub(of32, (e, a) => by(e, 'mul', by(e, 'div', a, 7n), 8n))],
    ['with two dividends', sub(of32, (e) => multiple(e, of32(e), 7n))],
    [
      'with a divisor that is not known',
      sub(of32, (e, a) => {
        const divisor = e.leaf(4n, 1);
        return e.alu('mul', 64, e.alu('div', 64, a, divisor), divisor);
      }),
    ],
    ['with a factor that is not known', sub(of32, (e, a) => e.alu('mul', 64, by(e, 'div', a, 7n), e.leaf(7n, 1)))],
    ['with a known number for the quotient', sub(of32, (e) => by(e, 'mul', e.leaf(3n, 2), 7n))],
    ['with a known number for the product', sub(of32, (e) => e.leaf(14n, 2))],
    ['with bytes for the quotient', sub(of32, (e, a) => by(e, 'mul', e.bytes(by(e, 'div', a, 7n), 0, 4), 7n))],
    ['with bytes for the product', sub(of32, (e, a) => e.bytes(multiple(e, a, 7n), 0, 4))],
    [
      'of bytes',
      sub(
        (e) => e.bytes(difference(e), 0, 4),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    ['with a sum for the product', sub(of32, (e, a) => by(e, 'add', by(e, 'div', a, 7n), 7n))],
    ['with a remainder for the quotient', sub(of32, (e, a) => by(e, 'mul', by(e, 'or', a, 7n), 7n))],
    ['of the quotient alone', sub(of32, (e, a) => by(e, 'div', a, 7n))],
    ['of a join for the product', sub(of32, (e, a) => e.select(e.variable(), multiple(e, a, 7n), e.number(7n)))],
    [
      'of a join for the quotient',
      sub(of32, (e, a) => by(e, 'mul', e.select(e.variable(), by(e, 'div', a, 7n), a), 7n)),
    ],
    [
      'of a join for the dividend',
      sub(
        (e) => e.select(e.variable(), of32(e), e.leaf(0n, 0)),
        (e, a) => multiple(e, a, 7n),
      ),
    ],
    ['of a sum above 2^32, cut only for the quotient', sub(large, (e, a) => multiple(e, cut(e, a), 7n))],
    ['of a sum above 2^32, cut by the quotient', sub(large, (e, a) => multiple(e, a, 7n, 32))],
    [
      'of a sum above 2^32, not cut for the quotient',
      (e) => {
        const a = large(e);
        return ['sub', 64, cut(e, a), multiple(e, a, 7n)];
      },
    ],
    ['of a sum above 2^32, never cut', sub(large, (e, a) => multiple(e, a, 7n))],
    ['of a sum above 2^32, of 32 bits', sub(large, (e, a) => multiple(e, a, 7n), 32)],
    [
      'of a known number above 2^32',
      sub(
        (e) => e.leaf(LARGEST_32, 3, 32),
        (e, a) => multiple(e, a, 7n, 32),
      ),
    ],
    ['of a difference', sub(difference, (e, a) => multiple(e, cut(e, a), 7n))],
    [
      'of a copied difference',
      sub(
        (e) => copy(e, difference(e)),
        (e, a) => multiple(e, cut(e, a), 7n),
      ),
    ],
    [
      'of a shift by 31',
      sub(
        (e) => by(e, 'rsh', difference(e), 31n),
        (e, a) => multiple(e, cut(e, a), 7n),
      ),
    ],
    [
      'of a shift by 64, which is none',
      sub(
        (e) => by(e, 'rsh', difference(e), 64n),
        (e, a) => multiple(e, cut(e, a), 7n),
      ),
    ],
    [
      'of a shift by an unknown amount',
      sub(
        (e) => e.alu('rsh', 64, difference(e), e.leaf(32n, 0)),
        (e, a) => multiple(e, cut(e, a), 7n),
      ),
    ],
    [
      'of a shift up by 32',
      sub(
        (e) => by(e, 'lsh', difference(e), 32n),
        (e, a) => multiple(e, cut(e, a), 7n),
      ),
    ],
    [
      'of a number shifted up and down by less than a half',
      (e) => {
        const a = cut(e, difference(e));
        return ['sub', 64, a, multiple(e, shiftedUpAndDown(e, a, 33n, 64, 64), 7n)];
      },
    ],
    [
      'of a number shifted up by less than down',
      (e) => {
        const a = cut(e, difference(e));
        return ['sub', 64, a, multiple(e, cut(e, by(e, 'rsh', by(e, 'lsh', a, 31n), 32n)), 7n)];
      },
    ],
    [
      'of a number rotated',
      (e) => {
        const a = cut(e, difference(e));
        return ['sub', 64, a, multiple(e, cut(e, by(e, 'rsh', by(e, 'mul', a, 32n), 32n)), 7n)];
      },
    ],
    [
      'of a 32-bit shift by 32, which is none, and one of 64',
      (e) => {
        const a = cut(e, difference(e));
        return ['sub', 64, a, multiple(e, shiftedUpAndDown(e, a, 32n, 32, 64), 7n)];
      },
    ],
    [
      'of one of 64 and a 32-bit shift by 32, which is none',
      (e) => {
        const a = cut(e, difference(e));
        return ['sub', 64, a, multiple(e, shiftedUpAndDown(e, a, 32n, 64, 32), 7n)];
      },
    ],
    [
      'by a number above 2^32',
      sub(
        (e) => cut(e, difference(e)),
        (e, a) => multiple(e, a, LARGEST_32 + 8n),
      ),
    ],
    [
      'by a number above 2^32, cut only for the quotient',
      sub(
        (e) => cut(e, difference(e)),
        (e, a) => by(e, 'mul', by(e, 'div', a, LARGEST_32 + 8n, 32), LARGEST_32 + 8n),
      ),
    ],
    [
      'with a reciprocal that is rounded down',
      sub(of32, (e, a) => by(e, 'mul', reciprocal(e, a, 0xccccccccn, 34n), 5n)),
    ],
    ['with a reciprocal that is too large', sub(of32, (e, a) => by(e, 'mul', reciprocal(e, a, 0xcccccccen, 34n), 5n))],
    [
      'with a reciprocal that is a little too large',
      sub(of32, (e, a) => by(e, 'mul', reciprocal(e, a, 2454267027n, 34n), 7n)),
    ],
    ['with a short reciprocal', sub(of32, (e, a) => by(e, 'mul', reciprocal(e, a, 52429n, 18n), 5n))],
    ['with a reciprocal above 2^32', sub(of32, (e, a) => by(e, 'mul', reciprocal(e, a, 4908534053n, 35n), 7n))],
    [
      'with a reciprocal that is not known',
      sub(of32, (e, a) => by(e, 'mul', by(e, 'rsh', e.alu('mul', 64, a, e.leaf(0xcccccccdn, 1)), 34n), 5n)),
    ],
    [
      'with a shift that is not known',
      sub(of32, (e, a) => by(e, 'mul', e.alu('rsh', 64, by(e, 'mul', a, 0xcccccccdn), e.leaf(34n, 2)), 5n)),
    ],
    [
      'with a shift by 64, which is none',
      sub(of32, (e, a) => by(e, 'mul', reciprocal(e, a, LARGEST_32, 64n), 1n << 32n)),
    ],
    [
      'with a 32-bit shift of the product',
      sub(of32, (e, a) => by(e, 'mul', by(e, 'rsh', by(e, 'mul', a, 0xcccccccdn), 34n, 32), 5n)),
    ],
    [
      'with a 32-bit product',
      sub(of32, (e, a) => by(e, 'mul', by(e, 'rsh', by(e, 'mul', a, 0xcccccccdn, 32), 34n), 5n)),
    ],
    [
      'with a sum for the product with the reciprocal',
      sub(of32, (e, a) => by(e, 'mul', by(e, 'rsh', by(e, 'add', a, 0xcccccccdn), 34n), 5n)),
    ],
    ['with a shift up', sub(of32, (e, a) => by(e, 'mul', by(e, 'lsh', by(e, 'mul', a, 0xcccccccdn), 34n), 5n))],
    [
      'with a shift of a join',
      sub(of32, (e, a) => by(e, 'mul', by(e, 'rsh', e.select(e.variable(), a, e.number(9n)), 34n), 5n)),
    ],
  ])('not where it is %s', (_name, parts) => {
    expect(isFound(parts)).toBe(false);
  });

  /** Where the quotient by a wrong reciprocal is first wrong: just below a multiple, the larger the sooner; or at one, where it is too small. */
  it('with any reciprocal that is right for all numbers, and with no other', () => {
    const random = new Random(8);
    const seen = new Set<boolean>();
    for (let round = 0; round < 60; round++) {
      const divisor = 2n + BigInt(random.below(random.pick([20, 1 << 12, 1 << 30])));
      const amount = BigInt(divisor.toString(2).length + 30 + random.below(3));
      const factor = (1n << amount) / divisor + BigInt(random.below(3));
      const found = [(LARGEST_32 / divisor) * divisor, (random.chance(50) ? 1n : 5n) * divisor].map((multipleOf) =>
        isFound((e) => {
          const a = cut(e, e.alu('sub', 64, e.leaf(multipleOf + 1n, 32), e.leaf(1n, 0)));
          return ['sub', 64, a, by(e, 'mul', reciprocal(e, a, factor, amount), divisor)];
        }),
      );
      expect(found[0]).toBe(found[1]);
      seen.add(found[0]!);
    }
    expect(seen.size).toBe(2);
  });
});
