/** Operations by truth tables of the operands' different bits, against plain arithmetic. */
import { describe, expect, it } from 'vitest';
import { BddBudgetError, BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { aluResult } from '../../src/symbolic/alu.js';
import { constant, type BitVector } from '../../src/symbolic/bitvector.js';
import { expensive } from '../../src/symbolic/expensive.js';
import { aluByTable, tableBits } from '../../src/symbolic/truth-table.js';
import { Random } from '../property/random.js';
import { ALU_OPS, referenceAlu } from './alu-reference.js';
import { numberUnder } from './expressions.js';

const WIDTHS = [32, 64] as const;
const VARIABLES = 7;
const ASSIGNMENTS = Array.from({ length: 1 << VARIABLES }, (_, assignment) => assignment);

/** Variables, their complements and functions of them: the same bits come more than once, in both operands. */
function pool(m: BddManager, random: Random): Ref[] {
  const variables = Array.from({ length: VARIABLES }, (_, k) => m.variable(k));
  const some = (): Ref => random.pick(variables);
  const functions = [m.and(some(), some()), m.xor(some(), some())];
  return [...variables, ...functions].flatMap((f) => [f, f ^ 1]);
}

function operand(random: Random, bits: readonly Ref[], count: number): BitVector {
  const wide = ((BigInt(random.bits()) << 32n) | BigInt(random.bits())) >> BigInt(random.below(64));
  const result: Ref[] = [...constant(64, random.chance(30) ? 0n : wide)];
  for (let i = 0; i < count; i++) result[random.below(random.pick([8, 32, 64]))] = random.pick(bits);
  return result;
}

describe.each(WIDTHS)('by table, of %i bits', (width) => {
  it.each(ALU_OPS)('%s', (op) => {
    const random = new Random(width * 3 + ALU_OPS.indexOf(op));
    for (let round = 0; round < 8; round++) {
      const m = new BddManager();
      const bits = pool(m, random);
      const [x, y] = [operand(random, bits, random.below(8)), operand(random, bits, random.below(5))];
      const mask = random.pick([(1n << 64n) - 1n, 1n << BigInt(random.below(64)), BigInt(random.bits()) << 16n]);
      const result = aluByTable(m, op, width, mask, x, y, tableBits(m, x, y));
      expect(result).toHaveLength(64);
      const expected = ASSIGNMENTS.map(
        (assignment) => referenceAlu(op, width, numberUnder(m, x, assignment), numberUnder(m, y, assignment)) & mask,
      );
      expect(ASSIGNMENTS.map((assignment) => numberUnder(m, result, assignment))).toEqual(expected);
    }
  });
});

describe('upper halves', () => {
  it.each<[string, bigint, readonly number[]]>([
    ['of zeros', 5n, [3]],
    ['of ones', -1n, [3]],
    ['of one bit, the lowest', 1n << 32n, [3]],
    ['of one bit that is not known', 7n, [3, 32]],
    ['of one bit, the highest', 1n << 63n, [3]],
    ['of bits that are not known', 7n, Array.from({ length: 32 }, (_, i) => 32 + i)],
  ])('%s', (_name, value, positions) => {
    const m = new BddManager();
    const x: Ref[] = [...constant(64, value)];
    positions.forEach((position, i) => (x[position] = m.variable(i % 3) ^ (i & 1)));
    const y = [m.variable(0), TRUE, ...constant(62, 0n)];
    for (const [a, b] of [
      [x, y],
      [y, x],
    ] as const) {
      for (const op of ['add', 'div', 'or'] as const) {
        const result = aluByTable(m, op, 64, (1n << 64n) - 1n, a, b, tableBits(m, a, b));
        for (let assignment = 0; assignment < 8; assignment++) {
          const expected = referenceAlu(op, 64, numberUnder(m, a, assignment), numberUnder(m, b, assignment));
          expect(numberUnder(m, result, assignment)).toBe(expected);
        }
      }
    }
  });
});

const EXPENSIVE = ['mul', 'div', 'mod', 'sdiv', 'smod'] as const;

describe.each(EXPENSIVE)('%s by whichever way is cheaper', (op) => {
  it.each(WIDTHS)('with signs, of %i bits', (width) => {
    const m = new BddManager();
    const variables = Array.from({ length: 12 }, (_, k) => m.variable(k));
    const sign = variables[11]!;
    const x = [...variables, ...new Array<Ref>(width - 12).fill(sign)];
    const y = constant(width, -7n);
    const result = expensive(m, op, width, (1n << BigInt(width)) - 1n, x, y);
    for (let assignment = 0; assignment < 4096; assignment += 111) {
      const [a, b] = [x, y].map((bits) => numberUnder(m, bits, assignment)) as [bigint, bigint];
      expect(numberUnder(m, result, assignment)).toBe(referenceAlu(op, width, a, b));
    }
  });

  it.each([3, 12, 22])('with %i different bits', (count) => {
    const [m, random] = [new BddManager(), new Random(count)];
    const variables = Array.from({ length: count }, (_, k) => m.variable(k));
    // The divisor is a constant: with that, diagrams of 22 bits are small.
    const [x, y] = [[...variables, ...constant(64 - count, 0n)], constant(64, 5n)];
    for (const width of WIDTHS) {
      const result = expensive(m, op, width, (1n << BigInt(width)) - 1n, x.slice(0, width), y.slice(0, width));
      for (let round = 0; round < 50; round++) {
        const assignment = random.below(1 << count);
        expect(numberUnder(m, result, assignment)).toBe(referenceAlu(op, width, BigInt(assignment), 5n));
      }
    }
  });
});

it.each([4, 12, 21])('the low bits of a product are made of those of its factors (%i different bits)', (count) => {
  const m = new BddManager();
  const x = Array.from({ length: 24 }, (_, k) => (k < count ? m.variable(k) : FALSE));
  const result = expensive(m, 'mul', 64, (1n << 24n) - 1n, x, constant(24, 5n));
  expect(result).toHaveLength(64);
  expect(numberUnder(m, result, 9)).toBe(45n);
});

it('a table is made where diagrams cost too much', () => {
  const operands = (m: BddManager): readonly [BitVector, BitVector] => {
    const number = (first: number, count: number): BitVector => [
      ...Array.from({ length: count }, (_, k) => m.variable(first + count - 1 - k)),
      ...constant(64 - count, 0n),
    ];
    return [number(0, 10), number(10, 7)];
  };
  const other = new BddManager();
  const byDiagrams = (): BitVector => aluResult(other, 'div', 64, ...operands(other));
  expect(() => other.withBudget({ steps: 200_000 }, byDiagrams)).toThrow(BddBudgetError);
  const m = new BddManager();
  const [x, y] = operands(m);
  const result = expensive(m, 'div', 64, 0b11n, x, y);
  for (let assignment = 0; assignment < 1 << 17; assignment += 1001) {
    const [a, b] = [x, y].map((bits) => numberUnder(m, bits, assignment)) as [bigint, bigint];
    expect(numberUnder(m, result, assignment)).toBe(referenceAlu('div', 64, a, b) & 0b11n);
  }
});

it('the bits of a table are each function once, without constants and complements, uppermost first', () => {
  const m = new BddManager();
  const [a, b, c] = [m.variable(0), m.variable(1), m.variable(2)] as const;
  const regular = [a, b, c].map((f) => f & ~1);
  expect(tableBits(m, [TRUE, c, FALSE, b ^ 1], [b, a ^ 1, a, TRUE])).toEqual(regular);
  expect(tableBits(m, [TRUE], [FALSE])).toEqual([]);
});
