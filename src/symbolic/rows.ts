import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { AluOp, JmpOp, Width } from '../ebpf/types.js';
import type { BitVector } from './bitvector.js';

/** A 64-bit number for each row of a truth table, in two halves; `high` is null only where all of it is zero. */
export interface Rows {
  readonly low: Uint32Array;
  readonly high: Uint32Array | null;
}

/** One byte, 0 or 1, for each row. */
export type Column = Uint8Array;

/**
 * The value of a function in every row. Variable k of `variables` (ascending, so the uppermost first) is bit (count - 1 - k) of a row's
 * number; `variables` must include all that f depends on.
 */
export function columnOf(m: BddManager, f: Ref, variables: readonly number[]): Column {
  const column = new Uint8Array(2 ** variables.length);
  const fill = (g: Ref, k: number, from: number, size: number): void => {
    if (g <= FALSE) {
      if (g === TRUE) column.fill(1, from, from + size);
      return;
    }
    const half = size >> 1;
    if (m.level(g) === variables[k]) {
      fill(m.low(g), k + 1, from, half);
      fill(m.high(g), k + 1, from + half, half);
      return;
    }
    fill(g, k + 1, from, half);
    column.copyWithin(from + half, from, from + half);
  };
  fill(f, 0, 0, column.length);
  return column;
}

/** A number whose bits are functions, in every row. */
export function rowsOf(m: BddManager, bits: BitVector, variables: readonly number[]): Rows {
  return {
    low: halfOf(m, bits.slice(0, 32), variables),
    high: bits.slice(32).every((bit) => bit === FALSE) ? null : halfOf(m, bits.slice(32), variables),
  };
}

function halfOf(m: BddManager, bits: BitVector, variables: readonly number[]): Uint32Array {
  const half = new Uint32Array(2 ** variables.length);
  half.fill(bits.reduce((set, bit, i) => (bit === TRUE ? set | (1 << i) : set), 0));
  bits.forEach((bit, i) => {
    if (bit <= FALSE) return;
    const column = columnOf(m, bit, variables);
    for (let row = 0; row < half.length; row++) half[row]! |= column[row]! << i;
  });
  return half;
}

/** a where the condition is 1, b elsewhere. */
export function selectRows(condition: Column, a: Rows, b: Rows): Rows {
  const choose = (x: Uint32Array | null, y: Uint32Array | null): Uint32Array => {
    const result = new Uint32Array(condition.length);
    for (let row = 0; row < result.length; row++)
      result[row] = condition[row] === 1 ? (x?.[row] ?? 0) : (y?.[row] ?? 0);
    return result;
  };
  return { low: choose(a.low, b.low), high: a.high === null && b.high === null ? null : choose(a.high, b.high) };
}

type Operation32 = (a: number, b: number) => number;
type Operation64 = (a: bigint, b: bigint) => bigint;

/** RFC 9669 section 4.1 on 32-bit numbers given unsigned; the caller takes the result modulo 2^32. */
const OPERATIONS_32: Record<AluOp, Operation32> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : Math.floor(a / b)),
  mod: (a, b) => (b === 0 ? a : a % b),
  sdiv: (a, b) => (b === 0 ? 0 : Math.trunc((a | 0) / (b | 0))),
  smod: (a, b) => (b === 0 ? a : (a | 0) % (b | 0)),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  lsh: (a, b) => a << (b & 31),
  rsh: (a, b) => a >>> (b & 31),
  arsh: (a, b) => (a | 0) >> (b & 31),
  neg: (a) => -a,
  mov: (_a, b) => b,
};

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

/** Operations that work on each half by itself. */
type ByHalves = 'and' | 'or' | 'xor' | 'mov';
/** Sums, differences and products are made of those of the halves. */
type Arithmetic = 'add' | 'sub' | 'mul';
type OnWholeNumbers = Exclude<AluOp, ByHalves | Arithmetic>;

/** The others on 64-bit numbers. */
const OPERATIONS_64: Record<OnWholeNumbers, Operation64> = {
  div: (a, b) => (b === 0n ? 0n : a / b),
  mod: (a, b) => (b === 0n ? a : a % b),
  sdiv: (a, b) => (b === 0n ? 0n : signed(a) / signed(b)),
  smod: (a, b) => (b === 0n ? a : signed(a) % signed(b)),
  lsh: (a, b) => a << (b & 63n),
  rsh: (a, b) => a >> (b & 63n),
  arsh: (a, b) => signed(a) >> (b & 63n),
  neg: (a) => -a,
};

/** 64-bit operations whose result on numbers below 2^32 is the 32-bit one, upper half zero. */
const SAME_WHEN_SMALL: ReadonlySet<AluOp> = new Set(['div', 'mod', 'and', 'or', 'xor', 'mov']);

export function aluRows(op: AluOp, width: Width, a: Rows, b: Rows): Rows {
  const small = a.high === null && b.high === null;
  if (width === 32 || (small && SAME_WHEN_SMALL.has(op))) return { low: aluHalf(op, a.low, b.low), high: null };
  switch (op) {
    case 'and':
    case 'or':
    case 'xor':
    case 'mov': {
      const none = new Uint32Array(a.low.length);
      return { low: aluHalf(op, a.low, b.low), high: aluHalf(op, a.high ?? none, b.high ?? none) };
    }
    case 'add':
    case 'sub':
    case 'mul':
      return arithmeticRows(op, a, b);
    case 'lsh':
    case 'rsh': {
      const by = sameInAllRows(b.low);
      return by === null ? aluWhole(op, a, b) : shiftRows(op, a, by & 63);
    }
    default:
      return aluWhole(op, a, b);
  }
}

