import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, Width } from '../ebpf/types.js';
import { sameBits, select, ZERO64, type BitVector } from './bitvector.js';

/** A set of bit positions of a 64-bit word. */
export type BitMask = bigint;
export const ALL_BITS: BitMask = (1n << 64n) - 1n;

/** A 64-bit number whose bits may not have been worked out yet. */
export interface Word {
  /** The bits of `mask`, worked out if they were not; bits outside it mean nothing. */
  need(mask: BitMask): BitVector;
}

/**
 * Carries out a computation under the limits for one instruction. If it needs more the result is a number of which nothing is known, so
 * that only what depends on it is undecided. `byTable` may find the bits of `mask` in another way than `otherwise`.
 */
export interface Worker {
  (compute: () => BitVector, operands: () => readonly BitVector[]): BitVector;
  readonly byTable?: (word: Word, mask: BitMask, otherwise: () => BitVector) => BitVector;
}

/** An operand, and which of its bits some bits of the result depend on. */
export interface Operand {
  readonly word: Word;
  readonly demand: (mask: BitMask) => BitMask;
}

/** Bit i of the result depends on bit i. */
export const sameBit = (mask: BitMask): BitMask => mask;
/** Bit i depends on bits 0 to i, as in sums and products. */
export function lowerBits(mask: BitMask): BitMask {
  return (1n << BigInt(widthOf(mask))) - 1n;
}
/** Bit i depends on bits i and above, as in shifts to the right. */
export function upperBits(mask: BitMask): BitMask {
  return mask === 0n ? 0n : ALL_BITS & ~((mask & -mask) - 1n);
}

/** Position of the highest bit, counted from 1; 0 for the empty set. */
export function widthOf(mask: BitMask): number {
  return mask === 0n ? 0 : mask.toString(2).length;
}

export function maskOf(first: number, count: number): BitMask {
  return ((1n << BigInt(count)) - 1n) << BigInt(first);
}

/** What a deferred number is the result of, for those who can answer a question about it without working it out. */
export type Computation =
  | { readonly kind: 'alu'; readonly op: AluOp; readonly width: Width; readonly a: Word; readonly b: Word }
  | { readonly kind: 'select'; readonly condition: Ref; readonly a: Word; readonly b: Word }
  | { readonly kind: 'bytes'; readonly bytes: readonly Byte[] };

class KnownWord implements Word {
  readonly bits: BitVector;
  constructor(bits: BitVector) {
    this.bits = bits;
  }
  need(): BitVector {
    return this.bits;
  }
}

/** Chains of deferred numbers are worked out when they get longer than this, to bound recursion. */
const LONGEST_CHAIN = 256;

class DeferredWord implements Word {
  readonly depth: number;
  readonly worker: Worker;
  readonly computation: Computation | null;
  readonly #operands: readonly Operand[];
  readonly #compute: (mask: BitMask) => BitVector;
  #have: BitMask = 0n;
  #bits: BitVector = ZERO64;

  constructor(
    worker: Worker,
    depth: number,
    operands: readonly Operand[],
    compute: (mask: BitMask) => BitVector,
    computation: Computation | null,
  ) {
    this.worker = worker;
    this.depth = depth;
    this.computation = computation;
    this.#operands = operands;
    this.#compute = compute;
  }

  get isPending(): boolean {
    return this.#have !== ALL_BITS;
  }

  need(mask: BitMask): BitVector {
    const missing = mask & ~this.#have;
    if (missing === 0n) return this.#bits;
    const work = (): BitVector => this.#workOut(missing);
    const found = this.worker.byTable?.(this, missing, work) ?? work();
    const before = this.#bits;
    this.#bits = found.map((bit, i) => (((missing >> BigInt(i)) & 1n) === 1n ? bit : before[i]!));
    this.#have |= missing;
    return this.#bits;
  }

  #workOut(mask: BitMask): BitVector {
    // Operands first, each under limits of its own.
    for (const { word, demand } of this.#operands) word.need(demand(mask));
    return this.worker(
      () => this.#compute(mask),
      () => this.#operands.map(({ word, demand }) => word.need(demand(mask))),
    );
  }
}

export function wordOf(bits: BitVector): Word {
  return new KnownWord(bits);
}

export const NULL_WORD: Word = wordOf(ZERO64);

/** A number worked out only as far as something needs it: most expensive results never decide anything. */
export function defer(
  worker: Worker,
  operands: readonly Operand[],
  compute: (mask: BitMask) => BitVector,
  computation: Computation | null = null,
): Word {
  const depth = 1 + Math.max(0, ...operands.map(({ word }) => (isPending(word) ? word.depth : 0)));
  const word = new DeferredWord(worker, depth, operands, compute, computation);
  if (depth > LONGEST_CHAIN) word.need(ALL_BITS);
  return word;
}

