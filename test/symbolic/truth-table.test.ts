/** Operations by truth tables of the operands' different bits, against plain arithmetic. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
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

describe.each(['mul', 'div', 'mod', 'sdiv', 'smod'] as const)('%s by whichever way is cheaper', (op) => {
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

it('the bits of a table are each function once, without constants and complements, uppermost first', () => {
  const m = new BddManager();
  const [a, b, c] = [m.variable(0), m.variable(1), m.variable(2)] as const;
  const regular = [a, b, c].map((f) => f & ~1);
  expect(tableBits(m, [TRUE, c, FALSE, b ^ 1], [b, a ^ 1, a, TRUE])).toEqual(regular);
  expect(tableBits(m, [TRUE], [FALSE])).toEqual([]);
});
