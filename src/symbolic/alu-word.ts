import { FALSE, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, Width } from '../ebpf/types.js';
import { aluResult } from './alu.js';
import { constantValue, zeroExtend, type BitVector } from './bitvector.js';
import { EXPENSIVE, expensive } from './expensive.js';
import { remainderByParts } from './residues.js';
import {
  ALL_BITS,
  defer,
  isPending,
  lowerBits,
  mapBits,
  maskOf,
  sameBit,
  upperBits,
  widthOf,
  wordOf,
  type BitMask,
  type Operand,
  type Word,
  type Worker,
} from './word.js';

/** Operations that work on each bit by itself or only move bits. */
const BITWISE: ReadonlySet<AluOp> = new Set(['mov', 'and', 'or', 'xor']);
/** Operations whose low bits depend on the operands' low bits only. */
const LOW_FIRST: ReadonlySet<AluOp> = new Set(['add', 'sub', 'mul', 'neg']);

/**
 * dst OP src, worked out at once where that is cheap and no sooner than needed where it may not be.
 *
 * @param path where the result will be used; operands of expensive operations are simplified to it
 */
export function aluWord(m: BddManager, worker: Worker, path: Ref, op: AluOp, width: Width, a: Word, b: Word): Word {
  const pending = isPending(a) || isPending(b);
  if (!pending) {
    const [x, y] = [a.need(ALL_BITS), b.need(ALL_BITS)];
    const [symbolicA, symbolicB] = [x.some((bit) => bit > FALSE), y.some((bit) => bit > FALSE)];
    const cheap = BITWISE.has(op) || (!EXPENSIVE.has(op) && !(symbolicA && symbolicB));
    if (cheap || (!symbolicA && !symbolicB)) return wordOf(aluResult(m, op, width, x, y));
  }
  const byParts = pending ? remainderByParts(m, op, width, a, b) : null;
  if (byParts !== null) return defer(worker, byParts.operands, (mask) => byParts.bits(mask & maskOf(0, width)));
  const within = (mask: BitMask): BitMask => mask & maskOf(0, width);
  const demand = demands(op, width, b);
  const [ofA, ofB] = [(mask: BitMask) => demand.a(within(mask)), (mask: BitMask) => demand.b(within(mask))];
  const operands: Operand[] = [
    { word: a, demand: ofA },
    { word: b, demand: ofB },
  ];
  const result = (mask: BitMask): BitVector => {
    const [x, y] = [a.need(ofA(mask)), b.need(ofB(mask))];
    return compute(m, path, op, width, within(mask), x, y);
  };
  return defer(worker, operands, result, { kind: 'alu', op, width, a, b });
}

interface Demands {
  readonly a: (mask: BitMask) => BitMask;
  readonly b: (mask: BitMask) => BitMask;
}

/** Which bits of the operands the given bits of the result depend on; masks lie within the operation's width. */
function demands(op: AluOp, width: Width, b: Word): Demands {
  const all = maskOf(0, width);
  const constant = isPending(b) ? null : constantValue(b.need(ALL_BITS));
  const everything = (mask: BitMask): BitMask => (mask === 0n ? 0n : all);
  const amountBits = (mask: BitMask): BitMask => (mask === 0n ? 0n : BigInt(width - 1));
  const by = constant === null ? null : constant & BigInt(width - 1);
  switch (op) {
    case 'mov':
      return { a: () => 0n, b: sameBit };
    case 'and':
      return { a: (mask) => mask & (constant ?? all), b: sameBit };
    case 'or':
      return { a: (mask) => mask & ~(constant ?? 0n), b: sameBit };
    case 'xor':
      return { a: sameBit, b: sameBit };
    case 'add':
    case 'sub':
    case 'mul':
      return { a: lowerBits, b: lowerBits };
    case 'neg':
      return { a: lowerBits, b: () => 0n };
    case 'lsh':
      return { a: by === null ? lowerBits : (mask) => mask >> by, b: amountBits };
    case 'rsh':
      return { a: by === null ? (mask) => upperBits(mask) & all : (mask) => (mask << by) & all, b: amountBits };
    case 'arsh':
      return { a: (mask) => upperBits(mask) & all, b: amountBits };
    case 'div':
    case 'mod':
    case 'sdiv':
    case 'smod':
      return { a: everything, b: everything };
  }
}

function compute(
  m: BddManager,
  path: Ref,
  op: AluOp,
  width: Width,
  mask: BitMask,
  x: BitVector,
  y: BitVector,
): BitVector {
  if (mask === 0n) return zeroExtend([], 64);
  if (op === 'and') return mapBits(mask, (i) => m.and(x[i]!, y[i]!));
  if (op === 'or') return mapBits(mask, (i) => m.or(x[i]!, y[i]!));
  if (op === 'xor') return mapBits(mask, (i) => m.xor(x[i]!, y[i]!));
  if (op === 'lsh' || op === 'rsh' || op === 'arsh') return shiftedBits(m, op, width, mask, x, y);
  const used = LOW_FIRST.has(op) ? widthOf(mask) : width;
  const [low, other] = [x.slice(0, used), y.slice(0, used)];
  if (EXPENSIVE.has(op)) return expensive(m, op, width, mask, narrow(m, path, low, other), narrow(m, path, other, low));
  return zeroExtend(aluResult(m, op, 64, low, other), 64);
}

/** Nothing is meant outside the path, and inside it the operands are often much simpler; not worth it against a constant. */
function narrow(m: BddManager, path: Ref, bits: BitVector, other: BitVector): BitVector {
  return other.some((bit) => bit > FALSE) ? bits.map((bit) => m.simplify(bit, path)) : bits;
}

/** A barrel shifter that builds only what the wanted bits need: bit i after a stage is bit i or bit i ± 2^stage before it. */
function shiftedBits(
  m: BddManager,
  op: 'lsh' | 'rsh' | 'arsh',
  width: Width,
  mask: BitMask,
  value: BitVector,
  amount: BitVector,
): BitVector {
  const fill = op === 'arsh' ? value[width - 1]! : FALSE;
  const direction = op === 'lsh' ? -1 : 1;
  const known = new Map<number, Ref>();
  const bitAfter = (stage: number, i: number): Ref => {
    if (i < 0 || i >= width) return fill;
    if (stage === 0) return value[i]!;
    const key = stage * 64 + i;
    let bit = known.get(key);
    if (bit === undefined) {
      const control = amount[stage - 1]!;
      const shifted = control === FALSE ? FALSE : bitAfter(stage - 1, i + (direction << (stage - 1)));
      bit = m.ite(control, shifted, bitAfter(stage - 1, i));
      known.set(key, bit);
    }
    return bit;
  };
  const stages = width === 64 ? 6 : 5;
  return mapBits(mask, (i) => (i < width ? bitAfter(stages, i) : FALSE));
}
