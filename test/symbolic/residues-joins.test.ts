/** Remainders whose ways meet before the division, or before the subtraction that ends them. */
import { describe, expect, it } from 'vitest';
import type { Expression, Expressions } from './expressions.js';
import { by, copy, cut, difference, isFound, multiple, sum, type Case } from './remainders.js';

describe('remainders that meet', () => {
  /** Each way's number and what is taken from it. */
  const ways = (
    e: Expressions,
    divisors: readonly [bigint, bigint],
  ): readonly [readonly [Expression, Expression], readonly [Expression, Expression]] => {
    const [a, b] = [sum(e, 64n), cut(e, difference(e))];
    return [
      [a, multiple(e, a, divisors[0])],
      [b, multiple(e, b, divisors[1])],
    ];
  };

  it.each([32, 64] as const)('are found, of %i bits', (width) => {
    expect(
      isFound((e) => {
        const [[a, x], [b, y]] = ways(e, [7n, 5000n]);
        const condition = e.variable();
        return ['sub', width, e.select(condition, a, b), e.select(condition, x, y)];
      }),
    ).toBe(true);
  });

  it('are found where more than two ways meet', () => {
    expect(
      isFound((e) => {
        const [[a, x], [b, y]] = ways(e, [7n, 5n]);
        const [inner, outer] = [e.variable(), e.variable()];
        const [c, z] = [e.select(inner, a, b), e.select(inner, x, y)];
        return ['sub', 64, e.select(outer, c, a), e.select(outer, z, x)];
      }),
    ).toBe(true);
  });

  it('are not looked for behind a chain of exchanges, of which each doubles the ways', () => {
    expect(
      isFound((e) => {
        let [one, other] = ways(e, [7n, 5n]);
        const condition = e.variable();
        for (let i = 0; i < 40; i++) {
          const [[a, x], [b, y]] = [one, other];
          one = [e.select(condition, b, a), e.select(condition, y, x)];
          other = [e.select(condition, a, b), e.select(condition, x, y)];
        }
        return ['sub', 64, ...one];
      }),
    ).toBe(false);
  });

  it.each<Case>([
    [
      'the ways meet under different conditions',
      (e) => {
        const [[a, x], [b, y]] = ways(e, [7n, 5n]);
        return ['sub', 64, e.select(e.variable(), a, b), e.select(e.variable(), x, y)];
      },
    ],
    [
      'the ways are exchanged',
      (e) => {
        const [[a, x], [b, y]] = ways(e, [7n, 5n]);
        const condition = e.variable();
        return ['sub', 64, e.select(condition, a, b), e.select(condition, y, x)];
      },
    ],
    [
      'the first way is none',
      (e) => {
        const [[a, x], [b, y]] = ways(e, [1n, 5n]);
        const condition = e.variable();
        return ['sub', 64, e.select(condition, a, b), e.select(condition, x, y)];
      },
    ],
    [
      'the second way is none',
      (e) => {
        const [[a, x], [b, y]] = ways(e, [7n, 1n]);
        const condition = e.variable();
        return ['sub', 64, e.select(condition, a, b), e.select(condition, x, y)];
      },
    ],
    [
      'only the numbers meet',
      (e) => {
        const [[a], [b, y]] = ways(e, [7n, 5n]);
        return ['sub', 64, e.select(e.variable(), a, b), y];
      },
    ],
    [
      'only what is taken meets',
      (e) => {
        const [[a, x], [, y]] = ways(e, [7n, 5n]);
        return ['sub', 64, a, e.select(e.variable(), x, y)];
      },
    ],
    [
      'only what is taken meets, and the number is known',
      (e) => {
        const [[, x], [, y]] = ways(e, [7n, 5n]);
        return ['sub', 64, e.leaf(8n, 1), e.select(e.variable(), x, y)];
      },
    ],
    [
      'only the numbers meet, and what is taken is known',
      (e) => {
        const [[a], [b]] = ways(e, [7n, 5n]);
        return ['sub', 64, e.select(e.variable(), a, b), e.leaf(8n, 1)];
      },
    ],
    [
      'they are added',
      (e) => {
        const [[a, x], [b, y]] = ways(e, [7n, 5n]);
        const condition = e.variable();
        return ['add', 64, e.select(condition, a, b), e.select(condition, x, y)];
      },
    ],
  ])('are not where %s', (_name, parts) => {
    expect(isFound(parts)).toBe(false);
  });
});

