import type { Ref } from './types.js';

const INITIAL_BITS = 12;
const MAXIMUM_BITS = 20;
const EMPTY = -1;

/**
 * A lossy, direct-mapped memory of results with up to three operands: an entry that collides replaces the older one. Losing an entry costs
 * time, never correctness.
 */
export class OperationCache {
  #bits = INITIAL_BITS;
  /** Four integers per entry: three operands and the result. */
  #entries: Int32Array = new Int32Array(4 << INITIAL_BITS).fill(EMPTY);

  /** The remembered result, or -1. */
  get(f: Ref, g: Ref, h: Ref): Ref {
    const at = this.#index(f, g, h);
    const entries = this.#entries;
    return entries[at] === f && entries[at + 1] === g && entries[at + 2] === h ? entries[at + 3]! : EMPTY;
  }

  put(f: Ref, g: Ref, h: Ref, result: Ref): void {
    const at = this.#index(f, g, h);
    const entries = this.#entries;
    entries[at] = f;
    entries[at + 1] = g;
    entries[at + 2] = h;
    entries[at + 3] = result;
  }

  clear(): void {
    this.#entries.fill(EMPTY);
  }

  /** Grows with the number of nodes, keeping what is remembered. */
  fit(nodes: number): void {
    if (nodes > 1 << this.#bits && this.#bits < MAXIMUM_BITS) this.#grow(nodes);
  }

  #grow(nodes: number): void {
    let bits = this.#bits;
    while (bits < MAXIMUM_BITS && 1 << bits < nodes) bits++;
    const old = this.#entries;
    this.#bits = bits;
    this.#entries = new Int32Array(4 << bits).fill(EMPTY);
    for (let at = 0; at < old.length; at += 4) {
      if (old[at] !== EMPTY) this.put(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
    }
  }

  #index(f: Ref, g: Ref, h: Ref): number {
    let x = Math.imul(f, 0x9e3779b1) ^ Math.imul(g, 0x85ebca6b) ^ Math.imul(h, 0xc2b2ae35);
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d);
    return ((x ^ (x >>> 15)) & ((1 << this.#bits) - 1)) << 2;
  }
}
