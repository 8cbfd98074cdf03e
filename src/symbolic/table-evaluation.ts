/**
 * Deferred numbers by truth table: where a computation depends on few variables but its intermediate results have large diagrams (hashes,
 * nested quotients), all rows are computed and only the result becomes a diagram.
 */
import { BddBudgetError, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, JmpOp, Width } from '../ebpf/types.js';
import { ZERO64, type BitVector } from './bitvector.js';
import { Columns } from './columns.js';
import { aluRows, columnOf, compareRows, rowsOf, selectRows, type Rows } from './rows.js';
import { ALL_BITS, computationOf, isPending, mapBits, type BitMask, type Word } from './word.js';

/** A table of 2^20 rows of some operations takes a fraction of a second. */
const MOST_VARIABLES = 20;
/** What diagrams may cost before a table is made instead: about what the table costs. */
function stepsBeforeTable(variables: readonly number[]): number {
  return Math.max(50_000, 2 ** variables.length);
}

const EXPENSIVE: ReadonlySet<AluOp> = new Set(['mul', 'div', 'mod', 'sdiv', 'smod']);
/** Sums and shifts of sums are expensive together, as in hashes, if there are so many. */
const MANY_COMPUTATIONS = 8;

/** The variables that the words depend on, ascending, or null where a table is not possible (too many) or not worth it (nothing expensive). */
function tableVariables(m: BddManager, words: readonly Word[]): number[] | null {
  const functions = new Set<Ref>();
  const seen = new Set<Word>();
  const found = { expensive: false, possible: true };
  const visit = (word: Word): void => {
    if (seen.has(word)) return;
    seen.add(word);
    const computation = computationOf(word);
    if (computation === null) {
      if (isPending(word)) found.possible = false;
      else for (const bit of word.need(ALL_BITS)) functions.add(bit);
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
  if (!(found.expensive || seen.size > MANY_COMPUTATIONS) || !found.possible) return null;
  const variables = m.supportOfAll([...functions]);
  return variables.length <= MOST_VARIABLES ? variables : null;
}

/** Decides between diagrams and tables: diagrams, if that is little work, else a table, if one is possible, else diagrams. */
export class TableChoice {
  readonly #m: BddManager;
  #trying = false;

  constructor(m: BddManager) {
    this.#m = m;
  }

  either<T>(words: readonly Word[], byDiagrams: () => T, byTable: (variables: readonly number[]) => T): T {
    const variables = this.#trying || !words.some(isPending) ? null : tableVariables(this.#m, words);
    if (variables === null) return byDiagrams();
    this.#trying = true;
    try {
      return this.#m.withBudget({ steps: stepsBeforeTable(variables) }, byDiagrams);
    } catch (error) {
      if (!(error instanceof BddBudgetError)) throw error;
    } finally {
      this.#trying = false;
    }
    return byTable(variables);
  }
}

/** The bits of `mask` of a word that depends on `variables` only; the others are FALSE. */
export function bitsByTable(m: BddManager, word: Word, mask: BitMask, variables: readonly number[]): BitVector {
  const { low, high } = new Table(m, variables).rows(word);
  const columns = columnsOver(m, variables);
  return mapBits(mask, (i) => {
    const half = i < 32 ? low : high;
    return half === null ? ZERO64[0]! : columns.diagram((row) => (half[row]! >>> (i & 31)) & 1);
  });
}

/** Where "a OP b" holds, for words that depend on `variables` only. */
export function compareByTable(
  m: BddManager,
  op: JmpOp,
  width: Width,
  a: Word,
  b: Word,
  variables: readonly number[],
): Ref {
  const table = new Table(m, variables);
  const taken = compareRows(op, width, table.rows(a), table.rows(b));
  return columnsOver(m, variables).diagram((row) => taken[row]!);
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
  readonly #known = new Map<Word, Rows>();

  constructor(m: BddManager, variables: readonly number[]) {
    this.#m = m;
    this.#variables = variables;
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
    const computation = computationOf(word);
    if (computation === null) return rowsOf(this.#m, word.need(ALL_BITS), this.#variables);
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
