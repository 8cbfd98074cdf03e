/**
 * Whether a number lies in a range, asked of its computation instead of its result. The diagrams of a product or a quotient of two parts of
 * the request are too large to build, but "quotient >= 7" is "dividend >= 7 * divisor", and for each value of one factor a product's
 * range is a range of the other. Sums, shifts and masks with constants are undone on the way there.
 */
import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { JmpOp, Width } from '../ebpf/types.js';
import { multiply } from './arithmetic.js';
import { constant, constantValue, isZero, lessUnsigned, zeroExtend, type BitVector } from './bitvector.js';
import { ALL_BITS, computationOf, isPending, maskOf, type Word } from './word.js';

/** Unsigned; both ends belong to it. */
type Range = readonly [first: bigint, last: bigint];

/** A factor with more bits than this is not taken apart into its values. */
const MOST_FACTOR_BITS = 12;
/** So many steps back lead to a product or quotient, or none is looked for. */
const LONGEST_WAY = 12;

/** The condition "word OP limit" where the word comes from a product or quotient that is worth asking this way, else null. */
export function compareByRange(m: BddManager, op: JmpOp, width: Width, word: Word, limit: bigint): Ref | null {
  const ranges = rangesWhere(op, width, limit);
  return ranges !== null && leadsToProduct(word, LONGEST_WAY) ? within(m, word, width, ranges) : null;
}

/** The numbers of `width` bits that compare so with `limit`. */
function rangesWhere(op: JmpOp, width: number, limit: bigint): Range[] | null {
  const top = maskOf(0, width);
  const [least, greatest] = [-(1n << BigInt(width - 1)), (1n << BigInt(width - 1)) - 1n];
  const signedLimit = BigInt.asIntN(width, limit);
  switch (op) {
    case 'eq':
      return [[limit, limit]];
    case 'ne':
      return valid([0n, limit - 1n], [limit + 1n, top]);
    case 'lt':
      return valid([0n, limit - 1n]);
    case 'le':
      return [[0n, limit]];
    case 'gt':
      return valid([limit + 1n, top]);
    case 'ge':
      return [[limit, top]];
    case 'slt':
      return moved(width, least, signedLimit - 1n);
    case 'sle':
      return moved(width, least, signedLimit);
    case 'sgt':
      return moved(width, signedLimit + 1n, greatest);
    case 'sge':
      return moved(width, signedLimit, greatest);
    case 'set':
      return null;
  }
}

function valid(...ranges: Range[]): Range[] {
  return ranges.filter(([first, last]) => first <= last);
}

/** The numbers from `first` to `last`, at most 2^width of them, both possibly negative or too large, modulo 2^width. */
function moved(width: number, first: bigint, last: bigint): Range[] {
  if (first > last) return [];
  const [from, to] = [BigInt.asUintN(width, first), BigInt.asUintN(width, last)];
  return from <= to
    ? [[from, to]]
    : [
        [0n, to],
        [from, maskOf(0, width)],
      ];
}

function leadsToProduct(word: Word, way: number): boolean {
  const computation = computationOf(word);
  if (computation === null || computation.kind === 'bytes' || way === 0) return false;
  const { a, b } = computation;
  if (computation.kind === 'select') return leadsToProduct(a, way - 1) || leadsToProduct(b, way - 1);
  if (computation.op === 'mov') return leadsToProduct(b, way - 1);
  const fixed = constantOf(b) ?? constantOf(a);
  if (computation.op === 'div' || computation.op === 'mul') return fixed === null;
  return fixed !== null && (leadsToProduct(a, way - 1) || leadsToProduct(b, way - 1));
}

function constantOf(word: Word): bigint | null {
  return isPending(word) ? null : constantValue(word.need(ALL_BITS));
}

/** Where the low `width` bits of a word are in one of the ranges. */
function within(m: BddManager, word: Word, width: number, ranges: readonly Range[]): Ref {
  if (ranges.length === 0) return FALSE;
  const computation = computationOf(word);
  const direct = (): Ref => inRanges(m, word.need(maskOf(0, width)).slice(0, width), ranges);
  if (computation === null || computation.kind === 'bytes') return direct();
  const { a, b } = computation;
  if (computation.kind === 'select')
    return m.ite(computation.condition, within(m, a, width, ranges), within(m, b, width, ranges));
  const { op } = computation;
  // A 32-bit operation leaves zeros above.
  if (width > computation.width) return within(m, word, computation.width, below(computation.width, ranges));
  if (op === 'mov') return within(m, b, width, ranges);
  if (op === 'div') return quotientIn(m, computation.width, width, a, b, ranges) ?? direct();
  if (op === 'mul' && constantOf(a) === null && constantOf(b) === null)
    return productIn(m, computation.width, width, a, b, ranges) ?? direct();
  const [variable, by] = constantOf(a) !== null && op === 'add' ? [b, constantOf(a)] : [a, constantOf(b)];
  if (by === null) return direct();
  switch (op) {
    case 'add':
      return within(m, variable, width, shifted(width, ranges, -by));
    case 'sub':
      return within(m, variable, width, shifted(width, ranges, by));
    case 'and': {
      const kept = by.toString(2).length;
      if (by !== maskOf(0, kept)) return direct();
      return kept >= width ? within(m, a, width, ranges) : within(m, a, kept, below(kept, ranges));
    }
    case 'lsh': {
      const by2 = by & BigInt(computation.width - 1);
      const rest = width - Number(by2);
      if (rest <= 0) return direct();
      const up = (1n << by2) - 1n;
      return within(m, a, rest, valid(...ranges.map(([first, last]): Range => [(first + up) >> by2, last >> by2])));
    }
    case 'rsh': {
      const by2 = by & BigInt(computation.width - 1);
      const left = computation.width - Number(by2);
      if (width < left) return direct();
      const up = (1n << by2) - 1n;
      const wide = below(left, ranges).map(([first, last]): Range => [first << by2, (last << by2) | up]);
      return within(m, a, computation.width, wide);
    }
    default:
      return direct();
  }
}

