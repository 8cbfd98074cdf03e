/**
 * Remainders of sums and products by a small constant, from the remainders of their parts: a sum of both numbers of a request has a large diagram,
 * but which of the few remainders each part has is a small one. Exact only where nothing overflows, which is checked.
 */
import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, Width } from '../ebpf/types.js';
import { constant, constantValue, select, type BitVector } from './bitvector.js';
import { expensive } from './expensive.js';
import { ALL_BITS, computationOf, isPending, mapBits, maskOf, type BitMask, type Operand, type Word } from './word.js';

/** Two parts have the square of this many pairs of remainders. */
const LARGEST_DIVISOR = 48n;
/** Where the number is a sum of bits with constant weights, each bit is looked at once for each remainder. */
const LARGEST_FOR_SUMS = 1024n;
const LONGEST_WAY = 16;
/** Joins behind which a remainder is looked for. */
const MOST_JOINS = 8;

/** A number as it is made of parts, and the most it can be. */
type Term =
  | { readonly kind: 'bits'; readonly bits: BitVector; readonly most: bigint }
  | { readonly kind: 'add' | 'mul'; readonly a: Term; readonly b: Term; readonly most: bigint };

/** How a remainder is found: the operands are worked out first, each under limits of its own. */
export interface Remainder {
  readonly operands: readonly Operand[];
  /** The bits of the mask; others are FALSE. */
  readonly bits: (mask: BitMask) => BitVector;
}

/** "a % b" or "a - a / c * c", which some compilers write for it; null where it is neither, or where division does as well. */
export function remainderByParts(m: BddManager, op: AluOp, width: Width, a: Word, b: Word): Remainder | null {
  if (op === 'sub') return remainderTaken(m, a, b, MOST_JOINS);
  const by = op === 'mod' ? knownAmount(b) : null;
  return by === null || by < 2n || by > LARGEST_FOR_SUMS ? null : remainderOfLow(m, a, width, by, MOST_JOINS);
}

/** Of the low `width` bits of a word; each join doubles the ways to look at, up to `joins` of them. */
function remainderOfLow(m: BddManager, whole: Word, most: number, by: bigint, joins: number): Remainder | null {
  const { word, width } = lowOf(whole, most);
  const join = computationOf(word);
  if (join?.kind !== 'select') return remainderOfSum(m, width, word, by);
  if (joins === 0) return null;
  const { condition, a, b } = join;
  const [ofA, ofB] = [a, b].map((way) => remainderOfLow(m, way, width, by, joins - 1));
  if (ofA == null && ofB == null) return null;
  const [first, second] = [ofA ?? remainderOfPlain(m, a, width, by), ofB ?? remainderOfPlain(m, b, width, by)];
  return eitherOf(m, condition, first, second);
}

/** The first where the condition holds, the second elsewhere. */
function eitherOf(m: BddManager, condition: Ref, first: Remainder, second: Remainder): Remainder {
  return {
    operands: [...first.operands, ...second.operands],
    bits: (mask) => select(m, condition, first.bits(mask), second.bits(mask)),
  };
}

/** The low `width` bits of a word by division, as where no way is a sum. */
function remainderOfPlain(m: BddManager, word: Word, width: number, by: bigint): Remainder {
  const low = maskOf(0, width);
  const wide = width <= 32 ? 32 : 64;
  const bits = (mask: BitMask): BitVector =>
    expensive(m, 'mod', wide, mask & maskOf(0, wide), word.need(low).slice(0, width), constant(wide, by));
  return { operands: [{ word, demand: () => low }], bits };
}

/** The number whose low `width` bits the low `most` of a word are: copies, and the way through memory, leave them as they are. */
function lowOf(word: Word, most: number): { readonly word: Word; readonly width: number } {
  const computation = computationOf(word);
  if (computation?.kind === 'alu' && computation.op === 'mov')
    return lowOf(computation.b, Math.min(most, computation.width));
  const bytes = computation?.kind === 'bytes' ? computation.bytes : [];
  const source = bytes[0]?.word;
  const count = bytes.filter((byte, i) => byte?.word === source && byte?.first === 8 * i).length;
  const isLow = source !== undefined && bytes.every((byte, i) => i < count === (byte !== null));
  return isLow ? lowOf(source, Math.min(most, 8 * count)) : { word, width: most };
}

