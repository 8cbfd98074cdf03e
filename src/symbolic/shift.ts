import { FALSE, type BddManager, type Ref } from '../bdd/manager.js';
import { select, type BitVector } from './bitvector.js';

/**
 * Shifts by an amount that is itself a bit vector. As on the kernel's machines and in RFC 9669 section 4.1 only the low 6 (width 64) or
 * 5 (width 32) bits of the amount count.
 */
function shiftBy(
  m: BddManager,
  a: BitVector,
  amount: BitVector,
  move: (a: BitVector, by: number) => BitVector,
): BitVector {
  let result = a;
  for (let stage = 0; 1 << stage < a.length; stage++) {
    const bit = amount[stage]!;
    if (bit !== FALSE) result = select(m, bit, move(result, 1 << stage), result);
  }
  return result;
}

export function shiftLeft(m: BddManager, a: BitVector, amount: BitVector): BitVector {
  return shiftBy(m, a, amount, (bits, by) => [...new Array<Ref>(by).fill(FALSE), ...bits.slice(0, bits.length - by)]);
}

export function shiftRightLogical(m: BddManager, a: BitVector, amount: BitVector): BitVector {
  return shiftBy(m, a, amount, (bits, by) => [...bits.slice(by), ...new Array<Ref>(by).fill(FALSE)]);
}

export function shiftRightArithmetic(m: BddManager, a: BitVector, amount: BitVector): BitVector {
  return shiftBy(m, a, amount, (bits, by) => [...bits.slice(by), ...new Array<Ref>(by).fill(bits[bits.length - 1]!)]);
}

/** The low `bits` with their bytes reversed, the rest zero; the width stays. */
export function byteSwap(a: BitVector, bits: number): BitVector {
  const swapped = new Array<Ref>(a.length).fill(FALSE);
  for (let i = 0; i < bits; i++) swapped[bits - 8 - (i & ~7) + (i & 7)] = a[i]!;
  return swapped;
}
