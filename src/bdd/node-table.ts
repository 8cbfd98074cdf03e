import type { Ref } from './types.js';
import { BddBudgetError } from './budget.js';

/** Level of the terminal node: below every variable. */
export const TERMINAL_LEVEL = 0x7fffffff;

const INITIAL_CAPACITY = 1 << 12;

/**
 * The unique table: every (variable, low, high) triple exists once, so that equal functions are equal references.
 *
 * Canonical form with complement edges (Brace, Rudell, Bryant, DAC 1990): the high edge of a node is never complemented; a reference is
 * node number << 1 | complement. Node 0 is the terminal TRUE.
 */
export class NodeTable {
  variable: Int32Array = new Int32Array(INITIAL_CAPACITY);
  low: Int32Array = new Int32Array(INITIAL_CAPACITY);
  high: Int32Array = new Int32Array(INITIAL_CAPACITY);
  /** Nodes in use, the terminal included. */
  size = 1;
  /** `make` throws when `size` would pass this. */
  limit: number = 1 << 26;

  #next: Int32Array = new Int32Array(INITIAL_CAPACITY);
  #buckets: Int32Array = new Int32Array(INITIAL_CAPACITY);

  constructor() {
    this.variable[0] = TERMINAL_LEVEL;
  }

  /** The function "if variable then high else low"; `variable` must be above both. */
  make(variable: number, low: Ref, high: Ref): Ref {
    if (low === high) return low;
    const complement = high & 1;
    const lo = low ^ complement;
    const hi = high ^ complement;
    let slot = hash(variable, lo, hi) & (this.#buckets.length - 1);
    for (let node = this.#buckets[slot]!; node !== 0; node = this.#next[node]!) {
      if (this.low[node] === lo && this.high[node] === hi && this.variable[node] === variable)
        return (node << 1) | complement;
    }
    if (this.size >= this.limit) throw new BddBudgetError('nodes');
    if (this.size === this.variable.length) {
      this.#grow();
      slot = hash(variable, lo, hi) & (this.#buckets.length - 1);
    }
    const node = this.size++;
    this.variable[node] = variable;
    this.low[node] = lo;
    this.high[node] = hi;
    this.#next[node] = this.#buckets[slot]!;
    this.#buckets[slot] = node;
    return (node << 1) | complement;
  }

  /**
   * Forgets every node from `size` on. Nodes enter the head of their chain in order of age, so taking them out youngest first needs no
   * search. The caller must hold no reference to a forgotten node.
   */
  truncate(size: number): void {
    for (let node = this.size - 1; node >= size; node--) {
      const slot = hash(this.variable[node]!, this.low[node]!, this.high[node]!) & (this.#buckets.length - 1);
      this.#buckets[slot] = this.#next[node]!;
    }
    this.size = size;
  }

  /** Changes nothing before all is there: the stack may be used up by the recursion that asks for a node. */
  #grow(): void {
    const capacity = this.variable.length * 2;
    const variable = extend(this.variable, capacity);
    const low = extend(this.low, capacity);
    const high = extend(this.high, capacity);
    const next = new Int32Array(capacity);
    const buckets = new Int32Array(capacity);
    for (let node = 1; node < this.size; node++) {
      const slot = hash(variable[node]!, low[node]!, high[node]!) & (capacity - 1);
      next[node] = buckets[slot]!;
      buckets[slot] = node;
    }
    [this.variable, this.low, this.high] = [variable, low, high];
    [this.#next, this.#buckets] = [next, buckets];
  }
}

function extend(old: Int32Array, capacity: number): Int32Array {
  const grown = new Int32Array(capacity);
  grown.set(old);
  return grown;
}

/** Mixes three integers; multipliers are odd constants with well spread bits (golden ratio and the Murmur3 finaliser's). */
function hash(a: number, b: number, c: number): number {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
