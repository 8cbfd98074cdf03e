/** Arithmetic on whole truth tables, row by row against plain arithmetic. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { constant } from '../../src/symbolic/bitvector.js';
import { aluRows, columnOf, compareRows, rowsOf, selectRows, type Rows } from '../../src/symbolic/rows.js';
import { Random } from '../property/random.js';
import { ALU_OPS, JMP_OPS, referenceAlu, referenceBranch } from './alu-reference.js';

const WIDTHS = [32, 64] as const;
const SMALL = [
  0n,
  1n,
  2n,
  7n,
  31n,
  32n,
  33n,
  63n,
  64n,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xfffffffen,
  0xffffffffn,
];
const LARGE = [
  ...SMALL,
  1n << 32n,
  (1n << 32n) + 1n,
  0x1ffffffffn,
  (1n << 33n) - 2n,
  0x8000000080000000n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 63n) + 32n,
  (1n << 64n) - 2n,
  (1n << 64n) - 1n,
];

/** Numbers one per row; without an upper half where no number has one. */
function rows(numbers: readonly bigint[]): Rows {
  const half = (shift: bigint): Uint32Array => Uint32Array.from(numbers, (n) => Number((n >> shift) & 0xffffffffn));
  return { low: half(0n), high: numbers.every((n) => n < 1n << 32n) ? null : half(32n) };
}

function numbers({ low, high }: Rows): bigint[] {
  return Array.from(low, (part, row) => BigInt(part) | (BigInt(high?.[row] ?? 0) << 32n));
}

/** Every number of the first list with every one of the second. */
function pairs(a: readonly bigint[], b: readonly bigint[]): readonly [bigint[], bigint[]] {
  const all = a.flatMap((x) => b.map((y) => [x, y] as const));
  return [all.map(([x]) => x), all.map(([, y]) => y)];
}

function randomPairs(random: Random): readonly [bigint[], bigint[]] {
  const wide = (): bigint => ((BigInt(random.bits()) << 32n) | BigInt(random.bits())) >> BigInt(random.below(64));
  const list = (): bigint[] => Array.from({ length: 500 }, wide);
  return [list(), list()];
}

/** Both operands small, only the first or the second, neither. */
function tables(seed: number): readonly (readonly [bigint[], bigint[]])[] {
  return [
    pairs(SMALL, SMALL),
    pairs(LARGE, SMALL),
    pairs(SMALL, LARGE),
    pairs(LARGE, LARGE),
    randomPairs(new Random(seed)),
  ];
}

describe.each(WIDTHS)('operations of %i bits', (width) => {
  it.each(ALU_OPS)('%s', (op) => {
    for (const [x, y] of tables(width + ALU_OPS.indexOf(op))) {
      const result = aluRows(op, width, rows(x), rows(y));
      expect(numbers(result)).toEqual(x.map((number, row) => referenceAlu(op, width, number, y[row]!)));
    }
  });

  it.each(ALU_OPS)('%s of a table with one row', (op) => {
    const [x, y] = pairs(LARGE, LARGE);
    const results = x.flatMap((number, i) => numbers(aluRows(op, width, rows([number]), rows([y[i]!]))));
    expect(results).toEqual(x.map((number, i) => referenceAlu(op, width, number, y[i]!)));
  });

  it.each(['lsh', 'rsh', 'arsh'] as const)('%s by the same amount in all rows', (op) => {
    for (let amount = 0n; amount < 130n; amount++) {
      for (const x of [SMALL, LARGE]) {
        const result = aluRows(op, width, rows(x), rows(x.map(() => amount)));
        expect(numbers(result)).toEqual(x.map((number) => referenceAlu(op, width, number, amount)));
      }
    }
  });

  it.each(JMP_OPS)('%s', (op) => {
    for (const [x, y] of [...tables(width + JMP_OPS.indexOf(op)), pairs([1n << 40n], [1n << 40n, 1n << 41n])]) {
      const taken = compareRows(op, width, rows(x), rows(y));
      expect(Array.from(taken)).toEqual(x.map((number, row) => (referenceBranch(op, width, number, y[row]!) ? 1 : 0)));
    }
  });
});

