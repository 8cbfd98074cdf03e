import {
  ALL_BITS,
  isKnown,
  known,
  madeOf,
  mapBits,
  mergeReasons,
  partlyKnown,
  partsOf,
  signExtend,
  truncate,
  unknownScalar,
  ZERO,
  type Scalar,
} from './scalar.js';
import type { AluOp, ByteOrder, Width } from '../types.js';

/**
 * One arithmetic instruction on numbers (RFC 9669 section 4.1). 32-bit operations take the low halves and clear the upper half.
 * @returns the new value of the destination.
 */
export function computeAlu(alu: AluOp, width: Width, left: Scalar, right: Scalar): Scalar {
  const a = truncate(left, width);
  const b = truncate(right, width);
  if (isKnown(a) && isKnown(b)) return known(BigInt.asUintN(width, computeKnown(alu, width, a.value, b.value)));
  return truncate(computePartly(alu, width, a, b), width);
}

/** Operands are unsigned and fit `width`; the caller truncates the result. */
function computeKnown(alu: AluOp, width: Width, a: bigint, b: bigint): bigint {
  const count = b & BigInt(width - 1);
  switch (alu) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return b === 0n ? 0n : a / b;
    case 'mod':
      return b === 0n ? a : a % b;
    // BigInt division truncates toward zero, as sdiv does; the minimum divided by -1 wraps to itself when truncated.
    case 'sdiv':
      return b === 0n ? 0n : BigInt.asIntN(width, a) / BigInt.asIntN(width, b);
    case 'smod':
      return b === 0n ? a : BigInt.asIntN(width, a) % BigInt.asIntN(width, b);
    case 'or':
      return a | b;
    case 'and':
      return a & b;
    case 'xor':
      return a ^ b;
    case 'lsh':
      return a << count;
    case 'rsh':
      return a >> count;
    case 'arsh':
      return BigInt.asIntN(width, a) >> count;
    case 'mov':
      return b;
    case 'neg':
      return -a;
  }
}

/** At least one operand has unknown bits. */
function computePartly(alu: AluOp, width: Width, a: Scalar, b: Scalar): Scalar {
  const reasons = mergeReasons(a.reasons, b.reasons);
  switch (alu) {
    case 'mov':
      return b;
    case 'and': {
      const mayBeOne = (a.value | a.unknown) & (b.value | b.unknown);
      return madeOf(a.value & b.value, (a.unknown | b.unknown) & mayBeOne, [...partsOf(a), ...partsOf(b)]);
    }
    case 'or':
      return madeOf(a.value | b.value, (a.unknown | b.unknown) & ~(a.value | b.value), [...partsOf(a), ...partsOf(b)]);
    case 'xor':
      return madeOf(a.value ^ b.value, a.unknown | b.unknown, [...partsOf(a), ...partsOf(b)]);
    case 'add':
    case 'sub':
    case 'mul':
      return partlyKnown(computeKnown(alu, width, a.value, b.value), bitsFromLowest(a.unknown | b.unknown), reasons);
    case 'neg':
      return partlyKnown(-a.value, bitsFromLowest(a.unknown), a.reasons);
    case 'lsh':
    case 'rsh':
    case 'arsh':
      return shiftPartly(alu, width, a, b, reasons);
    case 'div':
    case 'mod':
    case 'sdiv':
    case 'smod':
      return isKnown(b) && b.value === 0n ? (alu === 'div' || alu === 'sdiv' ? ZERO : a) : unknownScalar(reasons);
  }
}

function shiftPartly(
  alu: 'lsh' | 'rsh' | 'arsh',
  width: Width,
  a: Scalar,
  b: Scalar,
  reasons: readonly string[],
): Scalar {
  const countMask = BigInt(width - 1);
  if ((b.unknown & countMask) !== 0n) return isKnown(a) && a.value === 0n ? ZERO : unknownScalar(reasons);
  return mapBits(a, (bits) => computeKnown(alu, width, bits, b.value));
}

/** Carries run upwards only: sums, differences and products are known below the lowest unknown bit of the operands. */
function bitsFromLowest(mask: bigint): bigint {
  const lowest = mask & -mask;
  return ALL_BITS & ~(lowest - 1n);
}

/** Sign-extending move of the low `bits` bits; a 32-bit one clears the upper half. */
export function computeMovsx(width: Width, bits: number, source: Scalar): Scalar {
  return truncate(signExtend(source, bits), width);
}

/**
 * Byte swaps (RFC 9669 section 4.2): `little` and `big` convert between the machine's order and the named one, so that one of them
 * only truncates; `swap` always swaps.
 */
export function computeEndian(to: 'little' | 'big' | 'swap', bits: number, machine: ByteOrder, source: Scalar): Scalar {
  const low = truncate(source, bits);
  if (to === machine) return low;
  return mapBits(low, (number) => reverseBytes(number, bits));
}

function reverseBytes(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let at = 0n; at < BigInt(bits); at += 8n) result = (result << 8n) | ((value >> at) & 0xffn);
  return result;
}
