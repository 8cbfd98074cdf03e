import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, Width } from '../ebpf/types.js';
import type { BitVector } from './bitvector.js';
import { aluRows, type Rows } from './rows.js';
import { mapBits, type BitMask } from './word.js';

/** More different bits than this and the table, of 2^n rows, takes longer than the diagrams it saves. */
export const MOST_TABLE_BITS = 20;
/** Rows in one 32-bit word of a column; its diagram is looked up as a whole. */
const WORD_BITS = 5;

/** The different functions that the bits of two operands are, without constants and complements: uppermost in the variable order first. */
export function tableBits(m: BddManager, x: BitVector, y: BitVector): Ref[] {
  const regular = [...x, ...y].filter((bit) => bit > FALSE).map((bit) => bit & ~1);
  return [...new Set(regular)].sort((a, b) => m.level(a) - m.level(b));
}

/**
 * x OP y by its truth table over the `atoms` (of `tableBits`, at most MOST_TABLE_BITS). Products, quotients and remainders of large
 * constants have diagrams of moderate size whose partial sums have enormous ones; a table never builds those.
 *
 * @returns the bits of `mask`; all others are FALSE
 */
export function aluByTable(
  m: BddManager,
  op: AluOp,
  width: Width,
  mask: BitMask,
  x: BitVector,
  y: BitVector,
  atoms: readonly Ref[],
): BitVector {
  const rows = 2 ** atoms.length;
  const [a, b] = [operandRows(x, width, atoms, rows), operandRows(y, width, atoms, rows)];
  const { low, high } = aluRows(op, width, a, b);
  const columns = new Columns(m, atoms);
  return mapBits(mask, (bit) => {
    const half = bit < 32 ? low : high;
    return half === null ? FALSE : columns.diagram(half, bit & 31);
  });
}

/** Atom k is bit (count - 1 - k) of a row's number, so that rows are sorted by the uppermost atom first. */
function operandRows(bits: BitVector, width: Width, atoms: readonly Ref[], rows: number): Rows {
  return {
    low: halfRows(bits.slice(0, 32), atoms, rows),
    high: width === 32 || bits.slice(32).every((bit) => bit === FALSE) ? null : halfRows(bits.slice(32), atoms, rows),
  };
}

/** Each bit is a constant, an atom or its complement: an atom that becomes true flips its bits. */
function halfRows(bits: BitVector, atoms: readonly Ref[], rows: number): Uint32Array {
  const values = new Uint32Array(rows);
  const setWhere = (wanted: (bit: Ref) => boolean): number =>
    bits.reduce((set, bit, i) => (wanted(bit) ? set | (1 << i) : set), 0);
  values[0] = setWhere((bit) => bit === TRUE || (bit > FALSE && (bit & 1) === 1));
  for (let filled = 1, k = atoms.length - 1; k >= 0; k--, filled *= 2) {
    const flips = setWhere((bit) => bit > FALSE && (bit & ~1) === atoms[k]);
    for (let row = 0; row < filled; row++) values[filled + row] = values[row]! ^ flips;
  }
  return values;
}

/** Turns columns of a table into diagrams, from the lowest atoms up. */
class Columns {
  readonly #m: BddManager;
  readonly #atoms: readonly Ref[];
  /** 32 consecutive rows of a column -> their diagram over the lowest atoms. */
  readonly #words = new Map<number, Ref>();

  constructor(m: BddManager, atoms: readonly Ref[]) {
    this.#m = m;
    this.#atoms = atoms;
  }

  diagram(values: Uint32Array, bit: number): Ref {
    const inWord = Math.min(WORD_BITS, this.#atoms.length);
    let layer = new Int32Array(Math.max(1, values.length >> inWord));
    for (let i = 0; i < layer.length; i++) {
      let word = 0;
      for (let row = 0; row < 1 << inWord; row++) word |= ((values[(i << inWord) + row]! >>> bit) & 1) << row;
      layer[i] = this.#word(word, inWord);
    }
    for (let k = this.#atoms.length - inWord - 1; k >= 0; k--) {
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
    return this.#choose(this.#atoms.length - levels, this.#part(rows >>> half, levels - 1), low);
  }

  #choose(atom: number, ifTrue: Ref, ifFalse: Ref): Ref {
    return ifTrue === ifFalse ? ifTrue : this.#m.ite(this.#atoms[atom]!, ifTrue, ifFalse);
  }
}
