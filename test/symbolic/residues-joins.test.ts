/** Remainders whose ways meet before the subtraction that ends them. */
import { describe, expect, it } from 'vitest';
import type { Expression, Expressions } from './expressions.js';
import { cut, difference, isFound, multiple, sum, type Case } from './remainders.js';

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
