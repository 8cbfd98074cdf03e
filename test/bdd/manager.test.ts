import { describe, expect, it } from 'vitest';
import { BddBudgetError, BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { randomIntegers } from './random.js';

/** A formula as a diagram and, from a second origin, as a truth table: bit i is its value under assignment i. */
interface Formula {
  ref: Ref;
  table: bigint;
}

function allOnes(width: number): bigint {
  return (1n << (1n << BigInt(width))) - 1n;
}

function variableTable(variable: number, width: number): bigint {
  let table = 0n;
  for (let i = 0n; i < 1n << BigInt(width); i++) if (((i >> BigInt(variable)) & 1n) === 1n) table |= 1n << i;
  return table;
}

function randomFormula(manager: BddManager, width: number, size: number, next: (n: number) => number): Formula {
  const ones = allOnes(width);
  const pool: Formula[] = Array.from({ length: width }, (_, v) => ({
    ref: manager.variable(v),
    table: variableTable(v, width),
  }));
  for (let i = 0; i < size; i++) {
    const [f, g, h] = [pool[next(pool.length)]!, pool[next(pool.length)]!, pool[next(pool.length)]!];
    const made: Formula[] = [
      { ref: manager.and(f.ref, g.ref), table: f.table & g.table },
      { ref: manager.or(f.ref, g.ref), table: f.table | g.table },
      { ref: manager.xor(f.ref, g.ref), table: f.table ^ g.table },
      { ref: manager.not(f.ref), table: ones ^ f.table },
      { ref: manager.implies(f.ref, g.ref), table: (ones ^ f.table) | g.table },
      { ref: manager.equivalent(f.ref, g.ref), table: ones ^ f.table ^ g.table },
      { ref: manager.difference(f.ref, g.ref), table: f.table & (ones ^ g.table) },
      { ref: manager.ite(f.ref, g.ref, h.ref), table: (f.table & g.table) | ((ones ^ f.table) & h.table) },
    ];
    pool.push(made[next(made.length)]!);
  }
  return pool[pool.length - 1]!;
}

function tableOf(manager: BddManager, f: Ref, width: number): bigint {
  let table = 0n;
  for (let i = 0; i < 1 << width; i++) {
    if (manager.evaluate(f, (v) => ((i >> v) & 1) === 1)) table |= 1n << BigInt(i);
  }
  return table;
}

function forceBit(table: bigint, variable: number, value: boolean, width: number): bigint {
  let out = 0n;
  for (let i = 0n; i < 1n << BigInt(width); i++) {
    const at = value ? i | (1n << BigInt(variable)) : i & ~(1n << BigInt(variable));
    if (((table >> at) & 1n) === 1n) out |= 1n << i;
  }
  return out;
}

function ones(table: bigint): bigint {
  let count = 0n;
  for (let rest = table; rest > 0n; rest >>= 1n) count += rest & 1n;
  return count;
}

describe('BddManager: laws on random formulas', () => {
  const manager = new BddManager();
  const next = randomIntegers(7);
  const samples = Array.from({ length: 60 }, () => randomFormula(manager, 8, 40, next).ref);
  const triples = samples.map((f, i) => [f, samples[(i + 7) % 60]!, samples[(i + 31) % 60]!] as const);

  it('has samples that are neither constant nor all alike', () => {
    expect(new Set(samples.filter((f) => f > FALSE)).size).toBeGreaterThan(30);
  });
  it('keeps the identities of Boolean algebra as equal references', () => {
    for (const [f, g, h] of triples) {
      expect(manager.not(manager.not(f))).toBe(f);
      expect(manager.and(f, g)).toBe(manager.and(g, f));
      expect(manager.and(f, manager.and(g, h))).toBe(manager.and(manager.and(f, g), h));
      expect(manager.not(manager.and(f, g))).toBe(manager.or(manager.not(f), manager.not(g)));
      expect(manager.and(f, manager.or(g, h))).toBe(manager.or(manager.and(f, g), manager.and(f, h)));
      expect(manager.or(f, manager.and(f, g))).toBe(f);
      expect(manager.xor(f, g)).toBe(manager.or(manager.difference(f, g), manager.difference(g, f)));
      expect(manager.xor(f, f)).toBe(FALSE);
      expect(manager.and(f, manager.not(f))).toBe(FALSE);
      expect(manager.or(f, manager.not(f))).toBe(TRUE);
      expect(manager.implies(f, g)).toBe(manager.or(manager.not(f), g));
      expect(manager.equivalent(f, g)).toBe(manager.not(manager.xor(f, g)));
      expect(manager.ite(f, g, h)).toBe(manager.or(manager.and(f, g), manager.and(manager.not(f), h)));
      expect(manager.andAll([f, g, h])).toBe(manager.and(manager.and(f, g), h));
      expect(manager.orAll([f, g, h])).toBe(manager.or(manager.or(f, g), h));
      expect(manager.isSubset(manager.and(f, g), f)).toBe(true);
      expect(manager.isDisjoint(f, manager.not(f))).toBe(true);
    }
    expect(manager.andAll([])).toBe(TRUE);
    expect(manager.orAll([])).toBe(FALSE);
  });
  it('expands every function around every variable (Shannon)', () => {
    for (const f of samples) {
      for (let v = 0; v < 8; v++) {
        const [low, high] = [manager.cofactor(f, v, false), manager.cofactor(f, v, true)];
        expect(manager.ite(manager.variable(v), high, low)).toBe(f);
        expect(manager.exists(f, [v])).toBe(manager.or(low, high));
        expect(manager.forall(f, [v])).toBe(manager.and(low, high));
      }
    }
  });
});

describe.each([3, 5, 8])('BddManager against truth tables over %i variables', (width) => {
  it('agrees on every assignment', () => {
    const next = randomIntegers(width * 1001);
    let nontrivial = 0;
    for (let round = 0; round < 120; round++) {
      const manager = new BddManager();
      const { ref, table } = randomFormula(manager, width, 5 + next(40), next);
      if (ref > FALSE) nontrivial++;
      expect(tableOf(manager, ref, width)).toBe(table);
      const all = Array.from({ length: width }, (_, v) => v);
      expect(manager.count(ref, all)).toBe(ones(table));
      const truly = all.filter((v) => forceBit(table, v, false, width) !== forceBit(table, v, true, width));
      expect(manager.support(ref)).toEqual(truly);
      const [v, w] = [next(width), next(width)];
      const some = manager.exists(ref, [v, w]);
      const [v0, v1] = [forceBit(table, v, false, width), forceBit(table, v, true, width)];
      const existing = [v0, v1].flatMap((t) => [forceBit(t, w, false, width), forceBit(t, w, true, width)]);
      expect(tableOf(manager, some, width)).toBe(existing.reduce((a, b) => a | b));
      expect(tableOf(manager, manager.forall(ref, [v, w]), width)).toBe(existing.reduce((a, b) => a & b));
    }
    expect(nontrivial).toBeGreaterThan(60);
  });

  it('simplifies to a function that is the same wherever it matters', () => {
    const next = randomIntegers(width * 31);
    let smaller = 0;
    for (let round = 0; round < 100; round++) {
      const manager = new BddManager();
      const [f, care] = [randomFormula(manager, width, 30, next).ref, randomFormula(manager, width, 12, next).ref];
      if (care === FALSE) continue;
      const simple = manager.simplify(f, care);
      expect(manager.and(manager.xor(simple, f), care)).toBe(FALSE);
      if (manager.nodeCount(simple) < manager.nodeCount(f)) smaller++;
    }
    expect(smaller).toBeGreaterThan(10);
  });

  it('substitutes all variables at once', () => {
    const next = randomIntegers(width * 77);
    for (let round = 0; round < 60; round++) {
      const manager = new BddManager();
      const f = randomFormula(manager, width, 20, next);
      const replacements = new Map<number, Formula>();
      for (let v = 0; v < width; v += 2) replacements.set(v, randomFormula(manager, width, 10, next));
      const result = manager.substitute(f.ref, new Map([...replacements].map(([v, g]) => [v, g.ref])));
      for (let i = 0; i < 1 << width; i++) {
        let moved = 0;
        for (let v = 0; v < width; v++) {
          const g = replacements.get(v);
          const bit = g === undefined ? (i >> v) & 1 : Number((g.table >> BigInt(i)) & 1n);
          moved |= bit << v;
        }
        expect(manager.evaluate(result, (v) => ((i >> v) & 1) === 1)).toBe(((f.table >> BigInt(moved)) & 1n) === 1n);
      }
    }
  });

  it('picks a satisfying assignment and honours preferences in order', () => {
    const next = randomIntegers(width * 13);
    let satisfiable = 0;
    for (let round = 0; round < 100; round++) {
      const manager = new BddManager();
      const { ref, table } = randomFormula(manager, width, 25, next);
      const preferences = Array.from({ length: width }, (_, i) => [(i * 2 + 1) % width, next(2) === 1] as const);
      const picked = manager.pick(ref, preferences);
      if (table === 0n) {
        expect(picked).toBeNull();
        continue;
      }
      satisfiable++;
      expect(manager.evaluate(ref, (v) => picked!.get(v) ?? false)).toBe(true);
      let kept = table;
      for (const [v, wanted] of preferences) {
        if (picked!.get(v) !== wanted) expect(filterBit(kept, v, wanted, width)).toBe(0n);
        kept = filterBit(kept, v, picked!.get(v)!, width);
      }
    }
    expect(satisfiable).toBeGreaterThan(50);
  });
});

function filterBit(table: bigint, variable: number, value: boolean, width: number): bigint {
  const mask = variableTable(variable, width);
  return table & (value ? mask : allOnes(width) ^ mask);
}

describe('BddManager budgets', () => {
  /** The carry of an adder whose operands are not interleaved: exponential in its width. */
  function carry(manager: BddManager, width: number): Ref {
    let c: Ref = FALSE;
    for (let i = 0; i < width; i++) {
      const [a, b] = [manager.variable(i), manager.variable(width + i)];
      c = manager.or(manager.and(a, b), manager.and(c, manager.or(a, b)));
    }
    return c;
  }
  it.each([{ nodes: 1000 }, { steps: 1000 }])('stops at %o, and works on afterwards', (budget) => {
    const manager = new BddManager();
    expect(() => manager.withBudget(budget, () => carry(manager, 16))).toThrow(BddBudgetError);
    const small = manager.withBudget(budget, () => carry(manager, 4));
    expect(small).toBe(carry(manager, 4));
    expect(
      manager.count(
        carry(manager, 8),
        Array.from({ length: 16 }, (_, i) => i),
      ),
    ).toBe(BigInt((256 * 255) / 2));
  });
  it('stops at a deadline', () => {
    const manager = new BddManager();
    expect(() => manager.withBudget({ milliseconds: 0 }, () => carry(manager, 18))).toThrow(BddBudgetError);
  });
  it('nests: the tighter limit wins and the outer one is restored', () => {
    const manager = new BddManager();
    manager.withBudget({ nodes: 5000 }, () => {
      expect(() => manager.withBudget({ nodes: 100_000_000 }, () => carry(manager, 16))).toThrow(BddBudgetError);
    });
    expect(carry(manager, 12)).toBeGreaterThan(FALSE);
  });
  it('forgets intermediate nodes but keeps what is asked for', () => {
    const manager = new BddManager();
    const next = randomIntegers(99);
    const before = randomFormula(manager, 8, 30, next);
    for (let round = 0; round < 50; round++) {
      const mark = manager.size;
      const f = randomFormula(manager, 8, 60, next);
      const [kept] = manager.release(mark, [manager.not(f.ref)]);
      expect(tableOf(manager, kept!, 8)).toBe(allOnes(8) ^ f.table);
      expect(manager.size - mark).toBeLessThanOrEqual(manager.nodeCount(kept!));
      expect(tableOf(manager, before.ref, 8)).toBe(before.table);
      expect(manager.and(kept!, manager.or(kept!, before.ref))).toBe(kept);
      const again = randomFormula(manager, 8, 40, next);
      expect(tableOf(manager, again.ref, 8)).toBe(again.table);
    }
  });
});
