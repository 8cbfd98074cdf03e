/** Arithmetic and comparisons of numbers some of whose bits are unknown: whatever the unknown bits are, the true result is among those that are left open. */
import { describe, expect, it } from 'vitest';
import { computeAlu, computeEndian, computeMovsx } from '../../../src/ebpf/interpreter/alu.js';
import { compareScalars } from '../../../src/ebpf/interpreter/compare.js';
import { known, partlyKnown, type Scalar } from '../../../src/ebpf/interpreter/scalar.js';
import { Random } from '../../property/random.js';
import { ALU_OPS, JMP_OPS, referenceAlu, referenceBranch } from '../../symbolic/alu-reference.js';

const CORNERS = [
  0n,
  1n,
  2n,
  31n,
  63n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 63n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];

interface Operand {
  scalar: Scalar;
  /** Every number it may be. */
  numbers: bigint[];
}

/** Up to three unknown bits, anywhere. */
function operand(random: Random): Operand {
  const value = random.chance(50)
    ? random.pick(CORNERS)
    : ((BigInt(random.bits()) << 32n) | BigInt(random.bits())) >> BigInt(random.below(64));
  const positions = [
    ...new Set(Array.from({ length: random.below(4) }, () => BigInt(random.below(random.chance(50) ? 8 : 64)))),
  ];
  const mask = positions.reduce((bits, position) => bits | (1n << position), 0n);
  const numbers = Array.from({ length: 1 << positions.length }, (_, choice) =>
    positions.reduce((number, position, i) => ((choice >> i) & 1 ? number | (1n << position) : number), value & ~mask),
  );
  return { scalar: partlyKnown(value, mask, ['depends:uid']), numbers };
}

function covers(scalar: Scalar, number: bigint): boolean {
  return (number & ~scalar.unknown) === scalar.value;
}

describe.each([32, 64] as const)('%i bits', (width) => {
  it.each(ALU_OPS)('%s', (op) => {
    const random = new Random(width * 3 + ALU_OPS.indexOf(op));
    for (let round = 0; round < 300; round++) {
      const [a, b] = [operand(random), operand(random)];
      const result = computeAlu(op, width, a.scalar, b.scalar);
      const results = a.numbers.flatMap((x) => b.numbers.map((y) => referenceAlu(op, width, x, y)));
      expect(results.filter((number) => !covers(result, number))).toEqual([]);
      if (results.length === 1) expect(result).toEqual(known(results[0] ?? 0n));
      // Bit by bit, exactly the bits that differ stay open.
      const differing = results.reduce((bits, number) => bits | (number ^ (results[0] ?? 0n)), 0n);
      if (['and', 'or', 'xor', 'mov'].includes(op)) expect(result.unknown).toBe(differing);
      expect(result.reasons).toEqual(result.unknown === 0n ? [] : ['depends:uid']);
    }
  });

  it.each(JMP_OPS)('%s', (op) => {
    const random = new Random(width * 5 + JMP_OPS.indexOf(op));
    let open = 0;
    for (let round = 0; round < 500; round++) {
      const a = operand(random);
      const b = random.chance(30)
        ? { ...a, scalar: known(a.numbers[0] ?? 0n), numbers: a.numbers.slice(0, 1) }
        : operand(random);
      const answer = compareScalars(op, width, a.scalar, b.scalar);
      const answers = new Set(a.numbers.flatMap((x) => b.numbers.map((y) => referenceBranch(op, width, x, y))));
      // Exact: an answer exactly where all possible numbers give the same one. Ranges decide orders, which is exact when one side is known.
      if (answer === null) open++;
      else expect([...answers]).toEqual([answer]);
      if (answer === null && (b.numbers.length === 1 || a.numbers.length === 1))
        expect([...answers].sort()).toEqual([false, true]);
    }
    expect(open).toBeGreaterThan(5);
  });
});

it('sign extension and byte orders', () => {
  const random = new Random(9);
  for (let round = 0; round < 500; round++) {
    const { scalar, numbers } = operand(random);
    const width = random.pick([32, 64] as const);
    const bits = random.pick([8, 16, 32]);
    const size = random.pick([16, 32, 64]);
    const extended = computeMovsx(width, bits, scalar);
    const swapped = computeEndian('swap', size, 'little', scalar);
    const truncated = computeEndian('little', size, 'little', scalar);
    for (const number of numbers) {
      expect(covers(extended, BigInt.asUintN(width, BigInt.asIntN(bits, number)))).toBe(true);
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt.asUintN(size, number));
      expect(covers(swapped, bytes.readBigUInt64BE() >> BigInt(64 - size))).toBe(true);
      expect(covers(truncated, BigInt.asUintN(size, number))).toBe(true);
    }
    if (numbers.length === 1)
      expect([extended, swapped, truncated].map(({ unknown }) => unknown)).toEqual([0n, 0n, 0n]);
  }
});
