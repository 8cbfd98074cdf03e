import type { Ref } from './types.js';
import type { BddManager } from './manager.js';

const FALSE: Ref = 1;

export function countSatisfying(manager: BddManager, f: Ref, variables: readonly number[]): bigint {
  const ordered = [...new Set(variables)].sort((a, b) => a - b);
  const rank = new Map(ordered.map((variable, index) => [variable, index]));
  const rankOf = (g: Ref): number => {
    if (g <= FALSE) return ordered.length;
    const r = rank.get(manager.level(g));
    if (r === undefined) throw new RangeError(`variable ${String(manager.level(g))} is not among those counted over`);
    return r;
  };
  const done = new Map<Ref, bigint>();
  /** Solutions over the variables from the node's own rank on. */
  const visit = (g: Ref): bigint => {
    if (g <= FALSE) return g === FALSE ? 0n : 1n;
    const known = done.get(g);
    if (known !== undefined) return known;
    const here = rankOf(g);
    const branch = (h: Ref): bigint => visit(h) << BigInt(rankOf(h) - here - 1);
    const result = branch(manager.low(g)) + branch(manager.high(g));
    done.set(g, result);
    return result;
  };
  return visit(f) << BigInt(rankOf(f));
}