describe('remainders of numbers that meet', () => {
  const either = (e: Expressions, a: Expression, b: Expression): Expression => e.select(e.variable(), a, b);

  it.each<Case>([
    ['two sums', (e) => ['mod', 64, either(e, sum(e, 64n), sum(e, 32n)), e.number(7n)]],
    ['two sums, of 32 bits', (e) => ['mod', 32, either(e, sum(e, 64n), sum(e, 32n)), e.number(5n)]],
    ['a sum and a number', (e) => ['mod', 64, either(e, sum(e, 64n), e.leaf(77n, 1, 3)), e.number(7n)]],
    ['a number and a sum', (e) => ['mod', 32, either(e, e.leaf(77n, 1, 3), sum(e, 64n)), e.number(1000n)]],
    ['a sum and what is none', (e) => ['mod', 64, either(e, sum(e, 64n), difference(e)), e.number(7n)]],
    [
      'a sum and what is none, of 32 bits: the upper ones do not count',
      (e) => ['mod', 32, either(e, difference(e), sum(e, 64n)), e.number(7n)],
    ],
    ['copies of them', (e) => ['mod', 64, copy(e, either(e, copy(e, sum(e, 64n)), sum(e))), e.number(7n)]],
    ['cuts of them', (e) => ['mod', 64, cut(e, either(e, cut(e, sum(e, 64n)), difference(e))), e.number(7n)]],
    ['bytes of them', (e) => ['mod', 64, e.bytes(either(e, sum(e, 64n), difference(e)), 0, 4), e.number(7n)]],
    ['one byte of them', (e) => ['mod', 32, e.bytes(either(e, sum(e, 64n), difference(e)), 0, 1), e.number(7n)]],
    [
      'a sum of larger numbers, and bytes of it',
      (e) => ['mod', 32, e.bytes(by(e, 'mul', sum(e, 64n), 3n), 0, 2), e.number(7n)],
    ],
    [
      'sums of cuts of sums',
      (e) => ['mod', 64, either(e, e.alu('add', 64, cut(e, sum(e)), e.leaf(8n, 0)), difference(e)), e.number(7n)],
    ],
    [
      'more than two',
      (e) => [
        'mod',
        64,
        either(e, either(e, sum(e, 16n), e.number(9n)), either(e, sum(e, 32n), e.number(8n))),
        e.number(7n),
      ],
    ],
  ])('are found: %s', (_name, parts) => {
    expect(isFound(parts)).toBe(true);
  });

  it.each<Case>([
    ['neither is a sum', (e) => ['mod', 64, either(e, difference(e), by(e, 'and', sum(e), 5n)), e.number(7n)]],
    ['the sum does not fit into what is left of it', (e) => ['mod', 64, e.bytes(sum(e, 256n), 0, 1), e.number(7n)]],
    ['the bytes are others', (e) => ['mod', 64, e.bytes(sum(e, 256n), 1, 4), e.number(7n)]],
    ['another number stands above it', (e) => ['mod', 64, e.beside(sum(e, 64n), 4, difference(e), 1), e.number(7n)]],
    ['the divisor is large', (e) => ['mod', 64, either(e, sum(e, 64n), sum(e)), e.number(1025n)]],
    ['the divisor is 1', (e) => ['mod', 64, either(e, sum(e, 64n), sum(e)), e.number(1n)]],
    ['the divisor is not known', (e) => ['mod', 64, either(e, sum(e, 64n), sum(e)), e.leaf(8n, 0)]],
  ])('are not where %s', (_name, parts) => {
    expect(isFound(parts)).toBe(false);
  });

  it('are not looked for behind a chain of exchanges', () => {
    expect(
      isFound((e) => {
        let [one, other] = [sum(e, 64n), sum(e, 32n)];
        const condition = e.variable();
        for (let i = 0; i < 40; i++) [one, other] = [e.select(condition, other, one), e.select(condition, one, other)];
        return ['mod', 64, one, e.number(7n)];
      }),
    ).toBe(false);
  });
});
