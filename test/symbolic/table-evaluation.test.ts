/** Whole computations by truth table, against plain arithmetic; and when a table is made. */
import { describe, expect, it } from 'vitest';
import { BddManager, type Ref } from '../../src/bdd/manager.js';
import type { AluOp } from '../../src/ebpf/types.js';
import { bitsByTable, compareByTable, TableChoice, type TableInputs } from '../../src/symbolic/table-evaluation.js';
import { defer, mapBits, wordFromBytes, type Word } from '../../src/symbolic/word.js';
import { Random } from '../property/random.js';
import { ALU_OPS, JMP_OPS, referenceBranch } from './alu-reference.js';
import { Expressions, numberUnder, underAssignment, type Expression } from './expressions.js';

const WIDTHS = [32, 64] as const;
const ALL = (1n << 64n) - 1n;

/** Diagrams that take longer than a table of few variables. */
function endless(m: BddManager): never {
  for (let step = 0; step < 200_000; step++) m.step();
  throw new Error('nothing stopped it');
}

function inputsOf(e: Expressions, ...words: readonly Word[]): TableInputs {
  return new TableChoice(e.m).either<TableInputs>(
    words,
    () => endless(e.m),
    (inputs) => inputs,
  );
}

/** A tree of operations over leaves of few symbolic bits, with at least one that is expensive. */
function randomTree(e: Expressions, random: Random, depth: number): Expression {
  if (depth === 0) {
    const wide = ((BigInt(random.bits()) << 32n) | BigInt(random.bits())) >> BigInt(random.below(64));
    return random.chance(60) ? e.leaf(wide, random.below(8), 8 + random.below(56)) : e.number(wide);
  }
  const [a, b] = [randomTree(e, random, depth - 1), randomTree(e, random, random.below(depth))];
  if (random.chance(20)) return e.select(e.variable(), a, b);
  if (random.chance(20)) return e.bytes(a, random.below(5), 1 + random.below(8));
  return e.alu(random.pick(ALU_OPS), random.pick(WIDTHS), a, b);
}

function randomExpression(random: Random): { e: Expressions; x: Expression; y: Expression } {
  for (;;) {
    const e = new Expressions(new BddManager());
    const [x, y] = [randomTree(e, random, 3), randomTree(e, random, 1)];
    const last = e.alu('mul', 64, x, e.leaf(1n, 1));
    if (e.variables <= 5) return { e, x: e.alu('add', random.pick(WIDTHS), last, e.number(BigInt(random.bits()))), y };
  }
}

describe('by table', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed))('the bits of a number (%i)', (seed) => {
    const random = new Random(seed);
    const { e, x } = randomExpression(random);
    const inputs = inputsOf(e, x.word);
    for (const mask of [ALL, BigInt(random.bits()) << BigInt(random.below(33))]) {
      const bits = bitsByTable(e.m, x.word, mask, inputs);
      expect(e.assignments.map((assignment) => numberUnder(e.m, bits, assignment))).toEqual(
        e.assignments.map((assignment) => x.valueUnder(assignment) & mask),
      );
    }
  });

  it.each(JMP_OPS)('where %s holds', (op) => {
    const random = new Random(JMP_OPS.indexOf(op) + 100);
    for (let round = 0; round < 6; round++) {
      const { e, x, y } = randomExpression(random);
      const other = random.chance(50) ? y : e.number(x.valueUnder(random.below(e.assignments.length)));
      for (const width of WIDTHS) {
        const taken = compareByTable(e.m, op, width, x.word, other.word, inputsOf(e, x.word, other.word));
        expect(e.assignments.map((assignment) => e.m.evaluate(taken, underAssignment(assignment)))).toEqual(
          e.assignments.map((assignment) =>
            referenceBranch(op, width, x.valueUnder(assignment), other.valueUnder(assignment)),
          ),
        );
      }
    }
  });

  it('of a number with an upper half that is zero throughout', () => {
    const e = new Expressions(new BddManager());
    const x = e.alu('div', 64, e.leaf(1n, 3), e.leaf(0n, 1));
    const bits = bitsByTable(e.m, x.word, ALL, inputsOf(e, x.word));
    expect(e.assignments.map((assignment) => numberUnder(e.m, bits, assignment))).toEqual(
      e.assignments.map(x.valueUnder),
    );
  });

  it('of bytes of different numbers', () => {
    const e = new Expressions(new BddManager());
    const x = e.alu('mul', 64, e.leaf(0x1234567890abcden, 3, 60), e.leaf(3n, 2));
    for (const count of [1, 2, 3, 4, 5, 7, 8]) {
      for (let first = 0; first <= 8 - count; first++) {
        const part = e.bytes(x, first, count);
        if (part.word === x.word) continue;
        const bits = bitsByTable(e.m, part.word, ALL, inputsOf(e, part.word));
        expect(e.assignments.map((assignment) => numberUnder(e.m, bits, assignment))).toEqual(
          e.assignments.map(part.valueUnder),
        );
      }
    }
  });
});

