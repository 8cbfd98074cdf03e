/**
 * A 64-bit number some of whose bits may depend on things outside the request. Bits that are 1 in `unknown` are not known and 0 in
 * `value`; `reasons` names what they depend on and is empty exactly when every bit is known.
 */
export interface Scalar {
  readonly kind: 'scalar';
  /** Unsigned, 64 bits. */
  readonly value: bigint;
  readonly unknown: bigint;
  /** Sorted, each once. */
  readonly reasons: readonly string[];
}

export const ALL_BITS = 0xffff_ffff_ffff_ffffn;
const NO_REASONS: readonly string[] = [];

export function known(value: bigint): Scalar {
  return { kind: 'scalar', value: BigInt.asUintN(64, value), unknown: 0n, reasons: NO_REASONS };
}

export const ZERO: Scalar = known(0n);

/** A number whose bits in `mask` are unknown for the given reasons and whose other bits are 0. */
export function unknownScalar(reasons: readonly string[], mask: bigint = ALL_BITS): Scalar {
  return partlyKnown(0n, mask, reasons);
}

export function partlyKnown(value: bigint, unknown: bigint, reasons: readonly string[]): Scalar {
  const mask = BigInt.asUintN(64, unknown);
  if (mask === 0n) return known(value);
  return { kind: 'scalar', value: BigInt.asUintN(64, value) & ~mask, unknown: mask, reasons };
}

export function isKnown(scalar: Scalar): boolean {
  return scalar.unknown === 0n;
}

export function mergeReasons(a: readonly string[], b: readonly string[]): readonly string[] {
  if (b.length === 0 || a === b) return a;
  if (a.length === 0) return b;
  return [...new Set([...a, ...b])].sort();
}

/** The low `bits` bits, the rest 0. */
export function truncate(scalar: Scalar, bits: number): Scalar {
  if (bits === 64) return scalar;
  return partlyKnown(BigInt.asUintN(bits, scalar.value), BigInt.asUintN(bits, scalar.unknown), scalar.reasons);
}

/** The low `bits` bits, the rest copies of the highest of them. */
export function signExtend(scalar: Scalar, bits: number): Scalar {
  return partlyKnown(BigInt.asIntN(bits, scalar.value), BigInt.asIntN(bits, scalar.unknown), scalar.reasons);
}
