import { describe, expect, it } from 'vitest';
import { weakTopologicalOrder } from '../../src/symbolic/order.js';

/** Positions in the order of their ranks. */
function order(successors: number[][]): number[] {
  const rank = weakTopologicalOrder(successors);
  return [...rank.keys()].sort((a, b) => rank[a]! - rank[b]!);
}

describe('weak topological order', () => {
  it('is a topological order where there is no loop', () => {
    expect(order([[2], [], [3, 1], [1]])).toEqual([0, 2, 3, 1]);
  });
  it('puts a loop before what follows it, whichever way the exit is written', () => {
    // 1 -> 3 leaves the loop 1, 2
    expect(order([[1], [2, 3], [1], []])).toEqual([0, 1, 2, 3]);
    expect(order([[1], [3, 2], [1], []])).toEqual([0, 1, 2, 3]);
    // the exit stands before the body
    expect(order([[2], [], [1, 3], [2]])).toEqual([0, 2, 3, 1]);
  });
  it('keeps an inner loop together inside the outer one', () => {
    // outer 1..5, inner 2..3, exit 6
    const result = order([[1], [2, 6], [3, 4], [2], [5], [1], []]);
    expect(result).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
  it('enters an irreducible loop at its first entry and ranks every position once', () => {
    const rank = weakTopologicalOrder([[1, 2], [2], [1, 3], []]);
    expect([...rank].sort()).toEqual([0, 1, 2, 3]);
    expect(rank[1]!).toBeLessThan(rank[2]!);
    expect(rank[3]).toBe(3);
  });
  it('takes a very long straight program', () => {
    const length = 30_000;
    const rank = weakTopologicalOrder(Array.from({ length }, (_, i) => (i + 1 < length ? [i + 1] : [])));
    expect(rank[length - 1]).toBe(length - 1);
  });
});
