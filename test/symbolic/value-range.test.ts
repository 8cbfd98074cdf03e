/** Comparisons answered from ranges, on the way back to a product or quotient, against plain arithmetic. */
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import type { AluOp, JmpOp, Width } from '../../src/ebpf/types.js';
import { compareByRange } from '../../src/symbolic/value-range.js';
import { Random } from '../property/random.js';
import { JMP_OPS, referenceBranch } from './alu-reference.js';
import { Expressions, underAssignment, type Expression } from './expressions.js';

const OPS = JMP_OPS.filter((op) => op !== 'set');
const WIDTHS = [32, 64] as const;
const all = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** Comparisons with limits next to numbers that the expression has, and at the ends; in any order, as an answer may work the number
 * out, or a part of it, and then there are no others. Returns how many answers there were. */
function check(e: Expressions, { word, valueUnder }: Expression, random: Random): number {
  let answers = 0;
  const values = e.assignments.map(valueUnder);
  for (let round = 0; round < 24; round++) {
    const [op, width] = [random.pick(OPS), random.pick(WIDTHS)];
    const near = random.pick(values) + BigInt(random.below(3) - 1);
    const end = random.pick([0n, 1n, all(width), all(width - 1), all(width - 1) + 1n]);
    const limit = BigInt.asUintN(width, random.chance(80) ? near : end);
    const answer = compareByRange(e.m, op, width, word, limit);
    if (answer === null) continue;
    answers++;
    const wrong = values.filter(
      (value, assignment) =>
        e.m.evaluate(answer, underAssignment(assignment)) !== referenceBranch(op, width, value, limit),
    );
    expect({ op, width, limit, wrong }).toEqual({ op, width, limit, wrong: [] });
  }
  return answers;
}

const expressions = (): Expressions => new Expressions(new BddManager());
const product = (e: Expressions, width: Width = 64): Expression =>
  e.alu('mul', width, e.leaf(4n, 0, 1), e.leaf(0n, 0, 3));
const quotient = (e: Expressions, width: Width = 64): Expression =>
  e.alu('div', width, e.leaf(64n, 1, 4), e.leaf(0n, 0, 1));
const pending = (e: Expressions): Expression => e.alu('add', 64, e.leaf(2n, 0), e.leaf(0n, 0, 2));
const by = (e: Expressions, op: AluOp, a: Expression, amount: bigint, width: Width = 64): Expression =>
  e.alu(op, width, a, e.number(amount));

describe('products and quotients', () => {
  it.each<[string, (e: Expressions) => Expression]>([
    ['product', product],
    ['32-bit product', (e) => product(e, 32)],
    ['product of a large and a small number', (e) => e.alu('mul', 64, e.leaf(0xfffff00n, 1, 27), e.leaf(0n, 0, 1, 4))],
    ['product of a small and a large number', (e) => e.alu('mul', 64, e.leaf(0n, 0, 1, 4), e.leaf(0xfffff00n, 1, 27))],
    ['product of 32 bits that just fits', (e) => e.alu('mul', 32, e.leaf(0xffff0n, 0, 1), e.leaf(0xff0n, 2, 3))],
    ['product of 32 bits that does not fit', (e) => e.alu('mul', 32, e.leaf(0xffff0n, 0, 1), e.leaf(0x1ff0n, 2, 3))],
    [
      'product above 2^32, whole or its low half',
      (e) => e.alu('mul', 64, e.leaf(0xfffffff0n, 0, 1), e.leaf(0x3n, 0, 3)),
    ],
    [
      'product with upper bits that are not looked at',
      (e) => e.alu('mul', 32, e.leaf(0xf00000010n, 0, 1), e.leaf(0x3n, 0, 3)),
    ],
    ['product with a factor whose low bits are constant', (e) => e.alu('mul', 64, e.leaf(5n, 4), e.leaf(0n, 1, 2, 5))],
    [
      'square',
      (e) => {
        const x = e.leaf(8n, 0, 1, 2, 4);
        return e.alu('mul', 64, x, x);
      },
    ],
    [
      'square that just fits into 32 bits',
      (e) => {
        const x = e.leaf(0xfff0n, 0, 1, 2, 15);
        return e.alu('mul', 32, x, x);
      },
    ],
    [
      'square that just fits into 64 bits',
      (e) => {
        const x = e.leaf(0xfffffff0n, 0, 1, 2, 31);
        return e.alu('mul', 64, x, x);
      },
    ],
    [
      'square that does not fit into 32 bits',
      (e) => {
        const x = e.leaf(0x1fff0n, 0, 1, 2, 3);
        return e.alu('mul', 32, x, x);
      },
    ],
    [
      'shift down whose upper bits are not compared',
      (e) => by(e, 'rsh', e.alu('mul', 64, e.leaf(1n << 37n, 3), e.leaf(0n, 0, 3)), 3n),
    ],
    ['join of a product and a quotient', (e) => e.select(e.variable(), product(e), quotient(e))],
    [
      'join of a product and a sum',
      (e) => e.select(e.variable(), product(e), e.alu('add', 64, e.leaf(1n, 3), e.leaf(0n, 2))),
    ],
    [
      'join of a sum and a product',
      (e) => e.select(e.variable(), e.alu('add', 64, e.leaf(1n, 3), e.leaf(0n, 2)), product(e)),
    ],
    ['product of numbers still to be worked out', (e) => e.alu('mul', 64, pending(e), pending(e))],
    ['quotient of numbers still to be worked out', (e) => e.alu('div', 64, pending(e), pending(e))],
    ['quotient', quotient],
    ['32-bit quotient', (e) => quotient(e, 32)],
    ['quotient of zero', (e) => e.alu('div', 32, e.leaf(1n << 40n, 35), e.leaf(4n, 0, 1))],
    ['quotient by zero', (e) => e.alu('div', 32, e.leaf(3n, 1, 4), e.leaf(1n << 40n, 35))],
    ['quotient by numbers that may be larger', (e) => e.alu('div', 64, e.leaf(6n, 0, 4), e.leaf(0n, 0, 2, 5))],
    [
      'quotient of 40 bits, whole or its low half',
      (e) => e.alu('div', 64, e.leaf(0xff00000000n, 0, 31), e.leaf(1n, 1, 2)),
    ],
    ['quotient of 60 bits', (e) => e.alu('div', 64, e.leaf(1n << 59n, 0, 31), e.leaf(3n, 2, 3))],
    ['quotient of 64 bits by one', (e) => e.alu('div', 64, e.leaf((1n << 63n) | (1n << 32n), 0, 31), e.leaf(0n, 0))],
    ['quotient of 64 bits', (e) => e.alu('div', 64, e.leaf(1n << 63n, 0, 31), e.leaf(1n, 1, 2))],
  ])('%s', (_name, build) => {
    const random = new Random(1);
    for (let round = 0; round < 6; round++) {
      const e = expressions();
      expect(check(e, build(e), random)).toBeGreaterThan(0);
    }
  });
});

