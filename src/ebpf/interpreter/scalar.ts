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
  /** Which bits each reason is behind, where that is less than all unknown ones: the halves of bpf_get_current_uid_gid. */
  readonly parts?: readonly Part[];
}

export interface Part {
  readonly reason: string;
  readonly bits: bigint;
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

/** As `partlyKnown`, with what is behind which bits; parts without unknown bits do not count. */
export function madeOf(value: bigint, unknown: bigint, parts: readonly Part[]): Scalar {
  const mask = BigInt.asUintN(64, unknown);
  const behind = new Map<string, bigint>();
  for (const { reason, bits } of parts) {
    if ((bits & mask) !== 0n) behind.set(reason, (behind.get(reason) ?? 0n) | (bits & mask));
  }
  const reasons = [...behind.keys()].sort();
  const number = partlyKnown(value, mask, reasons);
  if ([...behind.values()].every((bits) => bits === mask)) return number;
  return { ...number, parts: reasons.map((reason) => ({ reason, bits: behind.get(reason)! })) };
}

export function partsOf({ unknown, reasons, parts }: Scalar): readonly Part[] {
  return parts ?? reasons.map((reason) => ({ reason, bits: unknown }));
}

/** Moves or cuts bits without mixing them: `move` says where the set bits of a number go. */
export function mapBits(scalar: Scalar, move: (bits: bigint) => bigint): Scalar {
  const { value, unknown, reasons } = scalar;
  if (scalar.parts === undefined) return partlyKnown(move(value), move(unknown), reasons);
  const parts = scalar.parts.map(({ reason, bits }) => ({ reason, bits: move(bits) }));
  return madeOf(move(value), move(unknown), parts);
}

export function isKnown(scalar: Scalar): boolean {
  return scalar.unknown === 0n;
}

export function mergeReasons(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])].sort();
}

/** The low `bits` bits, the rest 0. */
export function truncate(scalar: Scalar, bits: number): Scalar {
  if (bits === 64) return scalar;
  return mapBits(scalar, (number) => BigInt.asUintN(bits, number));
}

/** The low `bits` bits, the rest copies of the highest of them. */
export function signExtend(scalar: Scalar, bits: number): Scalar {
  return mapBits(scalar, (number) => BigInt.asIntN(bits, number));
}
