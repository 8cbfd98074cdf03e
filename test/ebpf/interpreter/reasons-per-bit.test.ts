/** Which reason is behind which bit of a number, against a list of bits in plain TypeScript. */
import { describe, expect, it } from 'vitest';
import { computeAlu, computeEndian, computeMovsx } from '../../../src/ebpf/interpreter/alu.js';
import {
  isKnown,
  known,
  madeOf,
  mapBits,
  mergeReasons,
  partsOf,
  signExtend,
  truncate,
  unknownScalar,
  ZERO,
  type Scalar,
} from '../../../src/ebpf/interpreter/scalar.js';
import type { AluOp, Width } from '../../../src/ebpf/types.js';
import { Random } from '../../property/random.js';
import { ALU_OPS, referenceAlu } from '../../symbolic/alu-reference.js';

/** 0, 1, or the reasons why it is one or the other. */
type Bit = 0 | 1 | readonly string[];
/** From the lowest up; at most 64, zeros above. */
type Bits = readonly Bit[];

const isUnknown = (bit: Bit | undefined): bit is readonly string[] => typeof bit === 'object';
const union = (...bits: readonly (Bit | undefined)[]): string[] => [...new Set(bits.filter(isUnknown).flat())].sort();
const maskWhere = (bits: Bits, holds: (bit: Bit) => boolean): bigint =>
  bits.reduce<bigint>((mask, bit, i) => (holds(bit) ? mask | (1n << BigInt(i)) : mask), 0n);

/** Parts are named where one of them is not behind all unknown bits. */
function scalarOf(bits: Bits): Scalar {
  const reasons = union(...bits);
  const unknown = maskWhere(bits, isUnknown);
  const number: Scalar = { kind: 'scalar', value: maskWhere(bits, (bit) => bit === 1), unknown, reasons };
  const parts = reasons.map((reason) => ({
    reason,
    bits: maskWhere(bits, (bit) => isUnknown(bit) && bit.includes(reason)),
  }));
  return parts.every((part) => part.bits === unknown) ? number : { ...number, parts };
}

const REASONS = ['depends:gid', 'depends:pid', 'depends:uid'];

/** Stretches of bits of one kind: fields of different origin, some of them known. */
function randomBits(random: Random): Bit[] {
  const bits: Bit[] = [];
  while (bits.length < 64) {
    const length = random.pick([1, 3, 8, 16, 31, 32, 64]);
    const isNumber = random.chance(50);
    const reasons = REASONS.filter(() => random.chance(40));
    for (let i = 0; i < length; i++)
      bits.push(isNumber || reasons.length === 0 ? (random.chance(50) ? 1 : 0) : reasons);
  }
  return bits.slice(0, 64);
}

const numberOf = (bits: Bits): bigint => maskWhere(bits, (bit) => bit === 1);
const bitsOf = (value: bigint): Bit[] =>
  Array.from({ length: 64 }, (_, i) => (((value >> BigInt(i)) & 1n) === 1n ? 1 : 0));
const zeros = (count: number): Bit[] => new Array<Bit>(count).fill(0);
const sign = (bits: Bits): Bit => bits.at(-1)!;

/** What is known of one bit of the result, from the same bit of both sides. */
const BITWISE: Partial<Record<AluOp, (a: Bit, b: Bit) => Bit>> = {
  and: (a, b) => (a === 0 || b === 0 ? 0 : a === 1 && b === 1 ? 1 : union(a, b)),
  or: (a, b) => (a === 1 || b === 1 ? 1 : a === 0 && b === 0 ? 0 : union(a, b)),
  xor: (a, b) => (isUnknown(a) || isUnknown(b) ? union(a, b) : a === b ? 0 : 1),
  mov: (_, b) => b,
};