it('by table, bytes of several numbers with gaps', () => {
  const e = new Expressions(new BddManager());
  const [x, y] = ['mul', 'add'].map((op) => e.alu(op as AluOp, 64, e.leaf(0x1234567890abcden, 3, 60), e.leaf(3n, 2)));
  const word = wordFromBytes([
    { word: x!.word, first: 8 },
    null,
    { word: y!.word, first: 56 },
    null,
    null,
    { word: x!.word, first: 0 },
  ]);
  const bits = bitsByTable(e.m, word, ALL, inputsOf(e, word));
  for (const assignment of e.assignments) {
    const byte = (of: Expression, first: bigint, to: bigint): bigint =>
      ((of.valueUnder(assignment) >> first) & 0xffn) << to;
    const expected = byte(x!, 8n, 0n) | byte(y!, 56n, 16n) | byte(x!, 0n, 40n);
    expect(numberUnder(e.m, bits, assignment)).toBe(expected);
  }
});

describe('a table is made', () => {
  const SOME_STEPS = 20_000;
  const MANY_STEPS = 1_100_000;
  /** How the words are worked out where diagrams take so many steps. */
  const wayFor = (e: Expressions, steps: number, ...words: readonly Word[]): string =>
    new TableChoice(e.m).either(
      words,
      () => {
        for (let step = 0; step < steps; step++) e.m.step();
        return 'diagrams';
      },
      () => 'table',
    );
  const expressions = (): Expressions => new Expressions(new BddManager());
  const product = (e: Expressions, op: AluOp = 'mul'): Expression => e.alu(op, 64, e.leaf(0n, 0, 2), e.leaf(0n, 1));
  const chain = (e: Expressions, length: number): Expression =>
    Array.from({ length }).reduce<Expression>((x) => e.alu('add', 64, x, e.number(1n)), e.leaf(0n, 2));
  const pendingChain = (e: Expressions, length: number): Expression =>
    Array.from({ length: length - 1 }).reduce<Expression>(
      (x) => e.alu('xor', 64, x, x),
      e.alu('add', 64, e.leaf(0n, 2), e.leaf(0n, 1)),
    );
  const wide = (e: Expressions, bits: number): Expression =>
    e.alu('mul', 64, e.leaf(0n, ...Array.from({ length: bits - 1 }, (_, i) => i)), e.leaf(0n, 0));

  it.each(['mul', 'div', 'mod', 'sdiv', 'smod'] as const)('of %s, where diagrams take long', (op) => {
    const e = expressions();
    expect(wayFor(e, MANY_STEPS, product(e, op).word)).toBe('table');
    expect(wayFor(e, SOME_STEPS, product(e, op).word)).toBe('diagrams');
  });
  it('of an operation on an expensive one, of bytes and joins of one, and where it is the second word', () => {
    const e = expressions();
    const x = product(e);
    const known = e.leaf(0n, 1);
    for (const y of [
      e.alu('or', 64, x, known),
      e.alu('sub', 64, known, x),
      e.bytes(x, 1, 2),
      e.select(e.variable(), x, known),
      e.select(e.variable(), known, x),
    ])
      expect(wayFor(e, MANY_STEPS, y.word)).toBe('table');
    expect(wayFor(e, MANY_STEPS, known.word, x.word)).toBe('table');
  });
  it('of more than eight numbers without an expensive operation', () => {
    const e = expressions();
    // The two numbers of the sum count, too.
    expect(wayFor(e, MANY_STEPS, pendingChain(e, 7).word)).toBe('table');
    expect(wayFor(e, MANY_STEPS, pendingChain(e, 6).word)).toBe('diagrams');
  });
  it('of at most twenty variables', () => {
    expect(wayFor(expressions(), SOME_STEPS, wide(expressions(), 20).word)).toBe('diagrams');
    const [twenty, more] = [expressions(), expressions()];
    expect(wayFor(twenty, MANY_STEPS, wide(twenty, 20).word)).toBe('table');
    expect(wayFor(more, MANY_STEPS, wide(more, 21).word)).toBe('diagrams');
  });
  it('not of what is known already', () => {
    const e = expressions();
    const x = product(e);
    x.word.need(ALL);
    expect(wayFor(e, MANY_STEPS, x.word, chain(e, 20).word)).toBe('diagrams');
  });
  it('not where it is not known how a number comes about', () => {
    const e = expressions();
    const unknown = defer(
      (compute) => compute(),
      [],
      (mask) => mapBits(mask, () => e.m.variable(0)),
    );
    const word = e.alu('mul', 64, { word: unknown, valueUnder: () => 0n }, product(e)).word;
    expect(wayFor(e, MANY_STEPS, word)).toBe('diagrams');
  });
  it('not inside the attempt by diagrams, which the limit then stops as a whole', () => {
    const e = expressions();
    const [choice, word] = [new TableChoice(e.m), product(e).word];
    const inner = (): string =>
      choice.either<string>(
        [word],
        () => endless(e.m),
        () => 'inner table',
      );
    expect(choice.either([word], inner, () => 'outer table')).toBe('outer table');
    expect(inner()).toBe('inner table');
  });
  it('not where something else goes wrong', () => {
    const e = expressions();
    const choice = new TableChoice(e.m);
    const fail = (): Ref => {
      throw new TypeError('something else');
    };
    expect(() => choice.either([product(e).word], fail, () => 0)).toThrow('something else');
    expect(
      choice.either<string>(
        [product(e).word],
        () => endless(e.m),
        () => 'table',
      ),
    ).toBe('table');
  });
});
