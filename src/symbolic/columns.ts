import { FALSE, TRUE, type Ref } from '../bdd/manager.js';

/** Rows in one 32-bit word of a column; its diagram is looked up as a whole. */
const WORD_BITS = 5;

/** The diagram of a choice by column variable k (0 is the uppermost): one diagram where the variable is true, another where it is false. */
export type Choose = (k: number, ifTrue: Ref, ifFalse: Ref) => Ref;

/**
 * Turns columns of a truth table into diagrams, from the lowest variables up. A table of `count` variables has 2^count rows; variable k is bit
 * (count - 1 - k) of a row's number.
 */
export class Columns {
  readonly #count: number;
  readonly #choose: Choose;
  /** 32 consecutive rows -> their diagram over the lowest variables. */
  readonly #words = new Map<number, Ref>();

  constructor(count: number, choose: Choose) {
    this.#count = count;
    this.#choose = choose;
  }

  /** The function that is true in the rows where `bit` gives 1. */
  diagram(bit: (row: number) => number): Ref {
    const inWord = Math.min(WORD_BITS, this.#count);
    let layer = new Int32Array(2 ** (this.#count - inWord));
    for (let i = 0; i < layer.length; i++) {
      let word = 0;
      for (let row = 0; row < 1 << inWord; row++) word |= bit((i << inWord) + row) << row;
      layer[i] = this.#word(word, inWord);
    }
    for (let k = this.#count - inWord - 1; k >= 0; k--) {
      const next = new Int32Array(layer.length >> 1);
      for (let i = 0; i < next.length; i++) next[i] = this.#choose(k, layer[2 * i + 1]!, layer[2 * i]!);
      layer = next;
    }
    return layer[0]!;
  }

  #word(word: number, levels: number): Ref {
    let diagram = this.#words.get(word);
    if (diagram === undefined) {
      diagram = this.#part(word, levels);
      this.#words.set(word, diagram);
    }
    return diagram;
  }

  /** The diagram of 2^levels rows, the first in bit 0. */
  #part(rows: number, levels: number): Ref {
    if (levels === 0) return (rows & 1) === 1 ? TRUE : FALSE;
    const half = 1 << (levels - 1);
    const low = this.#part(rows & (2 ** half - 1), levels - 1);
    return this.#choose(this.#count - levels, this.#part(rows >>> half, levels - 1), low);
  }
}
