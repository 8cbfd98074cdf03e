/**
 * Remainders of sums and products by a small constant, from the remainders of their parts: a sum of both numbers of a request has a large diagram,
 * but which of the few remainders each part has is a small one. Exact only where nothing overflows, which is checked.
 */
import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, Width } from '../ebpf/types.js';
import { constantValue, type BitVector } from './bitvector.js';
import { ALL_BITS, computationOf, isPending, mapBits, maskOf, type BitMask, type Word } from './word.js';

/** Two parts have the square of this many pairs of remainders. */
const LARGEST_DIVISOR = 48n;
/** Where the number is a sum of bits with constant weights, each bit is looked at once for each remainder. */
const LARGEST_FOR_SUMS = 1024n;
const LONGEST_WAY = 16;

/** A number as it is made of parts, and the most it can be. */
type Term =
  | { readonly kind: 'bits'; readonly bits: BitVector; readonly most: bigint }
  | { readonly kind: 'add' | 'mul'; readonly a: Term; readonly b: Term; readonly most: bigint };

/**
 * The bits of "a % b" or of "a - a / c * c", which some compilers write for it; null where `a` is no sum or product that fits, or the divisor no
 * small constant.
 */
export function remainderByParts(
  m: BddManager,
  op: AluOp,
  width: Width,
  a: Word,
  b: Word,
): ((mask: BitMask) => BitVector) | null {
  const by = op === 'mod' ? knownAmount(b) : op === 'sub' ? multipleTaken(a, b) : null;
  if (by === null || by < 2n || by > LARGEST_FOR_SUMS) return null;
  const term = termOf(a, LONGEST_WAY);
  if (term === null || term.kind === 'bits' || term.most > maskOf(0, op === 'sub' ? 32 : width)) return null;
  const weighted = weightedBits(term);
  if (weighted !== null) return (mask) => mapBits(mask, (bit) => remainderBit(m, weighted, Number(by), bit));
  if (by > LARGEST_DIVISOR) return null;
  let found: readonly Ref[] | null = null;
  return (mask) => {
    const remainders = (found ??= remaindersOf(m, term, Number(by)));
    return mapBits(mask, (bit) =>
      bit < 6 ? m.orAll(remainders.filter((_, remainder) => ((remainder >> bit) & 1) === 1)) : FALSE,
    );
  };
}

/** The constant c if `b` is a / c * c, with a taken to be below 2^32. */
function multipleTaken(a: Word, b: Word): bigint | null {
  const product = computationOf(uncut(b));
  if (product?.kind !== 'alu' || product.op !== 'mul') return null;
  const by = knownAmount(product.b);
  const dividend = by === null ? null : dividendOf(uncut(product.a), by);
  return dividend !== null && uncut(dividend) === uncut(a) ? by : null;
}

/** x if the word is x / c for all x below 2^32: as a division, or as a product with 2^shift / c rounded up, shifted down. */
function dividendOf(word: Word, by: bigint): Word | null {
  const quotient = computationOf(word);
  if (quotient?.kind !== 'alu') return null;
  const amount = knownAmount(quotient.b);
  if (quotient.op === 'div') return amount === by ? quotient.a : null;
  const product = quotient.op === 'rsh' && quotient.width === 64 ? computationOf(quotient.a) : null;
  if (amount === null || product?.kind !== 'alu' || product.op !== 'mul' || product.width !== 64) return null;
  const factor = knownAmount(product.b);
  if (factor === null || amount > 63n || factor >= 1n << 32n) return null;
  // x * factor / 2^shift is x / c + x * excess / (c * 2^shift), and the fraction of x / c is at most 1 - 1 / c.
  const excess = factor * by - (1n << amount);
  return excess >= 0n && excess * maskOf(0, 32) < 1n << amount ? product.a : null;
}

/** The word before copies and cuts to 32 bits, which change nothing of a number below 2^32. */
function uncut(word: Word): Word {
  const computation = computationOf(word);
  if (computation?.kind !== 'alu') return word;
  if (computation.op === 'mov') return uncut(computation.b);
  const inner = computation.op === 'rsh' ? computationOf(computation.a) : null;
  const isCut = inner?.kind === 'alu' && inner.op === 'lsh' && knownAmount(computation.b) === 32n;
  return isCut && knownAmount(inner.b) === 32n ? uncut(inner.a) : word;
}