/** What lies between the comparison and the product or quotient. */
function step(e: Expressions, x: Expression, random: Random): Expression {
  const width = random.pick(WIDTHS);
  const amount = (): bigint =>
    random.pick([
      BigInt(random.below(100)),
      BigInt(random.below(100)),
      all(width) - BigInt(random.below(20)),
      all(width - 1) + BigInt(random.below(3)),
      1n << BigInt(random.below(64)),
    ]);
  switch (random.below(9)) {
    case 0:
      return by(e, 'add', x, amount(), width);
    case 1:
      return e.alu('add', width, e.number(amount()), x);
    case 2:
      return by(e, 'sub', x, amount(), width);
    case 3:
      return by(e, 'and', x, random.chance(70) ? all(1 + random.below(64)) : amount(), width);
    case 4:
      return by(e, 'lsh', x, BigInt(random.below(random.pick([4, 40, 70]))), width);
    case 5:
      return by(e, 'rsh', x, BigInt(random.below(random.pick([4, 40, 70]))), width);
    case 6:
      return e.alu('mov', width, x, x);
    case 7:
      return e.select(
        e.variable(),
        x,
        random.chance(50) ? e.bytes(x, random.below(2), 1 + random.below(3)) : e.number(amount()),
      );
    default:
      return by(e, random.pick(['arsh', 'or', 'xor'] as const), x, amount(), width);
  }
}

describe('sums, shifts, masks and joins on the way', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed))('are undone (%i)', (seed) => {
    const random = new Random(seed);
    let answers = 0;
    for (let round = 0; round < 8; round++) {
      const e = expressions();
      let x = random.pick([product, quotient])(e, random.pick(WIDTHS));
      const before = e.variables;
      for (let steps = 1 + random.below(4); steps > 0; steps--) x = step(e, x, random);
      if (e.variables > before + 2) continue;
      answers += check(e, x, random);
    }
    expect(answers).toBeGreaterThan(24);
  });
});

