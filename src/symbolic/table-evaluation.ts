/**
 * Deferred numbers by truth table: where a computation depends on few variables but its intermediate results have large diagrams (hashes,
 * nested quotients), all rows are computed and only the result becomes a diagram.
 */
import { BddBudgetError, FALSE, type BddManager, type Ref } from '../bdd/manager.js';
import type { JmpOp, Width } from '../ebpf/types.js';
import { ZERO64, type BitVector } from './bitvector.js';
import { Columns } from './columns.js';
import { EXPENSIVE } from './expensive.js';
import { aluRows, columnOf, compareRows, rowsOf, selectRows, type Rows } from './rows.js';
import { ALL_BITS, computationOf, isPending, mapBits, type BitMask, type Computation, type Word } from './word.js';

/** A table of 2^20 rows of some operations takes a fraction of a second. */
const MOST_VARIABLES = 20;
/** What diagrams may cost before a table is made instead: about what the table costs. */
function stepsBeforeTable(variables: readonly number[]): number {
  return Math.max(50_000, 2 ** variables.length);
}

/** Sums and shifts of sums are expensive together, as in hashes, if there are so many. */
const MANY_COMPUTATIONS = 8;

/**
 * What a table is computed from. Taken down before diagrams are tried: a word that was worked out on the way may have become an unknown number there,
 * for its size.
 */
export interface TableInputs {
  /** Ascending. */
  readonly variables: readonly number[];
  /** How each word comes about: its bits, or the computation it is the result of. */
  readonly origins: ReadonlyMap<Word, BitVector | Computation>;
}

/** What the words depend on, or null where a table is not possible (too many variables) or not worth it (nothing expensive). */
function tableInputs(m: BddManager, words: readonly Word[]): TableInputs | null {
  const functions = new Set<Ref>();
  const origins = new Map<Word, BitVector | Computation>();
  const found = { expensive: false, possible: true };
  const visit = (word: Word): void => {
    if (origins.has(word)) return;
    const computation = computationOf(word);
    origins.set(word, computation ?? ZERO64);
    if (computation === null) {
      if (isPending(word)) {
        found.possible = false;
        return;
      }
      const bits = word.need(ALL_BITS);
      origins.set(word, bits);
      for (const bit of bits) functions.add(bit);
    } else if (computation.kind === 'bytes') {
      for (const byte of computation.bytes) if (byte !== null) visit(byte.word);
    } else {
      if (computation.kind === 'select') functions.add(computation.condition);
      else if (EXPENSIVE.has(computation.op)) found.expensive = true;
      visit(computation.a);
      visit(computation.b);
    }
  };
  words.forEach(visit);
  if (!(found.expensive || origins.size > MANY_COMPUTATIONS) || !found.possible) return null;
  const variables = m.supportOfAll([...functions]);
  return variables.length <= MOST_VARIABLES ? { variables, origins } : null;
}

/** Decides between diagrams and tables: diagrams, if that is little work, else a table, if one is possible, else diagrams. */
export class TableChoice {
  readonly #m: BddManager;
  #trying = false;

  constructor(m: BddManager) {
    this.#m = m;
  }

  either<T>(words: readonly Word[], byDiagrams: () => T, byTable: (inputs: TableInputs) => T): T {
    const inputs = this.#trying || !words.some(isPending) ? null : tableInputs(this.#m, words);
    if (inputs === null) return byDiagrams();
    this.#trying = true;
    try {
      return this.#m.withBudget({ steps: stepsBeforeTable(inputs.variables) }, byDiagrams);
    } catch (error) {
      if (!(error instanceof BddBudgetError)) throw error;
    } finally {
      this.#trying = false;
    }
    return byTable(inputs);
  }
}

/** The bits of `mask` of a word; the others are FALSE. */
export function bitsByTable(m: BddManager, word: Word, mask: BitMask, inputs: TableInputs): BitVector {
  const { low, high } = new Table(m, inputs).rows(word);
  const columns = columnsOver(m, inputs.variables);
  return mapBits(mask, (i) => {
    const half = i < 32 ? low : high;
    return half === null ? FALSE : columns.diagram((row) => (half[row]! >>> (i & 31)) & 1);
  });
}

/** Where "a OP b" holds. */
export function compareByTable(m: BddManager, op: JmpOp, width: Width, a: Word, b: Word, inputs: TableInputs): Ref {
  const table = new Table(m, inputs);
  const taken = compareRows(op, width, table.rows(a), table.rows(b));
  return columnsOver(m, inputs.variables).diagram((row) => taken[row]!);
}

function columnsOver(m: BddManager, variables: readonly number[]): Columns {
  return new Columns(variables.length, (k, ifTrue, ifFalse) => {
    m.step();
    return m.node(variables[k]!, ifFalse, ifTrue);
  });
}

class Table {
  readonly #m: BddManager;
  readonly #variables: readonly number[];
  readonly #origins: TableInputs['origins'];
  readonly #known = new Map<Word, Rows>();

  constructor(m: BddManager, { variables, origins }: TableInputs) {
    this.#m = m;
    this.#variables = variables;
    this.#origins = origins;
  }

  rows(word: Word): Rows {
    let rows = this.#known.get(word);
    if (rows === undefined) {
      rows = this.#compute(word);
      this.#known.set(word, rows);
    }
    return rows;
  }

  #compute(word: Word): Rows {
    const computation = this.#origins.get(word)!;
    if (!('kind' in computation)) return rowsOf(this.#m, computation, this.#variables);
    if (computation.kind === 'alu')
      return aluRows(computation.op, computation.width, this.rows(computation.a), this.rows(computation.b));
    if (computation.kind === 'select') {
      const condition = columnOf(this.#m, computation.condition, this.#variables);
      return selectRows(condition, this.rows(computation.a), this.rows(computation.b));
    }
    const halves = [0, 4].map((from) => {
      const half = new Uint32Array(2 ** this.#variables.length);
      computation.bytes.slice(from, from + 4).forEach((byte, k) => {
        if (byte === null) return;
        const source = this.rows(byte.word);
        const part = byte.first < 32 ? source.low : source.high;
        if (part === null) return;
        for (let row = 0; row < half.length; row++)
          half[row]! |= ((part[row]! >>> (byte.first & 31)) & 0xff) << (8 * k);
      });
      return half;
    });
    return { low: halves[0]!, high: computation.bytes.length > 4 ? halves[1]! : null };
  }
}