/** A cheap function of words: worked out at once unless one of them is still pending. */
export function derive(
  operands: readonly Operand[],
  compute: (mask: BitMask) => BitVector,
  computation: Computation | null = null,
): Word {
  for (const { word } of operands) if (isPending(word)) return defer(word.worker, operands, compute, computation);
  return wordOf(compute(ALL_BITS));
}

/** How a number that has not been worked out comes about; null for others. */
export function computationOf(word: Word): Computation | null {
  return isPending(word) ? word.computation : null;
}

/** Whether two words are known to be equal without any work. */
export function sameWord(a: Word, b: Word): boolean {
  return a === b || (!isPending(a) && !isPending(b) && sameBits(a.need(ALL_BITS), b.need(ALL_BITS)));
}

export function isPending(word: Word): word is DeferredWord {
  return word instanceof DeferredWord && word.isPending;
}

/** Applies `f` to the bits of a mask; the others are zero. */
export function mapBits(mask: BitMask, f: (bit: number) => Ref): BitVector {
  const bits: Ref[] = [];
  if (mask === ALL_BITS) for (let i = 0; i < 64; i++) bits.push(f(i));
  else for (let i = 0; i < 64; i++) bits.push(((mask >> BigInt(i)) & 1n) === 1n ? f(i) : FALSE);
  return bits;
}

/** a where `condition` holds, b elsewhere. */
export function selectWord(m: BddManager, condition: Ref, a: Word, b: Word): Word {
  if (condition === TRUE || sameWord(a, b)) return a;
  if (condition === FALSE) return b;
  const operands = [
    { word: a, demand: sameBit },
    { word: b, demand: sameBit },
  ];
  const compute = (mask: BitMask): BitVector => {
    const [x, y] = [a.need(mask), b.need(mask)];
    return mask === ALL_BITS ? select(m, condition, x, y) : mapBits(mask, (i) => m.ite(condition, x[i]!, y[i]!));
  };
  return derive(operands, compute, { kind: 'select', condition, a, b });
}

/** Eight bits of a word; null: eight zeros. */
export type Byte = { readonly word: Word; readonly first: number } | null;

export function bytesOf(word: Word, count = 8): Byte[] {
  return Array.from({ length: count }, (_, k) => ({ word, first: k * 8 }));
}

/** The byte of the word from which a word made of bytes has it. */
function originOf(byte: Byte): Byte {
  const computation = byte === null ? null : computationOf(byte.word);
  return computation?.kind === 'bytes' ? (computation.bytes[byte!.first / 8] ?? null) : byte;
}

/** The word made of up to eight bytes, lowest first; zeros above them. */
export function wordFromBytes(parts: readonly Byte[]): Word {
  const bytes = parts.map(originOf);
  const first = bytes[0];
  if (
    bytes.length === 8 &&
    bytes.every((byte, k) => byte !== null && byte.word === first?.word && byte.first === k * 8)
  )
    return first!.word;
  const operands = bytes.flatMap((byte, k): Operand[] =>
    byte === null
      ? []
      : [{ word: byte.word, demand: (mask) => ((mask >> BigInt(k * 8)) & 0xffn) << BigInt(byte.first) }],
  );
  const compute = (mask: BitMask): BitVector => {
    const bits: Ref[] = [];
    bytes.forEach((byte, k) => {
      const wanted = ((mask >> BigInt(k * 8)) & 0xffn) << BigInt(byte?.first ?? 0);
      bits.push(
        ...(byte === null || wanted === 0n
          ? ZERO64.slice(0, 8)
          : byte.word.need(wanted).slice(byte.first, byte.first + 8)),
      );
    });
    return [...bits, ...ZERO64.slice(bits.length)];
  };
  return derive(operands, compute, { kind: 'bytes', bytes });
}

/** The low `bits` sign-extended to `width`, zeros above. */
export function signExtendWord(word: Word, bits: number, width: number): Word {
  const sign = 1n << BigInt(bits - 1);
  const low = maskOf(0, bits);
  const demand = (mask: BitMask): BitMask => (mask & low) | ((mask & maskOf(bits, width - bits)) === 0n ? 0n : sign);
  return derive([{ word, demand }], (mask) => {
    const source = word.need(demand(mask));
    return mapBits(mask, (i) => (i < bits ? source[i]! : i < width ? source[bits - 1]! : FALSE));
  });
}
