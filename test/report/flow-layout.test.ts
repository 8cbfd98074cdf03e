import { describe, expect, it } from 'vitest';
import { layOut, type Layout, type Link, type Node } from '../../src/report/flow/layout.js';
import { Random } from '../property/random.js';

const link = (from: number, to: number): Link => ({ from, to, label: '' });

/** No box touches another, and no line touches a box but where it leaves and arrives. */
function expectClear(nodes: readonly Node[], { nodes: places, routes, width, height }: Layout): void {
  const boxes = places.map(({ x, y }, i) => ({ x, y, right: x + nodes[i]!.width, bottom: y + nodes[i]!.height }));
  for (const [i, a] of boxes.entries()) {
    expect(a.x).toBeGreaterThanOrEqual(0);
    expect(a.right).toBeLessThanOrEqual(width);
    expect(a.bottom).toBeLessThanOrEqual(height);
    for (const b of boxes.slice(i + 1))
      expect(a.right <= b.x || b.right <= a.x || a.bottom <= b.y || b.bottom <= a.y).toBe(true);
  }
  for (const { points } of routes)
    for (const [i, to] of points.slice(1).entries()) {
      const from = points[i]!;
      expect(from.x === to.x || from.y === to.y).toBe(true);
      for (const box of boxes) {
        const crosses =
          Math.max(from.x, to.x) > box.x &&
          Math.min(from.x, to.x) < box.right &&
          Math.max(from.y, to.y) > box.y &&
          Math.min(from.y, to.y) < box.bottom;
        expect(crosses).toBe(false);
      }
      expect(Math.min(to.x, to.y)).toBeGreaterThanOrEqual(0);
      expect(to.x).toBeLessThanOrEqual(width);
      expect(to.y).toBeLessThanOrEqual(height);
    }
}

describe('layout', () => {
  it('puts a chain in one straight column', () => {
    const nodes = [1, 2, 3].map((n) => ({ width: 170 + n, height: 40 }));
    const { nodes: places } = layOut(nodes, [link(0, 1), link(1, 2)]);
    expect(new Set(places.map(({ x }) => x)).size).toBe(1);
    expect(places[2]!.y).toBeGreaterThan(places[1]!.y + 40);
  });

  it('keeps lines off boxes, whatever leads where', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Random(seed);
      const count = 1 + random.below(25);
      const nodes = Array.from({ length: count }, () => ({
        width: 170 + random.below(200),
        height: 30 + random.below(150),
      }));
      const links = new Map<string, Link>();
      for (let from = 0; from < count; from++)
        for (let n = random.below(3); n > 0; n--) {
          const to = random.chance(85) ? Math.min(count - 1, from + 1 + random.below(6)) : random.below(count);
          if (to > from || random.chance(50)) links.set(`${String(from)} ${String(to)}`, link(from, to));
        }
      expectClear(nodes, layOut(nodes, [...links.values()]));
    }
  });
});
