import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, Width } from '../ebpf/types.js';
import type { BitVector } from './bitvector.js';
import { Columns } from './columns.js';
import { aluRows, type Rows } from './rows.js';
import { mapBits, type BitMask } from './word.js';

/** More different bits than this and the table, of 2^n rows, takes longer than the diagrams it saves. */
export const MOST_TABLE_BITS = 20;

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
  const columns = new Columns(atoms.length, (k, ifTrue, ifFalse) =>
    ifTrue === ifFalse ? ifTrue : m.ite(atoms[k]!, ifTrue, ifFalse),
  );
  return mapBits(mask, (bit) => {
    const half = bit < 32 ? low : high;
    return half === null ? FALSE : columns.diagram((row) => (half[row]! >>> (bit & 31)) & 1);
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
