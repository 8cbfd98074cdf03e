/** Operations on words that are themselves still to be worked out: whatever bits are asked for, in whatever order, are those of plain arithmetic. */
import { describe, expect, it } from 'vitest';
import { BddManager, TRUE, type Ref } from '../../src/bdd/manager.js';
import { aluWord } from '../../src/symbolic/alu-word.js';
import { constant, type BitVector } from '../../src/symbolic/bitvector.js';
import { isPending, wordOf, type Word } from '../../src/symbolic/word.js';
import { Random } from '../property/random.js';
import { ALU_OPS, referenceAlu } from './alu-reference.js';

const MOST = (1n << 64n) - 1n;
/** Symbolic bits of each of the four leaves. */
const BITS = 2;
const ASSIGNMENTS = 1 << (4 * BITS);

interface Leaf {
  word: Word;
  valueUnder: (assignment: number) => bigint;
}

/** A small number with two bits replaced by variables. */
function leaf(m: BddManager, random: Random, firstVariable: number): Leaf {
  const value = BigInt(random.below(64));
  const positions = [random.below(4), 4 + random.below(4)];
  const bits: Ref[] = [...constant(64, value)];
  positions.forEach((position, i) => (bits[position] = m.variable(firstVariable + i)));
  return {
    word: wordOf(bits),
    valueUnder: (assignment) =>
      positions.reduce((number, position, i) => {
        const bit = 1n << BigInt(position);
        return (assignment >> (firstVariable + i)) & 1 ? number | bit : number & ~bit;
      }, value),
  };
}

function numberUnder(m: BddManager, bits: BitVector, assignment: number): bigint {
  return bits.reduce(
    (sum, bit, i) => sum | (m.evaluate(bit, (v) => ((assignment >> v) & 1) === 1) ? 1n << BigInt(i) : 0n),
    0n,
  );
}

describe.each([32, 64] as const)('of %i bits', (width) => {
  it.each(ALU_OPS)('%s', (op) => {
    const random = new Random(width * 13 + ALU_OPS.indexOf(op));
    for (let round = 0; round < 3; round++) {
      const m = new BddManager();
      const leaves = [0, 1, 2, 3].map((index) => leaf(m, random, index * BITS));
      const [a, b, c, d] = leaves.map(({ word }) => word) as [Word, Word, Word, Word];
      const alu = (name: typeof op, x: Word, y: Word, bits: 32 | 64): Word =>
        aluWord(m, (compute) => compute(), TRUE, name, bits, x, y);
      // A sum of two symbolic words waits until it is needed.
      const [left, right] = [alu('add', a, b, 64), alu('sub', c, d, 64)];
      expect([left, right].map(isPending)).toEqual([true, true]);
      const word = alu(op, left, right, width);
      const mask = random.chance(50) ? 1n << BigInt(random.below(width)) : BigInt(random.bits());
      const [part, whole] = [word.need(mask), word.need(MOST)];
      for (let assignment = 0; assignment < ASSIGNMENTS; assignment++) {
        const [x, y, z, w] = leaves.map(({ valueUnder }) => valueUnder(assignment)) as [bigint, bigint, bigint, bigint];
        const expected = referenceAlu(op, width, referenceAlu('add', 64, x, y), referenceAlu('sub', 64, z, w));
        expect(numberUnder(m, part, assignment) & mask).toBe(expected & mask);
        expect(numberUnder(m, whole, assignment)).toBe(expected);
      }
    }
  });
});
