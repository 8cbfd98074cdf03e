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

/**
 * The "restrict" operator of Coudert and Madre (ICCAD 1990): where one branch of the care set is empty, f's branch there is replaced by the
 * other one; variables that only the care set has are quantified out of it.
 */
export function simplify(manager: BddManager, f: Ref, care: Ref): Ref {
  const done = new Map<Ref, Map<Ref, Ref>>();
  const visit = (g: Ref, c: Ref): Ref => {
    if (g <= FALSE || c <= FALSE) return g;
    const byCare = done.get(c) ?? new Map<Ref, Ref>();
    done.set(c, byCare);
    const known = byCare.get(g);
    if (known !== undefined) return known;
    manager.step();
    const [gLevel, cLevel] = [manager.level(g), manager.level(c)];
    let result: Ref;
    if (cLevel < gLevel) {
      result = visit(g, manager.or(manager.low(c), manager.high(c)));
    } else {
      const [c0, c1] = cLevel === gLevel ? [manager.low(c), manager.high(c)] : [c, c];
      if (c0 === FALSE) result = visit(manager.high(g), c1);
      else if (c1 === FALSE) result = visit(manager.low(g), c0);
      else result = manager.node(gLevel, visit(manager.low(g), c0), visit(manager.high(g), c1));
    }
    byCare.set(g, result);
    return result;
  };
  return visit(f, care);
}
