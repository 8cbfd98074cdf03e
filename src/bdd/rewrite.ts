import type { Ref } from './types.js';
import type { BddManager } from './manager.js';

const FALSE: Ref = 1;

/** Existential quantification. */
export function quantify(manager: BddManager, f: Ref, variables: Iterable<number>): Ref {
  const bound = new Set(variables);
  if (bound.size === 0) return f;
  const last = Math.max(...bound);
  const done = new Map<Ref, Ref>();
  const visit = (g: Ref): Ref => {
    if (g <= FALSE) return g;
    const level = manager.level(g);
    if (level > last) return g;
    const known = done.get(g);
    if (known !== undefined) return known;
    manager.step();
    const low = visit(manager.low(g));
    let result: Ref;
    if (bound.has(level)) result = low === 0 ? low : manager.or(low, visit(manager.high(g)));
    else result = manager.node(level, low, visit(manager.high(g)));
    done.set(g, result);
    return result;
  };
  return visit(f);
}

export function restrict(manager: BddManager, f: Ref, values: ReadonlyMap<number, boolean>): Ref {
  const done = new Map<Ref, Ref>();
  const visit = (g: Ref): Ref => {
    if (g <= FALSE) return g;
    const known = done.get(g);
    if (known !== undefined) return known;
    manager.step();
    const level = manager.level(g);
    const value = values.get(level);
    let result: Ref;
    if (value === undefined) result = manager.node(level, visit(manager.low(g)), visit(manager.high(g)));
    else result = visit(value ? manager.high(g) : manager.low(g));
    done.set(g, result);
    return result;
  };
  return visit(f);
}

export function substitute(manager: BddManager, f: Ref, replacements: ReadonlyMap<number, Ref>): Ref {
  const done = new Map<Ref, Ref>();
  const visit = (g: Ref): Ref => {
    if (g <= FALSE) return g;
    const regular = g & ~1;
    const known = done.get(regular);
    if (known !== undefined) return known ^ (g & 1);
    manager.step();
    const level = manager.level(regular);
    const condition = replacements.get(level) ?? manager.variable(level);
    const result = manager.ite(condition, visit(manager.high(regular)), visit(manager.low(regular)));
    done.set(regular, result);
    return result ^ (g & 1);
  };
  return visit(f);
}
