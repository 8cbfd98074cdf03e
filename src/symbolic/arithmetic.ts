import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { bitwiseNot, constant, constantValue, isZero, lessUnsigned, select, type BitVector } from './bitvector.js';

/** a + b + carry, modulo 2^width. */
export function add(m: BddManager, a: BitVector, b: BitVector, carry: Ref = FALSE): BitVector {
  const sum: Ref[] = [];
  let c = carry;
  for (let i = 0; i < a.length; i++) {
    const half = m.xor(a[i]!, b[i]!);
    sum.push(m.xor(half, c));
    if (i + 1 < a.length) c = m.ite(half, c, a[i]!);
  }
  return sum;
}

export function subtract(m: BddManager, a: BitVector, b: BitVector): BitVector {
  return add(m, a, bitwiseNot(b), TRUE);
}

export function negate(m: BddManager, a: BitVector): BitVector {
  return add(m, constant(a.length, 0n), bitwiseNot(a), TRUE);
}

/** a * b modulo 2^width, by adding shifted copies of the operand that is not constant. */
export function multiply(m: BddManager, a: BitVector, b: BitVector): BitVector {
  const [value, multiplier] = constantValue(a) !== null || occupied(a) < occupied(b) ? [b, a] : [a, b];
  const width = a.length;
  let sum = constant(width, 0n);
  for (let i = 0; i < width; i++) {
    const bit = multiplier[i]!;
    if (bit === FALSE) continue;
    const shifted = Array.from({ length: width }, (_, j) => (j < i ? FALSE : m.and(value[j - i]!, bit)));
    sum = add(m, sum, shifted);
  }
  return sum;
}

/** Number of low bits that are not constantly zero. */
function occupied(a: BitVector): number {
  let width = a.length;
  while (width > 0 && a[width - 1] === FALSE) width--;
  return width;
}

/** Unsigned long division where the divisor is not zero; where it is zero the results mean nothing. */
function divideNonZero(m: BddManager, a: BitVector, b: BitVector): { quotient: BitVector; remainder: BitVector } {
  const width = a.length;
  const divisorWidth = occupied(b);
  const quotient = new Array<Ref>(width).fill(FALSE);
  if (divisorWidth === 0) return { quotient, remainder: a };
  // The running remainder is below 2 * divisor, so one bit more than the divisor has is enough.
  const divisor = [...b.slice(0, divisorWidth), FALSE];
  let remainder: BitVector = constant(divisorWidth + 1, 0n);
  for (let i = occupied(a) - 1; i >= 0; i--) {
    const shifted = [a[i]!, ...remainder.slice(0, divisorWidth)];
    const fits = lessUnsigned(m, shifted, divisor) ^ 1;
    quotient[i] = fits;
    remainder = fits === FALSE ? shifted : select(m, fits, subtract(m, shifted, divisor), shifted);
  }
  return {
    quotient,
    remainder: [...remainder.slice(0, divisorWidth), ...new Array<Ref>(width - divisorWidth).fill(FALSE)],
  };
}

/** RFC 9669 section 4.1: division by zero gives zero. */
export function divideUnsigned(m: BddManager, a: BitVector, b: BitVector): BitVector {
  return select(m, isZero(m, b), constant(a.length, 0n), divideNonZero(m, a, b).quotient);
}

/** RFC 9669 section 4.1: modulo zero leaves the dividend. */
export function moduloUnsigned(m: BddManager, a: BitVector, b: BitVector): BitVector {
  return select(m, isZero(m, b), a, divideNonZero(m, a, b).remainder);
}

/** Truncates toward zero; the smallest number divided by -1 is itself. */
export function divideSigned(m: BddManager, a: BitVector, b: BitVector): BitVector {
  const quotient = divideUnsigned(m, magnitude(m, a), magnitude(m, b));
  const negative = m.xor(sign(a), sign(b));
  return select(m, negative, negate(m, quotient), quotient);
}

/** The remainder has the dividend's sign. */
export function moduloSigned(m: BddManager, a: BitVector, b: BitVector): BitVector {
  const remainder = moduloUnsigned(m, magnitude(m, a), magnitude(m, b));
  return select(m, sign(a), negate(m, remainder), remainder);
}

function sign(a: BitVector): Ref {
  return a[a.length - 1]!;
}

function magnitude(m: BddManager, a: BitVector): BitVector {
  return select(m, sign(a), negate(m, a), a);
}
