import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';

/** A number whose bits are Boolean functions; index 0 is the least significant bit, the length is the width. */
export type BitVector = readonly Ref[];

export const ZERO64: BitVector = new Array<Ref>(64).fill(FALSE);

/** `value` modulo 2^width, width at most 64; negative values in two's complement. */
export function constant(width: number, value: bigint): BitVector {
  const unsigned = BigInt.asUintN(64, value);
  const [low, high] = [Number(unsigned & 0xffffffffn), Number(unsigned >> 32n)];
  const bits: Ref[] = [];
  for (let i = 0; i < width; i++) bits.push((((i < 32 ? low : high) >>> (i & 31)) & 1) === 1 ? TRUE : FALSE);
  return bits;
}

/** The number, unsigned, if every bit is constant; otherwise null. */
export function constantValue(a: BitVector): bigint | null {
  let value = 0n;
  for (let i = a.length - 1; i >= 0; i--) {
    if (a[i]! > FALSE) return null;
    value = (value << 1n) | (a[i] === TRUE ? 1n : 0n);
  }
  return value;
}

export function sameBits(a: BitVector, b: BitVector): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function zeroExtend(a: BitVector, width: number): BitVector {
  if (a.length >= width) return a.slice(0, width);
  return [...a, ...new Array<Ref>(width - a.length).fill(FALSE)];
}

export function signExtend(a: BitVector, width: number): BitVector {
  if (a.length >= width) return a.slice(0, width);
  return [...a, ...new Array<Ref>(width - a.length).fill(a[a.length - 1]!)];
}

export function bitwiseNot(a: BitVector): BitVector {
  return a.map((bit) => bit ^ 1);
}

export function bitwiseAnd(m: BddManager, a: BitVector, b: BitVector): BitVector {
  return a.map((bit, i) => m.and(bit, b[i]!));
}

export function bitwiseOr(m: BddManager, a: BitVector, b: BitVector): BitVector {
  return a.map((bit, i) => m.or(bit, b[i]!));
}

export function bitwiseXor(m: BddManager, a: BitVector, b: BitVector): BitVector {
  return a.map((bit, i) => m.xor(bit, b[i]!));
}

/** a where `condition` is true, b elsewhere. */
export function select(m: BddManager, condition: Ref, a: BitVector, b: BitVector): BitVector {
  if (condition === TRUE || sameBits(a, b)) return a;
  if (condition === FALSE) return b;
  return a.map((bit, i) => m.ite(condition, bit, b[i]!));
}

export function isZero(m: BddManager, a: BitVector): Ref {
  let zero: Ref = TRUE;
  for (const bit of a) zero = m.and(bit ^ 1, zero);
  return zero;
}

// Comparisons go from the least significant bit up: request fields have their highest bit uppermost in the variable order, so each step
// puts one variable on top of the diagram built so far.

export function equal(m: BddManager, a: BitVector, b: BitVector): Ref {
  let same: Ref = TRUE;
  for (let i = 0; i < a.length && same !== FALSE; i++) same = m.and(m.equivalent(a[i]!, b[i]!), same);
  return same;
}

/** a < b, both unsigned. */
export function lessUnsigned(m: BddManager, a: BitVector, b: BitVector): Ref {
  let less: Ref = FALSE;
  for (let i = 0; i < a.length; i++) less = m.ite(m.xor(a[i]!, b[i]!), b[i]!, less);
  return less;
}

/** a < b in two's complement: flipping the sign bits turns the signed order into the unsigned one. */
export function lessSigned(m: BddManager, a: BitVector, b: BitVector): Ref {
  const top = a.length - 1;
  return lessUnsigned(m, [...a.slice(0, top), a[top]! ^ 1], [...b.slice(0, top), b[top]! ^ 1]);
}

/** Whether a AND b has any bit set. */
export function anyCommonBit(m: BddManager, a: BitVector, b: BitVector): Ref {
  let any: Ref = FALSE;
  for (let i = 0; i < a.length; i++) any = m.or(m.and(a[i]!, b[i]!), any);
  return any;
}
