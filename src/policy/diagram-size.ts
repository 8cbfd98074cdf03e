import type { BddManager } from '../bdd/manager.js';
import type { Ref } from '../bdd/types.js';

/** Whether a diagram has more than `limit` nodes, without visiting many more than that. */
export function isLargerThan(manager: BddManager, ref: Ref, limit: number): boolean {
  const seen = new Set<Ref>();
  const pending = [ref & ~1];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (at === 0 || seen.has(at)) continue;
    if (seen.size >= limit) return true;
    seen.add(at);
    pending.push(manager.low(at) & ~1, manager.high(at) & ~1);
  }
  return false;
}
