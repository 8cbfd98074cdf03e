import { sameBits, type BitVector } from './bitvector.js';

/** A 64-bit number that may not have been worked out yet; reading `bits` works it out. */
export interface Word {
  readonly bits: BitVector;
}

/**
 * Carries out a computation under the limits for one instruction. If it needs more the result is a number of which nothing is known, so
 * that only what depends on it is undecided.
 */
export type Worker = (compute: () => BitVector) => BitVector;

/** Chains of deferred numbers are worked out when they get longer than this, to bound recursion. */
const LONGEST_CHAIN = 64;

class DeferredWord implements Word {
  readonly depth: number;
  readonly worker: Worker;
  readonly #operands: readonly Word[];
  readonly #compute: () => BitVector;
  #bits: BitVector | null = null;

  constructor(worker: Worker, depth: number, operands: readonly Word[], compute: () => BitVector) {
    this.worker = worker;
    this.depth = depth;
    this.#operands = operands;
    this.#compute = compute;
  }

  get isPending(): boolean {
    return this.#bits === null;
  }

  get bits(): BitVector {
    if (this.#bits === null) {
      // Operands first, each under limits of its own.
      for (const operand of this.#operands) void operand.bits;
      this.#bits = this.worker(this.#compute);
    }
    return this.#bits;
  }
}

export function wordOf(bits: BitVector): Word {
  return { bits };
}

/** A number worked out only if something needs it: most expensive results never decide anything. */
export function defer(worker: Worker, operands: readonly Word[], compute: () => BitVector): Word {
  const depth = 1 + Math.max(0, ...operands.map((operand) => (isPending(operand) ? operand.depth : 0)));
  const word = new DeferredWord(worker, depth, operands, compute);
  if (depth > LONGEST_CHAIN) void word.bits;
  return word;
}

/** A cheap function of words: worked out at once unless one of them is still pending. */
export function derive(operands: readonly Word[], compute: () => BitVector): Word {
  const pending = operands.find(isPending);
  return pending === undefined ? wordOf(compute()) : defer(pending.worker, operands, compute);
}

/** Whether two words are known to be equal without any work. */
export function sameWord(a: Word, b: Word): boolean {
  return a === b || (!isPending(a) && !isPending(b) && sameBits(a.bits, b.bits));
}

export function isPending(word: Word): word is DeferredWord {
  return word instanceof DeferredWord && word.isPending;
}
