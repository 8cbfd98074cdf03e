import { FALSE, type BddManager, type Ref } from '../bdd/manager.js';
import { REQUEST_VARIABLES } from '../policy/variables.js';
import type { BitVector } from './bitvector.js';
import { zeroExtend } from './bitvector.js';

const BITS = 64;
/** Inputs whose bits are interleaved in the variable order, so that comparing two of them stays small. */
const BLOCK = 32;
/** Numbers of at most so many bits may be compared with anything. */
const FEW = 10;

/**
 * What a verdict may depend on besides the request: the caller's uid, the time, contents of a map that was not read, the effect of something
 * that is not modelled. Each such input is a row of variables below those of the request. The same name always means the same value.
 */
export class Inputs {
  readonly #manager: BddManager;
  readonly #numbers = new Map<string, number>();
  readonly #reasons: string[] = [];

  constructor(manager: BddManager) {
    this.#manager = manager;
  }

  /**
   * The input `name`, as a vector of `width` unknown low bits (at most 64) below zeros up to 64.
   * `reason` is the word under which a verdict that depends on it is reported ("depends:uid").
   */
  word(name: string, reason: string, width: number = BITS): BitVector {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#reasons.length;
      this.#numbers.set(name, number);
      this.#reasons.push(reason);
    }
    const bits = Array.from({ length: width }, (_, bit) => this.#manager.variable(variableOf(number, bit)));
    return zeroExtend(bits, BITS);
  }

  /** The variables of a 64-bit input, least significant bit first. */
  variables(name: string): number[] {
    const number = this.#numbers.get(name);
    if (number === undefined) return [];
    return Array.from({ length: BITS }, (_, bit) => variableOf(number, bit));
  }

  /** Whether any input has been asked for. */
  get isEmpty(): boolean {
    return this.#reasons.length === 0;
  }

  /** Reasons of all inputs that some of these functions depend on, sorted. */
  reasonsIn(functions: readonly Ref[]): string[] {
    const found = new Set<string>();
    for (const variable of this.#manager.supportOfAll(functions)) {
      const reason = this.reasonOf(variable);
      if (reason !== null) found.add(reason);
    }
    return [...found].sort();
  }

  /**
   * Whether a and b are numbers of many possible values, one by the request and the other by inputs. Comparing or adding them needs a
   * diagram that remembers all of the request's part while it looks at the input's: hopeless, and hardly ever decided by the request alone.
   */
  mixes(a: BitVector, b: BitVector): boolean {
    if (this.isEmpty) return false;
    const [x, y] = [this.#count(a), this.#count(b)];
    return Math.min(x.request, y.input) > FEW || Math.min(x.input, y.request) > FEW;
  }

  #count(bits: BitVector): { request: number; input: number } {
    const variables = this.#manager.supportOfAll(bits);
    const request = variables.filter((variable) => variable < REQUEST_VARIABLES).length;
    const varying = bits.filter((bit) => bit > FALSE).length;
    return { request: Math.min(request, varying), input: Math.min(variables.length - request, varying) };
  }

  /** The reason given for the input that a variable belongs to; null for a variable of the request. */
  reasonOf(variable: number): string | null {
    if (variable < REQUEST_VARIABLES) return null;
    const offset = variable - REQUEST_VARIABLES;
    const number = Math.floor(offset / (BITS * BLOCK)) * BLOCK + (offset % BLOCK);
    return this.#reasons[number] ?? null;
  }
}

function variableOf(number: number, bit: number): number {
  const block = Math.floor(number / BLOCK);
  return REQUEST_VARIABLES + block * BITS * BLOCK + (BITS - 1 - bit) * BLOCK + (number % BLOCK);
}