function termOf(word: Word, way: number): Term | null {
  if (!isPending(word)) {
    const bits = word.need(ALL_BITS);
    return {
      kind: 'bits',
      bits,
      most: bits.reduce((most, bit, i) => (bit === FALSE ? most : most | (1n << BigInt(i))), 0n),
    };
  }
  const computation = computationOf(word);
  if (computation?.kind !== 'alu' || way === 0) return null;
  const { op, width, a, b } = computation;
  if (op === 'mov') return below(width, termOf(b, way - 1));
  if (op === 'rsh') {
    // Shifting up and down again clears the upper bits: nothing happens to a number that has none.
    const inner = computationOf(a);
    const by = knownAmount(b);
    if (inner?.kind !== 'alu' || inner.op !== 'lsh' || by === null || by !== knownAmount(inner.b)) return null;
    return below(width - Number(by), termOf(inner.a, way - 1));
  }
  if (op !== 'add' && op !== 'mul') return null;
  const [x, y] = [termOf(a, way - 1), termOf(b, way - 1)];
  if (x === null || y === null) return null;
  return below(width, { kind: op, a: x, b: y, most: op === 'add' ? x.most + y.most : x.most * y.most });
}

function knownAmount(word: Word): bigint | null {
  return isPending(word) ? null : constantValue(word.need(ALL_BITS));
}

function below(width: number, term: Term | null): Term | null {
  return term !== null && term.most <= maskOf(0, width) ? term : null;
}

interface WeightedBit {
  readonly bit: Ref;
  readonly weight: bigint;
}

/** The bits whose sum, each times its weight, is the number; null where it is a product of two of them. */
function weightedBits(term: Term): WeightedBit[] | null {
  if (term.kind === 'bits') return term.bits.map((bit, i) => ({ bit, weight: 1n << BigInt(i) }));
  const [a, b] = [weightedBits(term.a), weightedBits(term.b)];
  if (a === null || b === null) return null;
  if (term.kind === 'add') return [...a, ...b];
  const [x, y] = [constantSum(a), constantSum(b)];
  const [bits, factor] = y === null ? [b, x] : [a, y];
  return factor === null ? null : bits.map(({ bit, weight }) => ({ bit, weight: weight * factor }));
}

function constantSum(weighted: readonly WeightedBit[]): bigint | null {
  if (weighted.some(({ bit }) => bit > FALSE)) return null;
  return weighted.reduce((sum, { bit, weight }) => (bit === TRUE ? sum + weight : sum), 0n);
}

/** Bit `wanted` of the remainder of a sum: from the lowest bit in the variable order up, what it is for each remainder of the bits above. */
function remainderBit(m: BddManager, weighted: readonly WeightedBit[], by: number, wanted: number): Ref {
  if (2 ** wanted >= by) return FALSE;
  const sorted = [...weighted].sort((a, b) => m.level(b.bit) - m.level(a.bit));
  let layer = Array.from({ length: by }, (_, remainder): Ref =>
    Math.floor(remainder / 2 ** wanted) % 2 === 1 ? TRUE : FALSE,
  );
  for (const { bit, weight } of sorted) {
    if (bit === FALSE) continue;
    const step = Number(weight % BigInt(by));
    layer = layer.map((without, remainder) => m.ite(bit, layer[(remainder + step) % by]!, without));
  }
  return layer[0]!;
}

/** For each remainder, where the number has it. */
function remaindersOf(m: BddManager, term: Term, by: number): readonly Ref[] {
  if (term.kind === 'bits') return remaindersOfBits(m, term.bits, by);
  const [a, b] = [remaindersOf(m, term.a, by), remaindersOf(m, term.b, by)];
  const result = new Array<Ref>(by).fill(FALSE);
  a.forEach((where, i) => {
    if (where === FALSE) return;
    b.forEach((other, j) => {
      const remainder = (term.kind === 'add' ? i + j : i * j) % by;
      result[remainder] = m.or(result[remainder]!, m.and(where, other));
    });
  });
  return result;
}

function remaindersOfBits(m: BddManager, bits: BitVector, by: number): readonly Ref[] {
  let remainders: Ref[] = new Array<Ref>(by).fill(FALSE);
  remainders[0] = TRUE;
  for (const bit of [...bits].reverse()) {
    const next = new Array<Ref>(by).fill(FALSE);
    remainders.forEach((where, remainder) => {
      const [zero, one] = [(2 * remainder) % by, (2 * remainder + 1) % by];
      next[zero] = m.or(next[zero]!, m.difference(where, bit));
      next[one] = m.or(next[one]!, m.and(where, bit));
    });
    remainders = next;
  }
  return remainders;
}