/** The ranges' part below 2^width. */
function below(width: number, ranges: readonly Range[]): Range[] {
  const top = maskOf(0, width);
  return valid(...ranges.map(([first, last]): Range => [first, last < top ? last : top]));
}

function shifted(width: number, ranges: readonly Range[], by: bigint): Range[] {
  return ranges.flatMap(([first, last]) => moved(width, first + by, last + by));
}

function inRanges(m: BddManager, bits: BitVector, ranges: readonly Range[]): Ref {
  let found: Ref = FALSE;
  for (const [first, last] of ranges) {
    const tooLow = lessUnsigned(m, bits, constant(bits.length, first));
    const tooHigh = lessUnsigned(m, constant(bits.length, last), bits);
    found = m.or(found, m.and(tooLow ^ 1, tooHigh ^ 1));
  }
  return found;
}

/** Bits up to the highest that is not constantly zero. */
function occupied(bits: BitVector): BitVector {
  let width = bits.length;
  while (width > 0 && bits[width - 1] === FALSE) width--;
  return bits.slice(0, width);
}

/** dividend / divisor in a range; a divisor of zero gives zero (RFC 9669 section 4.1). */
function quotientIn(
  m: BddManager,
  operationWidth: number,
  width: number,
  dividend: Word,
  divisor: Word,
  ranges: readonly Range[],
): Ref | null {
  const x = occupied(dividend.need(maskOf(0, operationWidth)).slice(0, operationWidth));
  const y = occupied(divisor.need(maskOf(0, operationWidth)).slice(0, operationWidth));
  // All of the quotient is looked at, not its low bits only.
  if (x.length > width) return null;
  const possible = below(x.length, ranges);
  const all = x.length + y.length;
  if (all > 64) return null;
  const nonZero = isZero(m, y) ^ 1;
  const atLeast = (limit: bigint): Ref => {
    if (limit === 0n) return TRUE;
    if (limit > maskOf(0, x.length)) return FALSE;
    const product = multiply(m, zeroExtend(y, all), constant(all, limit));
    return m.and(nonZero, lessUnsigned(m, zeroExtend(x, all), product) ^ 1);
  };
  return m.orAll(possible.map(([first, last]) => m.difference(atLeast(first), atLeast(last + 1n))));
}

/** x * y in a range, where the product has no more bits than are looked at. */
function productIn(
  m: BddManager,
  operationWidth: number,
  width: number,
  a: Word,
  b: Word,
  ranges: readonly Range[],
): Ref | null {
  const x = occupied(a.need(maskOf(0, operationWidth)).slice(0, operationWidth));
  const y = occupied(b.need(maskOf(0, operationWidth)).slice(0, operationWidth));
  if (a === b && 2 * x.length <= width)
    return inRanges(
      m,
      x,
      below(x.length, valid(...ranges.map(([first, last]): Range => [rootFrom(first), rootTo(last)]))),
    );
  const [few, many] = x.length < y.length ? [x, y] : [y, x];
  if (few.length > MOST_FACTOR_BITS || x.length + y.length > width) return null;
  const top = maskOf(0, many.length);
  const where = (factor: bigint): Ref => {
    if (factor === 0n) return ranges.some(([first]) => first === 0n) ? TRUE : FALSE;
    const others = ranges.map(([first, last]): Range => [(first + factor - 1n) / factor, last / factor]);
    return inRanges(m, many, valid(...others.map(([first, last]): Range => [first, last < top ? last : top])));
  };
  const visit = (bit: number, factor: bigint): Ref => {
    if (bit < 0) return where(factor);
    const here = few[bit]!;
    if (here === TRUE) return visit(bit - 1, (factor << 1n) | 1n);
    if (here === FALSE) return visit(bit - 1, factor << 1n);
    return m.ite(here, visit(bit - 1, (factor << 1n) | 1n), visit(bit - 1, factor << 1n));
  };
  return visit(few.length - 1, 0n);
}

/** The largest number whose square is at most `value`. */
function rootTo(value: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(value))));
  while (root * root > value) root--;
  while ((root + 1n) * (root + 1n) <= value) root++;
  return root;
}

/** The smallest number whose square is at least `value`. */
function rootFrom(value: bigint): bigint {
  const root = rootTo(value);
  return root * root === value ? root : root + 1n;
}
