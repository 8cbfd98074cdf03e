import type { Ref } from './types.js';
import { BddBudgetError, type BddBudget } from './budget.js';
import { NodeTable, TERMINAL_LEVEL } from './node-table.js';
import { OperationCache } from './operation-cache.js';
import { countSatisfying } from './count.js';
import { pickAssignment, type Literal } from './pick.js';
import { quantify, restrict, simplify, substitute } from './rewrite.js';
import { countNodes, support } from './structure.js';

export const TRUE: Ref = 0;
export const FALSE: Ref = 1;

/** How many steps pass between two looks at the clock. */
const CLOCK_INTERVAL = 1 << 16;

/**
 * Boolean functions over variables numbered from 0, variable 0 uppermost, as reduced ordered binary decision diagrams with complement edges.
 * Everything built by one manager shares its nodes: `f === g` decides whether two functions are equal, `not` is free.
 *
 * Recursion goes one variable down per level, so its depth is bounded by the number of variables in the operands.
 * Any operation may throw `BddBudgetError` under `withBudget`; the manager stays usable.
 */
export class BddManager {
  readonly #nodes = new NodeTable();
  readonly #andCache = new OperationCache();
  readonly #xorCache = new OperationCache();
  readonly #iteCache = new OperationCache();
  #steps = 0;
  #stepLimit = Infinity;
  #deadline = Infinity;
  #nextClock = Infinity;

  /** @param nodeLimit most nodes this manager may ever hold (16 bytes each). */
  constructor(nodeLimit: number = 1 << 26) {
    this.#nodes.limit = nodeLimit;
  }

  /** Nodes in use. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Steps taken so far, by all operations. */
  get steps(): number {
    return this.#steps;
  }

  /** The function that is true where variable `index` is. */
  variable(index: number): Ref {
    return this.#nodes.make(index, FALSE, TRUE);
  }

  /** True where f is not. Costs nothing. */
  not(f: Ref): Ref {
    return f ^ 1;
  }

  /** True where both are. */
  and(f: Ref, g: Ref): Ref {
    if (f === g || g === TRUE) return f;
    if (f === TRUE) return g;
    if (f === FALSE || g === FALSE || f === (g ^ 1)) return FALSE;
    return f < g ? this.#and(f, g) : this.#and(g, f);
  }

  /** True where at least one is. */
  or(f: Ref, g: Ref): Ref {
    return this.and(f ^ 1, g ^ 1) ^ 1;
  }