/** 64-bit sums, differences and products from halves: several times faster than with big integers. */
function arithmeticRows(op: Arithmetic, a: Rows, b: Rows): Rows {
  const count = a.low.length;
  const [low, high] = [new Uint32Array(count), new Uint32Array(count)];
  let upper = 0;
  for (let row = 0; row < count; row++) {
    const [x, y] = [a.low[row]!, b.low[row]!];
    const [xHigh, yHigh] = [a.high === null ? 0 : a.high[row]!, b.high === null ? 0 : b.high[row]!];
    if (op === 'mul') {
      low[row] = Math.imul(x, y);
      high[row] = highOfProduct(x, y) + Math.imul(x, yHigh) + Math.imul(xHigh, y);
    } else if (op === 'add') {
      low[row] = x + y;
      high[row] = xHigh + yHigh + (x + y > 0xffffffff ? 1 : 0);
    } else {
      low[row] = x - y;
      high[row] = xHigh - yHigh - (x < y ? 1 : 0);
    }
    upper |= high[row]!;
  }
  return { low, high: upper === 0 ? null : high };
}

/** Upper 32 bits of the 64-bit product of two 32-bit numbers. */
function highOfProduct(x: number, y: number): number {
  const [x0, x1, y0, y1] = [x & 0xffff, x >>> 16, y & 0xffff, y >>> 16];
  const middle = x1 * y0 + Math.floor((x0 * y0) / 65536);
  const carried = (middle % 65536) + x0 * y1;
  return x1 * y1 + Math.floor(middle / 65536) + Math.floor(carried / 65536);
}

function aluHalf(op: AluOp, a: Uint32Array, b: Uint32Array): Uint32Array {
  const operation = OPERATIONS_32[op];
  const result = new Uint32Array(a.length);
  for (let row = 0; row < result.length; row++) result[row] = operation(a[row]!, b[row]!);
  return result;
}

function aluWhole(op: OnWholeNumbers, a: Rows, b: Rows): Rows {
  const operation = OPERATIONS_64[op];
  const [low, high] = [new Uint32Array(a.low.length), new Uint32Array(a.low.length)];
  let upper = 0;
  for (let row = 0; row < low.length; row++) {
    const value = BigInt.asUintN(64, operation(numberIn(a, row), numberIn(b, row)));
    low[row] = Number(value & 0xffffffffn);
    upper |= high[row] = Number(value >> 32n);
  }
  return { low, high: upper === 0 ? null : high };
}

function numberIn({ low, high }: Rows, row: number): bigint {
  return high === null ? BigInt(low[row]!) : (BigInt(high[row]!) << 32n) | BigInt(low[row]!);
}

function sameInAllRows(values: Uint32Array): number | null {
  const first = values[0]!;
  return values.every((value) => value === first) ? first : null;
}

function shiftRows(op: 'lsh' | 'rsh', { low, high }: Rows, by: number): Rows {
  const count = low.length;
  const [newLow, newHigh] = [new Uint32Array(count), new Uint32Array(count)];
  let upper = 0;
  for (let row = 0; row < count; row++) {
    const [l, h] = [low[row]!, high === null ? 0 : high[row]!];
    if (op === 'lsh') {
      newLow[row] = by < 32 ? l << by : 0;
      newHigh[row] = by === 0 ? h : by < 32 ? (h << by) | (l >>> (32 - by)) : l << (by - 32);
    } else {
      newLow[row] = by === 0 ? l : by < 32 ? (l >>> by) | (h << (32 - by)) : h >>> (by - 32);
      newHigh[row] = by < 32 ? h >>> by : 0;
    }
    upper |= newHigh[row]!;
  }
  return { low: newLow, high: upper === 0 ? null : newHigh };
}

type Comparison = <T extends number | bigint>(a: T, b: T) => boolean;

const COMPARISONS: Record<Exclude<JmpOp, 'set'>, Comparison> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  sgt: (a, b) => a > b,
  sge: (a, b) => a >= b,
  slt: (a, b) => a < b,
  sle: (a, b) => a <= b,
};
const SIGNED: ReadonlySet<JmpOp> = new Set(['sgt', 'sge', 'slt', 'sle']);

/** 1 in the rows where the jump is taken. */
export function compareRows(op: JmpOp, width: Width, a: Rows, b: Rows): Column {
  const column = new Uint8Array(a.low.length);
  if (op === 'set') {
    for (let row = 0; row < column.length; row++) column[row] = commonBits(width, a, b, row) ? 1 : 0;
    return column;
  }
  const compare = COMPARISONS[op];
  const isSigned = SIGNED.has(op);
  const small = width === 32 || (a.high === null && b.high === null);
  for (let row = 0; row < column.length; row++) {
    const [x, y] = [a.low[row]!, b.low[row]!];
    let taken: boolean;
    if (!small) taken = compareWhole(compare, isSigned, numberIn(a, row), numberIn(b, row));
    else if (isSigned && width === 32) taken = compare(x | 0, y | 0);
    else taken = compare(x, y);
    column[row] = taken ? 1 : 0;
  }
  return column;
}

function compareWhole(compare: Comparison, isSigned: boolean, a: bigint, b: bigint): boolean {
  return isSigned ? compare(signed(a), signed(b)) : compare(a, b);
}

function commonBits(width: Width, a: Rows, b: Rows, row: number): boolean {
  if ((a.low[row]! & b.low[row]!) !== 0) return true;
  return width === 64 && a.high !== null && b.high !== null && (a.high[row]! & b.high[row]!) !== 0;
}
