import { describe, expect, it } from 'vitest';
import { BddManager, TRUE, type Ref } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import { aluWord } from '../../src/symbolic/alu-word.js';
import { aluResult, branchCondition } from '../../src/symbolic/alu.js';
import { constant, constantValue, type BitVector } from '../../src/symbolic/bitvector.js';
import { byteSwap } from '../../src/symbolic/shift.js';
import { signExtendWord, wordOf } from '../../src/symbolic/word.js';
import { readAluVectors } from '../ebpf/alu-vectors.js';
import { EXIT, imm64, join, mov, slot } from '../ebpf/bytes.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { Random } from '../property/random.js';
import { ALU_OPS, JMP_OPS, referenceAlu, referenceBranch } from './alu-reference.js';

const WIDTHS = [32, 64] as const;
const MOST = (1n << 64n) - 1n;
const CORNERS = [
  0n,
  1n,
  2n,
  3n,
  7n,
  31n,
  32n,
  63n,
  64n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 63n,
  (1n << 63n) - 1n,
  MOST,
  MOST - 1n,
];

function operand(random: Random): bigint {
  if (random.chance(35)) return random.pick(CORNERS);
  const wide = (BigInt(random.bits()) << 32n) | BigInt(random.bits());
  return wide >> BigInt(random.below(64));
}

/** `value` with the bits at `positions` replaced by variables; and the number it is under an assignment. */
function partlySymbolic(m: BddManager, value: bigint, positions: readonly number[], firstVariable: number): BitVector {
  const bits: Ref[] = [...constant(64, value)];
  positions.forEach((position, i) => (bits[position] = m.variable(firstVariable + i)));
  return bits;
}
function assigned(value: bigint, positions: readonly number[], assignment: number): bigint {
  let result = value;
  positions.forEach((position, i) => {
    const bit = 1n << BigInt(position);
    result = (assignment >> i) & 1 ? result | bit : result & ~bit;
  });
  return result;
}
function numberUnder(m: BddManager, bits: BitVector, assignment: number): bigint {
  return bits.reduce(
    (sum, bit, i) => sum | (m.evaluate(bit, (v) => ((assignment >> v) & 1) === 1) ? 1n << BigInt(i) : 0n),
    0n,
  );
}

describe.each(WIDTHS)('ALU of %i bits against plain arithmetic', (width) => {
  it.each(ALU_OPS)('%s on constant operands', (op) => {
    const m = new BddManager();
    const random = new Random(width + ALU_OPS.indexOf(op));
    for (let round = 0; round < 200; round++) {
      const [a, b] = [operand(random), operand(random)];
      const result = constantValue(aluResult(m, op, width, constant(64, a), constant(64, b)));
      expect([a, b, result]).toEqual([a, b, referenceAlu(op, width, a, b)]);
    }
  });

  it.each(ALU_OPS)('%s with symbolic bits, all of it and only the bits asked for', (op) => {
    const random = new Random(width * 7 + ALU_OPS.indexOf(op));
    for (let round = 0; round < 12; round++) {
      const m = new BddManager();
      const positions = [0, 1].map(() => Array.from({ length: 3 }, () => random.below(random.chance(50) ? 7 : width)));
      const [a, b] = [operand(random), operand(random)];
      const [x, y] = [partlySymbolic(m, a, positions[0]!, 0), partlySymbolic(m, b, positions[1]!, 3)];
      const mask = random.chance(30) ? 1n << BigInt(random.below(64)) : operand(random);
      const word = aluWord(m, (compute) => compute(), TRUE, op, width, wordOf(x), wordOf(y));
      const [part, whole] = [word.need(mask), aluResult(m, op, width, x, y)];
      for (let assignment = 0; assignment < 64; assignment++) {
        const expected = referenceAlu(
          op,
          width,
          assigned(a, positions[0]!, assignment),
          assigned(b, positions[1]!, assignment >> 3),
        );
        expect(numberUnder(m, whole, assignment)).toBe(expected);
        expect(numberUnder(m, part, assignment) & mask).toBe(expected & mask);
        expect(numberUnder(m, word.need(MOST), assignment)).toBe(expected);
      }
    }
  });

  it.each(JMP_OPS)('%s', (op) => {
    const random = new Random(width * 11 + JMP_OPS.indexOf(op));
    let taken = 0;
    for (let round = 0; round < 60; round++) {
      const m = new BddManager();
      const positions = [0, 1].map(() => Array.from({ length: 3 }, () => random.below(64)));
      const a = operand(random);
      const b = random.chance(40) ? a : operand(random);
      const condition = branchCondition(
        m,
        op,
        width,
        partlySymbolic(m, a, positions[0]!, 0),
        partlySymbolic(m, b, positions[1]!, 3),
      );
      for (let assignment = 0; assignment < 64; assignment++) {
        const expected = referenceBranch(
          op,
          width,
          assigned(a, positions[0]!, assignment),
          assigned(b, positions[1]!, assignment >> 3),
        );
        if (expected) taken++;
        expect(m.evaluate(condition, (v) => ((assignment >> v) & 1) === 1)).toBe(expected);
      }
    }
    expect(taken).toBeGreaterThan(20);
    expect(taken).toBeLessThan(60 * 64 - 20);
  });
});

describe('moves of bits', () => {
  it('sign-extends', () => {
    const random = new Random(5);
    for (const [bits, width] of [
      [8, 32],
      [16, 32],
      [8, 64],
      [16, 64],
      [32, 64],
    ] as const) {
      for (let round = 0; round < 100; round++) {
        const a = operand(random);
        const expected = BigInt.asUintN(width, BigInt.asIntN(bits, a));
        expect(constantValue(signExtendWord(wordOf(constant(64, a)), bits, width).need(MOST))).toBe(expected);
      }
    }
  });
  it('reverses bytes', () => {
    expect(constantValue(byteSwap(constant(64, 0x123456789abcdef0n), 64))).toBe(0xf0debc9a78563412n);
    expect(constantValue(byteSwap(constant(64, 0x123456789abcdef0n), 32))).toBe(0xf0debc9an);
    expect(constantValue(byteSwap(constant(64, 0x123456789abcdef0n), 16))).toBe(0xf0den);
  });
});

describe('operations measured on real kernels', () => {
  const run = (...parts: Uint8Array[]): string => {
    const evaluator = new Evaluator(new BddManager());
    const { allowed, denied } = evaluator.evaluate(decode(join(...parts), 'little'), NO_ENVIRONMENT);
    return allowed === TRUE ? 'allow' : denied === TRUE ? 'deny' : 'neither';
  };
  it.each(readAluVectors().map((vector) => [vector.name, vector] as const))(
    '%s',
    (_name, { bytes, dst, src, expected }) => {
      const operands = [imm64(0, dst), imm64(1, src)];
      if (typeof expected === 'boolean') {
        expect(run(...operands, bytes, mov(0, 0), EXIT, mov(0, 1), EXIT)).toBe(expected ? 'allow' : 'deny');
        return;
      }
      const compare = (value: bigint): Uint8Array[] => [
        imm64(2, value),
        slot(0x1d, { dst: 0, src: 2, off: 2 }),
        mov(0, 0),
        EXIT,
        mov(0, 1),
        EXIT,
      ];
      expect(run(...operands, bytes, ...compare(expected))).toBe('allow');
      expect(run(...operands, bytes, ...compare(expected ^ (1n << 63n)))).toBe('deny');
    },
  );
});