/** "a - a / c * c"; each join doubles the ways to look at, up to `joins` of them. */
function remainderTaken(m: BddManager, a: Word, b: Word, joins: number): Remainder | null {
  const ways = waysThatMeet(a, b);
  if (ways !== null) return joins === 0 ? null : remainderOfEither(m, ways, joins - 1);
  const taken = multipleTaken(a, b);
  if (taken === null || taken.by < 2n) return null;
  return remainderOfSum(m, 32, a, taken.by) ?? remainderOfWord(m, a, taken);
}

/** Where the number is a sum or a product that fits, and the divisor small. */
function remainderOfSum(m: BddManager, width: number, a: Word, by: bigint): Remainder | null {
  const term = by > LARGEST_FOR_SUMS ? null : termOf(a, LONGEST_WAY);
  if (term === null || term.kind === 'bits' || term.most > maskOf(0, width)) return null;
  const weighted = weightedBits(term);
  if (weighted !== null) return known((mask) => mapBits(mask, (bit) => remainderBit(m, weighted, Number(by), bit)));
  if (by > LARGEST_DIVISOR) return null;
  let found: readonly Ref[] | null = null;
  return known((mask) => {
    const remainders = (found ??= remaindersOf(m, term, Number(by)));
    return mapBits(mask, (bit) =>
      bit < 6 ? m.orAll(remainders.filter((_, remainder) => ((remainder >> bit) & 1) === 1)) : FALSE,
    );
  });
}

const known = (bits: (mask: BitMask) => BitVector): Remainder => ({ operands: [], bits });

/** "a - a / c * c" as the one operation that it is. */
function remainderOfWord(m: BddManager, a: Word, { dividend, by }: Multiple): Remainder | null {
  return isBelow32(a) && isBelow32(dividend) ? remainderOfPlain(m, a, 32, by) : null;
}

interface WaysThatMeet {
  readonly condition: Ref;
  /** Dividend and what is taken from it, where the condition holds, and elsewhere. */
  readonly ways: readonly [readonly [Word, Word], readonly [Word, Word]];
}

/** Compilers let the ways of a program meet before the subtraction that ends two remainders. */
function waysThatMeet(a: Word, b: Word): WaysThatMeet | null {
  const [x, y] = [computationOf(a), computationOf(b)];
  if (x?.kind !== 'select' || y?.kind !== 'select' || x.condition !== y.condition) return null;
  return {
    condition: x.condition,
    ways: [
      [x.a, y.a],
      [x.b, y.b],
    ],
  };
}

function remainderOfEither(m: BddManager, { condition, ways }: WaysThatMeet, joins: number): Remainder | null {
  const first = remainderTaken(m, ...ways[0], joins);
  const second = first === null ? null : remainderTaken(m, ...ways[1], joins);
  return first === null || second === null ? null : eitherOf(m, condition, first, second);
}

interface Multiple {
  readonly dividend: Word;
  readonly by: bigint;
}

/** What `b` is made of if it is a / c * c, with a and the dividend taken to be below 2^32. */
function multipleTaken(a: Word, b: Word): Multiple | null {
  const taken = multipleOf(b);
  return taken !== null && uncut(taken.dividend) === uncut(a) ? taken : null;
}

/** x and c if the word is x / c * c, with x taken to be below 2^32. */
function multipleOf(word: Word): Multiple | null {
  const product = computationOf(uncut(word));
  if (product?.kind !== 'alu' || product.op !== 'mul') return null;
  const by = knownAmount(product.b);
  // The remainder is one of 32-bit numbers.
  if (by === null || by > maskOf(0, 32)) return null;
  const dividend = dividendOf(uncut(product.a), by);
  return dividend === null ? null : { dividend, by };
}

function isBelow32(word: Word): boolean {
  const computation = computationOf(word);
  if (computation === null)
    return (
      !isPending(word) &&
      word
        .need(ALL_BITS)
        .slice(32)
        .every((bit) => bit === FALSE)
    );
  if (computation.kind !== 'alu') return false;
  if (computation.width === 32) return true;
  if (computation.op === 'mov') return isBelow32(computation.b);
  return computation.op === 'rsh' && (knownAmount(computation.b) ?? 0n) % 64n >= 32n;
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
  // 32-bit shifts by 32 shift by nothing.
  const inner = computation.op === 'rsh' && computation.width === 64 ? computationOf(computation.a) : null;
  const isUp = inner?.kind === 'alu' && inner.op === 'lsh' && inner.width === 64;
  const isCut = isUp && knownAmount(computation.b) === 32n;
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
    return below(Math.min(width, inner.width) - Number(by), termOf(inner.a, way - 1));
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
