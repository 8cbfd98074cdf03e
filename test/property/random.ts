/** Seeded randomness, so that every failure can be repeated from the seed it prints. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** 32 random bits (mulberry32). */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor((this.bits() / 4294967296) * n);
  }
  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined && choices.length === 0) throw new RangeError('nothing to pick from');
    return choice as T;
  }
}

/** FUZZ_SEED of the environment (to repeat a run), else the given one. */
export function seedOf(fallback: number): number {
  const text = process.env['FUZZ_SEED'];
  if (text === undefined) return fallback;
  const seed = Number(text);
  if (!Number.isInteger(seed)) throw new Error(`FUZZ_SEED is no integer: ${text}`);
  return seed;
}
