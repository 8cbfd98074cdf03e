import type { Ref } from './types.js';
import type { BddManager } from './manager.js';

/** Visits every node reachable from `functions` once; references are passed without their complement mark. */
function visitNodes(manager: BddManager, functions: readonly Ref[], visit: (regular: Ref) => void): number {
  const seen = new Set<Ref>();
  const pending = functions.map((f) => f & ~1);
  for (let f = pending.pop(); f !== undefined; f = pending.pop()) {
    if (f === 0 || seen.has(f)) continue;
    seen.add(f);
    visit(f);
    pending.push(manager.low(f) & ~1, manager.high(f) & ~1);
  }
  return seen.size;
}

export function support(manager: BddManager, functions: readonly Ref[]): number[] {
  const variables = new Set<number>();
  visitNodes(manager, functions, (f) => variables.add(manager.level(f)));
  return [...variables].sort((a, b) => a - b);
}

export function countNodes(manager: BddManager, functions: readonly Ref[]): number {
  return visitNodes(manager, functions, () => undefined) + 1;
}