  /** True where exactly one is. */
  xor(f: Ref, g: Ref): Ref {
    const complement = (f ^ g) & 1;
    const a = f & ~1;
    const b = g & ~1;
    if (a === b) return FALSE ^ complement;
    if (a === TRUE) return b ^ 1 ^ complement;
    if (b === TRUE) return a ^ 1 ^ complement;
    return (a < b ? this.#xor(a, b) : this.#xor(b, a)) ^ complement;
  }

  /** True where f and g agree. */
  equivalent(f: Ref, g: Ref): Ref {
    return this.xor(f, g) ^ 1;
  }

  /** The function "f implies g". */
  implies(f: Ref, g: Ref): Ref {
    return this.and(f, g ^ 1) ^ 1;
  }

  /** f AND NOT g. */
  difference(f: Ref, g: Ref): Ref {
    return this.and(f, g ^ 1);
  }

  /** Whether f implies g everywhere. */
  isSubset(f: Ref, g: Ref): boolean {
    return this.and(f, g ^ 1) === FALSE;
  }

  /** Whether f and g are true together nowhere. */
  isDisjoint(f: Ref, g: Ref): boolean {
    return this.and(f, g) === FALSE;
  }

  /** g where f is true, h where it is not. */
  ite(f: Ref, g: Ref, h: Ref): Ref {
    if (g === h || f === TRUE) return g;
    if (f === FALSE) return h;
    if (f === g) g = TRUE;
    else if (f === (g ^ 1)) g = FALSE;
    if (f === h) h = FALSE;
    else if (f === (h ^ 1)) h = TRUE;
    if (g === TRUE) return this.or(f, h);
    if (g === FALSE) return this.and(f ^ 1, h);
    if (h === FALSE) return this.and(f, g);
    if (h === TRUE) return this.and(f, g ^ 1) ^ 1;
    if (g === (h ^ 1)) return this.xor(f, h);
    if ((f & 1) !== 0) return this.#ite(f ^ 1, h, g);
    return this.#ite(f, g, h);
  }

  /** Conjunction of many functions, combined in pairs so that intermediate diagrams stay small. */
  andAll(functions: readonly Ref[]): Ref {
    return this.#combine(functions, TRUE, (f, g) => this.and(f, g));
  }

  /** Disjunction of many functions, combined in pairs. */
  orAll(functions: readonly Ref[]): Ref {
    return this.#combine(functions, FALSE, (f, g) => this.or(f, g));
  }

  /** True where some value of `variables` makes f true. */
  exists(f: Ref, variables: Iterable<number>): Ref {
    return quantify(this, f, variables);
  }

  /** True where every value of `variables` makes f true. */
  forall(f: Ref, variables: Iterable<number>): Ref {
    return quantify(this, f ^ 1, variables) ^ 1;
  }

  /** f with the given variables fixed. */
  restrict(f: Ref, values: ReadonlyMap<number, boolean>): Ref {
    return restrict(this, f, values);
  }

  /** f with one variable set. */
  cofactor(f: Ref, variable: number, value: boolean): Ref {
    return restrict(this, f, new Map([[variable, value]]));
  }

  /** Some function that equals f wherever `care` holds, usually a smaller one. `care` must not be FALSE. */
  simplify(f: Ref, care: Ref): Ref {
    return simplify(this, f, care);
  }

  /** f with variables replaced by functions, all at once. */
  substitute(f: Ref, replacements: ReadonlyMap<number, Ref>): Ref {
    return substitute(this, f, replacements);
  }

  /** Variables that f depends on, ascending. */
  support(f: Ref): number[] {
    return support(this, [f]);
  }

  /** Variables that any of the functions depends on, ascending. */
  supportOfAll(functions: readonly Ref[]): number[] {
    return support(this, functions);
  }

  /** Nodes reachable from the given functions, each counted once, the terminal included. */
  nodeCount(...functions: Ref[]): number {
    return countNodes(this, functions);
  }

  /** How many assignments to `variables` satisfy f. `variables` must include the support of f. */
  count(f: Ref, variables: readonly number[]): bigint {
    return countSatisfying(this, f, variables);
  }

  /**
   * A satisfying assignment of the variables that matter, or null when there is none. Preferences are tried in order; each is honoured if
   * that is possible together with those before it. A variable in neither the preferences nor the path found is absent.
   */
  pick(f: Ref, preferences: readonly Literal[] = []): Map<number, boolean> | null {
    return pickAssignment(this, f, preferences);
  }

  /** f under a full assignment: `value(variable)` is asked once per level. */
  evaluate(f: Ref, value: (variable: number) => boolean): boolean {
    let at = f;
    while (at > FALSE) at = value(this.level(at)) ? this.high(at) : this.low(at);
    return at === TRUE;
  }

  /** Uppermost variable of f; larger than any variable for constants. */
  level(f: Ref): number {
    return this.#nodes.variable[f >> 1]!;
  }

  /** f where its uppermost variable is false; not for constants. */
  low(f: Ref): Ref {
    return this.#nodes.low[f >> 1]! ^ (f & 1);
  }

  /** f where its uppermost variable is true; not for constants. */
  high(f: Ref): Ref {
    return this.#nodes.high[f >> 1]! ^ (f & 1);
  }

  /** "if variable then high else low" where `variable` lies above both branches. */
  node(variable: number, low: Ref, high: Ref): Ref {
    if (variable >= this.level(low) || variable >= this.level(high))
      return this.ite(this.variable(variable), high, low);
    return this.#nodes.make(variable, low, high);
  }

  /** Runs `work` under limits that hold for it alone (and under those around it). */
  withBudget<T>(budget: BddBudget, work: () => T): T {
    const saved = {
      nodes: this.#nodes.limit,
      steps: this.#stepLimit,
      deadline: this.#deadline,
      clock: this.#nextClock,
    };
    this.#nodes.limit = Math.min(saved.nodes, this.#nodes.size + (budget.nodes ?? Infinity));
    this.#stepLimit = Math.min(saved.steps, this.#steps + (budget.steps ?? Infinity));
    this.#deadline = Math.min(saved.deadline, performance.now() + (budget.milliseconds ?? Infinity));
    this.#nextClock = Number.isFinite(this.#deadline) ? this.#steps : Infinity;
    try {
      return work();
    } finally {
      this.#nodes.limit = saved.nodes;
      this.#stepLimit = saved.steps;
      this.#deadline = saved.deadline;
      this.#nextClock = saved.clock;
    }
  }

  /** Counts one step of a recursive operation against the budget. */
  step(): void {
    const steps = ++this.#steps;
    if (steps > this.#stepLimit) throw new BddBudgetError('steps');
    if (steps >= this.#nextClock) {
      this.#nextClock = steps + CLOCK_INTERVAL;
      if (performance.now() > this.#deadline) throw new BddBudgetError('time');
    }
  }

  /**
   * Forgets every node made since `size` was `mark`, except those that `keep` needs, and returns `keep` renumbered. Any other reference to
   * a younger node is void afterwards. For computations whose intermediate diagrams are much larger than their result.
   */
  release(mark: number, keep: readonly Ref[] = []): Ref[] {
    const { variable, low, high } = this.#nodes;
    const order: number[] = [];
    const position = new Map<number, number>();
    const visit = (node: number): void => {
      if (node < mark || position.has(node)) return;
      visit(low[node]! >> 1);
      visit(high[node]! >> 1);
      position.set(node, order.length);
      order.push(node);
    };
    for (const ref of keep) visit(ref >> 1);
    const saved = order.map((node) => [variable[node]!, low[node]!, high[node]!] as const);
    this.#nodes.truncate(mark);
    for (const cache of [this.#andCache, this.#xorCache, this.#iteCache]) cache.clear();
    const renumbered: Ref[] = [];
    const translate = (ref: Ref): Ref => (ref >> 1 < mark ? ref : renumbered[position.get(ref >> 1)!]! ^ (ref & 1));
    for (const [level, ifFalse, ifTrue] of saved) {
      renumbered.push(this.#nodes.make(level, translate(ifFalse), translate(ifTrue)));
    }
    return keep.map(translate);
  }

  #combine(functions: readonly Ref[], neutral: Ref, combine: (f: Ref, g: Ref) => Ref): Ref {
    let layer = functions;
    while (layer.length > 1) {
      const next: Ref[] = [];
      for (let i = 0; i < layer.length; i += 2)
        next.push(i + 1 < layer.length ? combine(layer[i]!, layer[i + 1]!) : layer[i]!);
      layer = next;
    }
    return layer[0] ?? neutral;
  }

  /** f < g, neither constant, not equal or complementary. */
  #and(f: Ref, g: Ref): Ref {
    const cached = this.#andCache.get(f, g, 0);
    if (cached >= 0) return cached;
    this.step();
    const { variable, low, high } = this.#nodes;
    const fNode = f >> 1;
    const gNode = g >> 1;
    const fLevel = variable[fNode]!;
    const gLevel = variable[gNode]!;
    const level = fLevel < gLevel ? fLevel : gLevel;
    const f0 = fLevel === level ? low[fNode]! ^ (f & 1) : f;
    const f1 = fLevel === level ? high[fNode]! ^ (f & 1) : f;
    const g0 = gLevel === level ? low[gNode]! ^ (g & 1) : g;
    const g1 = gLevel === level ? high[gNode]! ^ (g & 1) : g;
    const r0 = this.and(f0, g0);
    const r1 = this.and(f1, g1);
    const result = this.#nodes.make(level, r0, r1);
    this.#remember(this.#andCache, f, g, 0, result);
    return result;
  }

  /** f < g, both regular and not constant. */
  #xor(f: Ref, g: Ref): Ref {
    const cached = this.#xorCache.get(f, g, 0);
    if (cached >= 0) return cached;
    this.step();
    const { variable, low, high } = this.#nodes;
    const fNode = f >> 1;
    const gNode = g >> 1;
    const fLevel = variable[fNode]!;
    const gLevel = variable[gNode]!;
    const level = fLevel < gLevel ? fLevel : gLevel;
    const r0 = this.xor(fLevel === level ? low[fNode]! : f, gLevel === level ? low[gNode]! : g);
    const r1 = this.xor(fLevel === level ? high[fNode]! : f, gLevel === level ? high[gNode]! : g);
    const result = this.#nodes.make(level, r0, r1);
    this.#remember(this.#xorCache, f, g, 0, result);
    return result;
  }

  /** f regular, no operand constant, none equal or complementary to another. */
  #ite(f: Ref, g: Ref, h: Ref): Ref {
    const complement = g & 1;
    const a = g ^ complement;
    const b = h ^ complement;
    const cached = this.#iteCache.get(f, a, b);
    if (cached >= 0) return cached ^ complement;
    this.step();
    const { variable } = this.#nodes;
    const fLevel = variable[f >> 1]!;
    const aLevel = variable[a >> 1]!;
    const bLevel = variable[b >> 1]!;
    const level = Math.min(fLevel, aLevel, bLevel);
    const r0 = this.ite(
      fLevel === level ? this.low(f) : f,
      aLevel === level ? this.low(a) : a,
      bLevel === level ? this.low(b) : b,
    );
    const r1 = this.ite(
      fLevel === level ? this.high(f) : f,
      aLevel === level ? this.high(a) : a,
      bLevel === level ? this.high(b) : b,
    );
    const result = this.#nodes.make(level, r0, r1);
    this.#remember(this.#iteCache, f, a, b, result);
    return result ^ complement;
  }

  #remember(cache: OperationCache, f: Ref, g: Ref, h: Ref, result: Ref): void {
    cache.fit(this.#nodes.size);
    cache.put(f, g, h, result);
  }
}

export { BddBudgetError, TERMINAL_LEVEL };
export type { BddBudget, Literal, Ref };
