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
  if (by === null || by < 2n || by > LARGEST_DIVISOR) return null;
  const term = termOf(a, LONGEST_WAY);
  if (term === null || term.kind === 'bits' || term.most > maskOf(0, op === 'sub' ? 32 : width)) return null;
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
  const quotient = computationOf(uncut(product.a));
  const by = knownAmount(product.b);
  if (quotient?.kind !== 'alu' || quotient.op !== 'div' || by === null || knownAmount(quotient.b) !== by) return null;
  return uncut(quotient.a) === uncut(a) ? by : null;
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
