/** z3 as a second opinion: for every operation it finds no operands on which the diagrams and its own bit-vector theory differ. */
import { init } from 'z3-solver';
import { beforeAll, describe, expect, it } from 'vitest';
import { BddManager, type Ref } from '../../src/bdd/manager.js';
import type { AluOp, JmpOp } from '../../src/ebpf/types.js';
import { aluResult, branchCondition } from '../../src/symbolic/alu.js';
import type { BitVector } from '../../src/symbolic/bitvector.js';

const WIDTH = 6;

let check: (script: string) => Promise<string>;
beforeAll(async () => {
  const { Context } = await init();
  check = async (script) => {
    const solver = new (Context('main').Solver)();
    solver.fromString(script);
    return solver.check();
  };
}, 60_000);

/** Operands in interleaved order, so that diagrams stay small: bit i of the first operand is variable 2 * (WIDTH - 1 - i). */
const variableOf = (operand: 0 | 1, bit: number): number => 2 * (WIDTH - 1 - bit) + operand;
function operands(m: BddManager): [BitVector, BitVector] {
  const vector = (operand: 0 | 1): BitVector =>
    Array.from({ length: WIDTH }, (_, bit) => m.variable(variableOf(operand, bit)));
  return [vector(0), vector(1)];
}

/** SMT-LIB: variables, the two operands made of them, and one definition per node of the diagrams. */
class Script {
  readonly #m: BddManager;
  readonly #lines: string[] = [];
  readonly #defined = new Set<Ref>();

  constructor(m: BddManager) {
    this.#m = m;
    for (let i = 0; i < 2 * WIDTH; i++) this.#lines.push(`(declare-const x${String(i)} Bool)`);
    for (const operand of [0, 1] as const) {
      const bits = Array.from(
        { length: WIDTH },
        (_, i) => `(ite x${String(variableOf(operand, WIDTH - 1 - i))} #b1 #b0)`,
      );
      this.#lines.push(
        `(define-fun ${'ab'.charAt(operand)} () (_ BitVec ${String(WIDTH)}) (concat ${bits.join(' ')}))`,
      );
    }
  }

  /** The name of a function's formula. */
  name(f: Ref): string {
    if (f === 0) return 'true';
    if ((f & 1) === 1) return `(not ${this.name(f ^ 1)})`;
    if (!this.#defined.has(f)) {
      this.#defined.add(f);
      const [high, low] = [this.name(this.#m.high(f)), this.name(this.#m.low(f))];
      this.#lines.push(`(define-fun n${String(f)} () Bool (ite x${String(this.#m.level(f))} ${high} ${low}))`);
    }
    return `n${String(f)}`;
  }

  asserting(formula: string): string {
    return [...this.#lines, `(assert ${formula})`].join('\n');
  }
}

const zero = `(_ bv0 ${String(WIDTH)})`;
const unlessZero = (result: string, otherwise: string): string => `(ite (= b ${zero}) ${otherwise} ${result})`;

// Shift amounts count modulo 32 or 64 in the kernel; shifts are tested against plain arithmetic at those widths.
const ALU: Partial<Record<AluOp, string>> = {
  add: '(bvadd a b)',
  sub: '(bvsub a b)',
  mul: '(bvmul a b)',
  div: unlessZero('(bvudiv a b)', zero),
  mod: unlessZero('(bvurem a b)', 'a'),
  sdiv: unlessZero('(bvsdiv a b)', zero),
  smod: unlessZero('(bvsrem a b)', 'a'),
  or: '(bvor a b)',
  and: '(bvand a b)',
  xor: '(bvxor a b)',
  neg: '(bvneg a)',
};
const JMP: Record<JmpOp, string> = {
  eq: '(= a b)',
  ne: '(distinct a b)',
  gt: '(bvugt a b)',
  ge: '(bvuge a b)',
  lt: '(bvult a b)',
  le: '(bvule a b)',
  set: `(distinct (bvand a b) ${zero})`,
  sgt: '(bvsgt a b)',
  sge: '(bvsge a b)',
  slt: '(bvslt a b)',
  sle: '(bvsle a b)',
};

describe('z3 finds no difference in', () => {
  it.each(Object.entries(ALU))('%s', async (op, theirs) => {
    const m = new BddManager();
    const ours = aluResult(m, op as AluOp, 64, ...operands(m));
    const differences = (functions: BitVector): string => {
      const script = new Script(m);
      const bits = functions.map(
        (f, i) => `(distinct ${script.name(f)} (= ((_ extract ${String(i)} ${String(i)}) ${theirs}) #b1))`,
      );
      return script.asserting(`(or ${bits.join(' ')})`);
    };
    expect(await check(differences(ours))).toBe('unsat');
    // The same question about a wrong answer: it can fail.
    expect(await check(differences([ours[0]! ^ 1, ...ours.slice(1)]))).toBe('sat');
  });

  it.each(Object.entries(JMP))('%s', async (op, theirs) => {
    const m = new BddManager();
    const ours = branchCondition(m, op as JmpOp, 64, ...operands(m));
    const difference = (f: Ref): string => {
      const script = new Script(m);
      return script.asserting(`(distinct ${script.name(f)} ${theirs})`);
    };
    expect(await check(difference(ours))).toBe('unsat');
    expect(await check(difference(ours ^ 1))).toBe('sat');
  });
});