const SHIFTS: Partial<Record<AluOp, (a: Bits, count: number) => Bit[]>> = {
  lsh: (a, count) => [...zeros(count), ...a].slice(0, a.length),
  rsh: (a, count) => [...a.slice(count), ...zeros(count)],
  arsh: (a, count) => [...a.slice(count), ...new Array<Bit>(count).fill(sign(a))],
};

/** Bits from the lowest unknown one of either side on are unknown for all reasons together. */
function carried(op: AluOp, width: Width, a: Bits, b: Bits): Bit[] {
  const sides = op === 'neg' ? [a] : [a, b];
  const lowest = Math.min(...sides.map((side) => side.findIndex(isUnknown)).map((at) => (at < 0 ? width : at)));
  const plain = bitsOf(referenceAlu(op, width, numberOf(a), numberOf(b)));
  const everything = union(...sides.flat());
  return plain.slice(0, width).map((bit, i) => (i < lowest ? bit : everything));
}

function expectedAlu(op: AluOp, width: Width, left: Bits, right: Bits): Bit[] {
  const [a, b] = [left.slice(0, width), right.slice(0, width)];
  const bitwise = BITWISE[op];
  if (bitwise !== undefined) return a.map((bit, i) => bitwise(bit, b[i]!));
  const shift = SHIFTS[op];
  const everything = new Array<Bit>(width).fill(union(...a, ...b));
  if (shift !== undefined) {
    const count = b.slice(0, width === 64 ? 6 : 5);
    if (!count.some(isUnknown)) return shift(a, Number(numberOf(count)));
    return a.every((bit) => bit === 0) ? zeros(width) : everything;
  }
  if (['add', 'sub', 'mul', 'neg'].includes(op)) return carried(op, width, a, b);
  if (![...a, ...b].some(isUnknown)) return bitsOf(referenceAlu(op, width, numberOf(a), numberOf(b)));
  const isByZero = b.every((bit) => bit === 0);
  return isByZero ? (op === 'div' || op === 'sdiv' ? [] : a) : everything;
}

describe.each([32, 64] as const)('%i bits', (width) => {
  it.each(ALU_OPS)('%s', (op) => {
    const random = new Random(width + ALU_OPS.indexOf(op));
    const corner = (bits: Bit[]): Bit[] => {
      if (random.chance(70)) return bits;
      const known = zeros(64);
      // Small numbers, whose counts of shifts are unknown or not.
      return random.chance(30) ? known : [...bits.slice(0, random.pick([0, 4, 5, 6, 9])), ...known].slice(0, 64);
    };
    for (let round = 0; round < 100; round++) {
      const [a, b] = [corner(randomBits(random)), corner(randomBits(random))];
      const result = computeAlu(op, width, scalarOf(a), scalarOf(b));
      expect(result).toEqual(scalarOf(expectedAlu(op, width, a, b)));
    }
  });

  it('sign extension', () => {
    const random = new Random(width);
    for (let round = 0; round < 100; round++) {
      const bits = randomBits(random);
      const from = random.pick([8, 16, 32]);
      const low = bits.slice(0, from);
      const extended = [...low, ...new Array<Bit>(64 - from).fill(sign(low))];
      expect(computeMovsx(width, from, scalarOf(bits))).toEqual(scalarOf(extended.slice(0, width)));
      expect(signExtend(scalarOf(bits), from)).toEqual(scalarOf(extended));
      expect(truncate(scalarOf(bits), from)).toEqual(scalarOf(low));
      expect(truncate(scalarOf(bits), width)).toEqual(scalarOf(bits.slice(0, width)));
    }
  });
});

it('byte orders', () => {
  const random = new Random(1);
  for (let round = 0; round < 100; round++) {
    const bits = randomBits(random);
    const size = random.pick([16, 32, 64]);
    const low = bits.slice(0, size);
    const swapped = Array.from({ length: size / 8 }, (_, k) => low.slice(size - 8 * k - 8, size - 8 * k)).flat();
    for (const machine of ['little', 'big'] as const) {
      const other = machine === 'little' ? 'big' : 'little';
      expect(computeEndian(machine, size, machine, scalarOf(bits))).toEqual(scalarOf(low));
      expect(computeEndian(other, size, machine, scalarOf(bits))).toEqual(scalarOf(swapped));
      expect(computeEndian('swap', size, machine, scalarOf(bits))).toEqual(scalarOf(swapped));
    }
  }
});

