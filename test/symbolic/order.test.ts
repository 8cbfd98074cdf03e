import { describe, expect, it } from 'vitest';
import { weakTopologicalOrder } from '../../src/symbolic/order.js';
import { Random } from '../property/random.js';

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
  it('begins a loop with the first of its positions that is reached from outside', () => {
    // 0 -> 3, 1 -> 2 -> 3 -> 1: the loop stands before its entry
    expect(order([[3], [2], [3], [1]])).toEqual([0, 3, 1, 2]);
    // two entries, 2 and 3
    expect(order([[3, 2], [2], [3], [1]])).toEqual([0, 2, 3, 1]);
    // none: the first in program order
    expect(order([[1], [2], [0]])).toEqual([0, 1, 2]);
    // an inner loop is entered from the outer one
    expect(order([[1], [3, 4], [3], [2, 1], []])).toEqual([0, 1, 3, 2, 4]);
  });
  it('is what Bourdoncle calls one, for any graph', () => {
    const random = new Random(7);
    for (let round = 0; round < 400; round++) {
      const count = 2 + random.below(9);
      const successors = Array.from({ length: count }, () =>
        Array.from({ length: random.below(3) }, () => random.below(count)),
      );
      expect([...order(successors)].sort((a, b) => a - b)).toEqual(successors.map((_, i) => i));
      expect(misplaced(order(successors), successors)).toEqual([]);
    }
  });
});

/** Where an order of positions is no weak topological order, by its definition; `reaches` looks at these positions only. */
function misplaced(positions: readonly number[], successors: readonly (readonly number[])[]): string[] {
  const inside = new Set(positions);
  const reaches = (from: number, to: number): boolean => {
    const seen = new Set<number>();
    const work = [from];
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      for (const target of successors[next]!) {
        if (target === to) return true;
        if (!inside.has(target) || seen.has(target)) continue;
        seen.add(target);
        work.push(target);
      }
    }
    return false;
  };
  const wrong: string[] = [];
  for (let first = 0; first < positions.length;) {
    const head = positions[first]!;
    // The loop of a position: all that it reaches and that reach it.
    const size = 1 + positions.filter((other) => other !== head && reaches(head, other) && reaches(other, head)).length;
    const block = positions.slice(first, first + size);
    for (const member of block)
      if (member !== head && !(reaches(head, member) && reaches(member, head)))
        wrong.push(`${String(member)} in the loop of ${String(head)}`);
    for (const later of positions.slice(first + size))
      if (block.some((member) => successors[later]!.includes(member)))
        wrong.push(`${String(later)} behind ${String(head)}`);
    wrong.push(...misplaced(block.slice(1), successors));
    first += size;
  }
  return wrong;
}