describe('the upper half', () => {
  it.each([
    ['add', 1n, 2n],
    ['sub', (5n << 32n) + 3n, 5n << 32n],
    ['sub', 3n, 2n],
    ['mul', 0xffffn, 0x10001n],
    ['div', 1n << 40n, 1n << 20n],
    ['mod', 1n << 40n, 1000n],
    ['sdiv', 9n, 2n],
    ['lsh', 1n, 31n],
    ['rsh', 1n << 40n, 9n],
    ['arsh', 1n << 40n, 9n],
  ] as const)('is left out where %s has none', (op, a, b) => {
    expect(aluRows(op, 64, rows([a, a]), rows([b, b])).high).toBeNull();
  });
});

describe('rows of diagrams', () => {
  const VARIABLES = [1, 2, 4, 7, 8] as const;
  /** Variable k is bit (count - 1 - k) of the row's number. */
  const value =
    (row: number) =>
    (variable: number): boolean =>
      ((row >> (VARIABLES.length - 1 - VARIABLES.indexOf(variable as 1))) & 1) === 1;

  function randomFunction(m: BddManager, random: Random): Ref {
    let f: Ref = random.pick([TRUE, FALSE]);
    for (let step = random.below(8); step > 0; step--) {
      const g = m.variable(random.pick(VARIABLES)) ^ random.below(2);
      f = random.pick([m.and(f, g), m.or(f, g), m.xor(f, g), m.xor(f, g)]);
    }
    return f;
  }

  it('have the value of a function in each row', () => {
    const [m, random] = [new BddManager(), new Random(3)];
    for (let round = 0; round < 100; round++) {
      const f = randomFunction(m, random);
      const expected = Array.from({ length: 32 }, (_, row) => (m.evaluate(f, value(row)) ? 1 : 0));
      expect(Array.from(columnOf(m, f, VARIABLES))).toEqual(expected);
    }
    expect(Array.from(columnOf(m, TRUE, []))).toEqual([1]);
    expect(Array.from(columnOf(m, FALSE, []))).toEqual([0]);
  });

  it('have the value of a number in each row', () => {
    const [m, random] = [new BddManager(), new Random(4)];
    for (let round = 0; round < 40; round++) {
      const bits: Ref[] = [...constant(64, (BigInt(random.bits()) << 32n) | BigInt(random.bits()))];
      for (let i = 0; i < 8; i++) bits[random.below(64)] = randomFunction(m, random);
      const expected = Array.from({ length: 32 }, (_, row) =>
        bits.reduce((sum, bit, i) => (m.evaluate(bit, value(row)) ? sum | (1n << BigInt(i)) : sum), 0n),
      );
      expect(numbers(rowsOf(m, bits, VARIABLES))).toEqual(expected);
    }
  });

  it('have an upper half where one of the upper bits is not zero', () => {
    const m = new BddManager();
    const high = (number: bigint): number[] | null => {
      const part = rowsOf(m, constant(64, number), [1]).high;
      return part === null ? null : Array.from(part);
    };
    expect(high(0xffffffffn)).toBeNull();
    expect(high(1n << 32n)).toEqual([1, 1]);
    expect(high(1n << 63n)).toEqual([0x80000000, 0x80000000]);
  });
});

it('rows are chosen by a condition', () => {
  const condition = Uint8Array.from([1, 0, 0, 1]);
  const [small, large] = [
    [1n, 2n, 3n, 4n],
    [5n << 40n, 6n << 40n, 7n, 8n << 40n],
  ];
  const choose = (a: bigint[], b: bigint[]): bigint[] => numbers(selectRows(condition, rows(a), rows(b)));
  expect(choose(small, large)).toEqual([1n, 6n << 40n, 7n, 4n]);
  expect(choose(large, small)).toEqual([5n << 40n, 2n, 3n, 8n << 40n]);
  expect(choose(large, large)).toEqual(large);
  expect(choose(small, small)).toEqual(small);
  expect(selectRows(condition, rows(small), rows(small)).high).toBeNull();
});
