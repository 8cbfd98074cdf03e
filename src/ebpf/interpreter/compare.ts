import { truncate, type Scalar } from './scalar.js';
import type { JmpOp, Width } from '../types.js';

/**
 * Whether a conditional jump is taken (RFC 9669 section 4.3): 64-bit jumps compare whole registers, 32-bit ones the low halves.
 * @returns null when it depends on unknown bits.
 */
export function compareScalars(jmp: JmpOp, width: Width, left: Scalar, right: Scalar): boolean | null {
  const a = truncate(left, width);
  const b = truncate(right, width);
  switch (jmp) {
    case 'eq':
      return equal(a, b);
    case 'ne':
      return not(equal(a, b));
    case 'set': {
      if ((a.value & b.value) !== 0n) return true;
      return ((a.value | a.unknown) & (b.value | b.unknown)) === 0n ? false : null;
    }
    case 'gt':
      return less(unsignedRange(b), unsignedRange(a));
    case 'le':
      return not(less(unsignedRange(b), unsignedRange(a)));
    case 'lt':
      return less(unsignedRange(a), unsignedRange(b));
    case 'ge':
      return not(less(unsignedRange(a), unsignedRange(b)));
    case 'sgt':
      return less(signedRange(b, width), signedRange(a, width));
    case 'sle':
      return not(less(signedRange(b, width), signedRange(a, width)));
    case 'slt':
      return less(signedRange(a, width), signedRange(b, width));
    case 'sge':
      return not(less(signedRange(a, width), signedRange(b, width)));
  }
}

function equal(a: Scalar, b: Scalar): boolean | null {
  const unknown = a.unknown | b.unknown;
  if ((a.value & ~unknown) !== (b.value & ~unknown)) return false;
  return unknown === 0n ? true : null;
}

function not(answer: boolean | null): boolean | null {
  return answer === null ? null : !answer;
}

interface Bounds {
  readonly min: bigint;
  readonly max: bigint;
}

function unsignedRange(scalar: Scalar): Bounds {
  return { min: scalar.value, max: scalar.value | scalar.unknown };
}

function signedRange(scalar: Scalar, width: Width): Bounds {
  const sign = 1n << BigInt(width - 1);
  const { value, unknown } = scalar;
  const lowest = (unknown & sign) === 0n ? value : value | sign;
  const highest = value | (unknown & ~sign);
  return { min: BigInt.asIntN(width, lowest), max: BigInt.asIntN(width, highest) };
}

function less(a: Bounds, b: Bounds): boolean | null {
  if (a.max < b.min) return true;
  return a.min >= b.max ? false : null;
}