describe('numbers whose diagrams are too large', () => {
  /** The highest bit of a number has the uppermost variable. */
  const wide = (e: Expressions, first: number, count: number): Expression =>
    e.leaf(0n, ...Array.from({ length: count }, (_, i) => first + count - 1 - i));
  const largeQuotient = (e: Expressions, first = 0, width: Width = 64): Expression => {
    const divisor = wide(e, 0, 10);
    return e.alu('div', width, wide(e, first, 18), divisor);
  };
  const largeProduct = (e: Expressions, first = 0, width: Width = 64): Expression =>
    e.alu('mul', width, wide(e, 0, 10), wide(e, first, 18));
  const largeSquare = (e: Expressions, width: Width): Expression => {
    const x = wide(e, 0, width === 32 ? 16 : 20);
    return e.alu('mul', width, x, x);
  };
  /** What the register held before does not matter. */
  const copy = (e: Expressions, x: Expression, width: Width): Expression => e.alu('mov', width, x, x);
  /** Both ways of a join over the same variables. */
  const join = (e: Expressions): Expression => {
    const [x, y] = [wide(e, 0, 10), wide(e, 0, 16)];
    return e.select(e.variable(), e.alu('mul', 64, x, y), e.alu('div', 64, y, x));
  };

  it.each<[string, Width, (e: Expressions) => Expression]>([
    ['quotients', 64, (e) => largeQuotient(e)],
    ['quotients that fill 32 bits', 32, (e) => largeQuotient(e, 14)],
    ['32-bit quotients', 64, (e) => largeQuotient(e, 14, 32)],
    ['quotients whose dividend and divisor have 64 bits together', 64, (e) => largeQuotient(e, 36)],
    ['products', 64, (e) => largeProduct(e)],
    ['products that fill 32 bits', 32, (e) => largeProduct(e, 4)],
    ['32-bit products', 64, (e) => largeProduct(e, 4, 32)],
    ['products that fill 64 bits', 64, (e) => largeProduct(e, 36)],
    ['products of a large number and a small one', 64, (e) => e.alu('mul', 64, wide(e, 0, 18), wide(e, 0, 10))],
    ['32-bit squares', 64, (e) => largeSquare(e, 32)],
    ['squares', 64, (e) => largeSquare(e, 64)],
    ['joins', 64, join],
    ['copies', 64, (e) => copy(e, largeQuotient(e), 64)],
    ['cut copies', 64, (e) => copy(e, largeProduct(e), 32)],
    ['sums', 64, (e) => by(e, 'add', largeProduct(e), 5n)],
    ['sums, constant first', 32, (e) => e.alu('add', 64, e.number(1n << 63n), largeQuotient(e))],
    ['differences', 32, (e) => by(e, 'sub', largeQuotient(e), 1000n, 32)],
    ['low bits', 64, (e) => by(e, 'and', largeQuotient(e), all(18))],
    ['low bits, of more than are compared', 32, (e) => by(e, 'and', largeQuotient(e), all(40))],
    ['low bits, of as many as are compared', 32, (e) => by(e, 'and', largeQuotient(e), all(32))],
    ['shifts up', 64, (e) => by(e, 'lsh', largeQuotient(e), 46n)],
    ['32-bit shifts up', 64, (e) => by(e, 'lsh', largeQuotient(e), 14n, 32)],
    ['shifts down', 64, (e) => by(e, 'rsh', largeProduct(e), 3n)],
    ['upper halves', 32, (e) => by(e, 'rsh', largeProduct(e, 36), 32n)],
    ['32-bit shifts down', 32, (e) => by(e, 'rsh', largeProduct(e, 4), 3n, 32)],
    [
      'twelve operations',
      64,
      (e) => Array.from({ length: 11 }).reduce<Expression>((x) => by(e, 'add', x, 1n), largeQuotient(e)),
    ],
  ])('%s are not worked out', (_name, width, build) => {
    const random = new Random(6);
    for (let round = 0; round < 6; round++) {
      const e = expressions();
      const { word, valueUnder } = build(e);
      const [op, chosen] = [random.pick(OPS), random.below(1 << 28)];
      const limit = BigInt.asUintN(width, valueUnder(chosen) + BigInt(random.below(3) - 1));
      const answer = e.m.withBudget({ steps: 200_000 }, () => compareByRange(e.m, op, width, word, limit));
      if (answer === null) throw new Error('no answer');
      for (const assignment of [chosen, ...Array.from({ length: 20 }, () => random.below(1 << 28))]) {
        const expected = referenceBranch(op, width, valueUnder(assignment), limit);
        expect({ op, limit, assignment, taken: e.m.evaluate(answer, underAssignment(assignment)) }).toEqual({
          op,
          limit,
          assignment,
          taken: expected,
        });
      }
    }
  });
});

describe('no answer', () => {
  it.each<[string, JmpOp, (e: Expressions) => Expression]>([
    ['about common bits', 'set', product],
    ['about a number that is known', 'eq', (e) => e.leaf(1n, 3)],
    ['about a sum', 'eq', (e) => e.alu('add', 64, e.leaf(1n, 3), e.leaf(0n, 2))],
    ['about a multiple', 'eq', (e) => by(e, 'mul', e.alu('add', 64, e.leaf(1n, 3), e.leaf(0n, 2)), 3n)],
    ['about a quotient by a constant', 'eq', (e) => by(e, 'div', e.alu('add', 64, e.leaf(1n, 3), e.leaf(0n, 2)), 3n)],
    ['about a quotient of a constant', 'eq', (e) => e.alu('div', 64, e.number(7n), e.leaf(0n, 2))],
    ['about a product and an unknown summand', 'eq', (e) => e.alu('add', 64, product(e), e.leaf(0n, 2))],
    ['about bytes of a product', 'eq', (e) => e.bytes(product(e), 0, 2)],
    [
      'about a join of sums',
      'eq',
      (e) => {
        const x = e.alu('add', 64, e.leaf(1n, 3), e.leaf(0n, 2));
        return e.select(e.variable(), x, by(e, 'add', x, 1n));
      },
    ],
  ])('%s', (_name, op, build) => {
    const e = expressions();
    expect(compareByRange(e.m, op, 64, build(e).word, 5n)).toBeNull();
  });
});
