/** Expressions as words of the evaluator and, for each assignment of their variables, as plain numbers. */
import { TRUE, type BddManager, type Ref } from '../../src/bdd/manager.js';
import type { AluOp, Width } from '../../src/ebpf/types.js';
import { aluWord } from '../../src/symbolic/alu-word.js';
import { constant, type BitVector } from '../../src/symbolic/bitvector.js';
import { bytesOf, selectWord, wordFromBytes, wordOf, type Word } from '../../src/symbolic/word.js';
import { referenceAlu } from './alu-reference.js';

export interface Expression {
  readonly word: Word;
  readonly valueUnder: (assignment: number) => bigint;
}

/** Variable k has the value of bit k of an assignment. */
export const underAssignment =
  (assignment: number) =>
  (variable: number): boolean =>
    ((assignment >> variable) & 1) === 1;

export function numberUnder(m: BddManager, bits: BitVector, assignment: number): bigint {
  return bits.reduce(
    (sum, bit, i) => (m.evaluate(bit, underAssignment(assignment)) ? sum | (1n << BigInt(i)) : sum),
    0n,
  );
}

/** Builds expressions over variables of one manager. */
export class Expressions {
  readonly m: BddManager;
  #variables = 0;
  #working = false;

  constructor(m: BddManager) {
    this.m = m;
  }

  /** All values of the variables so far. */
  get assignments(): number[] {
    return Array.from({ length: 1 << this.#variables }, (_, assignment) => assignment);
  }

  /** How many variables there are so far. */
  get variables(): number {
    return this.#variables;
  }

  /** A new variable. */
  variable(): number {
    return this.#variables++;
  }

  number(value: bigint): Expression {
    return { word: wordOf(constant(64, value)), valueUnder: () => BigInt.asUintN(64, value) };
  }

  /** `value` with new variables at the given bits. */
  leaf(value: bigint, ...positions: readonly number[]): Expression {
    const variables = positions.map(() => this.variable());
    const bits: Ref[] = [...constant(64, value)];
    positions.forEach((position, i) => (bits[position] = this.m.variable(variables[i]!)));
    const valueUnder = (assignment: number): bigint =>
      positions.reduce((number, position, i) => {
        const bit = 1n << BigInt(position);
        return underAssignment(assignment)(variables[i]!) ? number | bit : number & ~bit;
      }, value);
    return { word: wordOf(bits), valueUnder };
  }

  alu(op: AluOp, width: Width, a: Expression, b: Expression): Expression {
    return {
      word: aluWord(this.m, (compute) => this.#work(compute), TRUE, op, width, a.word, b.word),
      valueUnder: (assignment) => referenceAlu(op, width, a.valueUnder(assignment), b.valueUnder(assignment)),
    };
  }

  select(variable: number, a: Expression, b: Expression): Expression {
    return {
      word: selectWord(this.m, this.m.variable(variable), a.word, b.word),
      valueUnder: (assignment) => (underAssignment(assignment)(variable) ? a : b).valueUnder(assignment),
    };
  }

  /** `count` bytes of a number from byte `first` on, zeros above. */
  bytes(a: Expression, first: number, count: number): Expression {
    return {
      word: wordFromBytes(bytesOf(a.word).slice(first, first + count)),
      valueUnder: (assignment) => BigInt.asUintN(8 * count, a.valueUnder(assignment) >> BigInt(8 * first)),
    };
  }

  /** The low `count` bytes of a, `more` of b above, zeros above these. */
  beside(a: Expression, count: number, b: Expression, more: number): Expression {
    const bits = 8 * count;
    return {
      word: wordFromBytes([...bytesOf(a.word, count), ...bytesOf(b.word, more)]),
      valueUnder: (assignment) =>
        BigInt.asUintN(bits, a.valueUnder(assignment)) | BigInt.asUintN(64, b.valueUnder(assignment) << BigInt(bits)),
    };
  }

  /** Operands are worked out before what is made of them, each under limits of its own. */
  #work(compute: () => BitVector): BitVector {
    if (this.#working) throw new Error('a number was worked out inside another');
    this.#working = true;
    try {
      return compute();
    } finally {
      this.#working = false;
    }
  }
}