describe('numbers made of parts', () => {
  const part = (reason: string, bits: bigint) => ({ reason, bits });

  it.each([
    ['one reason behind all of it', 4n, 3n, [part('a', 3n)], { value: 4n, unknown: 3n, reasons: ['a'] }],
    ['two reasons behind all of it', 0n, 3n, [part('b', 3n), part('a', 3n)], { unknown: 3n, reasons: ['a', 'b'] }],
    [
      'a reason in two pieces',
      8n,
      7n,
      [part('b', 1n), part('a', 2n), part('b', 4n)],
      { value: 8n, unknown: 7n, reasons: ['a', 'b'], parts: [part('a', 2n), part('b', 5n)] },
    ],
    [
      'bits that are known after all',
      0n,
      3n,
      [part('c', 4n), part('b', 6n), part('a', 1n)],
      { unknown: 3n, reasons: ['a', 'b'], parts: [part('a', 1n), part('b', 2n)] },
    ],
    ['nothing that is unknown', 5n, 0n, [part('a', 2n)], { value: 5n }],
    [
      'bits above the 64th',
      0n,
      3n << 63n,
      [part('a', 1n << 63n), part('b', 1n << 64n)],
      { unknown: 1n << 63n, reasons: ['a'] },
    ],
    ['value bits that are unknown', 7n, 3n, [part('a', 3n)], { value: 4n, unknown: 3n, reasons: ['a'] }],
  ])('%s', (_, value, unknown, parts, expected) => {
    expect(madeOf(value, unknown, parts)).toEqual({ ...ZERO, ...expected });
  });
  it('moved out of the number, they are gone', () => {
    const halves = madeOf(0n, 255n, [part('low', 15n), part('high', 240n)]);
    expect(mapBits(halves, (bits) => bits << 60n)).toEqual(unknownScalar(['low'], 15n << 60n));
    expect(mapBits(halves, (bits) => bits << 64n)).toEqual(ZERO);
    expect(mapBits(halves, (bits) => bits >> 4n)).toEqual(unknownScalar(['high'], 15n));
    expect(mapBits(unknownScalar(['a'], 255n), (bits) => bits >> 4n)).toEqual(unknownScalar(['a'], 15n));
    expect(mapBits(unknownScalar(['a'], 255n), (bits) => bits << 60n)).toEqual(unknownScalar(['a'], 15n << 60n));
  });
  it('whose reasons are each behind all of it have them as parts', () => {
    expect(partsOf(unknownScalar(['a', 'b'], 6n))).toEqual([part('a', 6n), part('b', 6n)]);
    expect(partsOf(known(6n))).toEqual([]);
  });
  it('are zero where they are not unknown', () => {
    expect(unknownScalar(['a'], 6n)).toEqual({ kind: 'scalar', value: 0n, unknown: 6n, reasons: ['a'] });
    expect(unknownScalar(['a']).unknown).toBe((1n << 64n) - 1n);
    expect(unknownScalar(['a'], 0n)).toEqual(ZERO);
    expect([known(-1n).value, known(1n << 64n).value]).toEqual([(1n << 64n) - 1n, 0n]);
    expect([isKnown(ZERO), isKnown(unknownScalar(['a'], 1n))]).toEqual([true, false]);
  });
  it('merged reasons are sorted, each once', () => {
    expect(mergeReasons(['b', 'c'], ['a', 'b'])).toEqual(['a', 'b', 'c']);
    expect(mergeReasons([], ['a'])).toEqual(['a']);
    expect(mergeReasons(['a'], [])).toEqual(['a']);
  });
});
