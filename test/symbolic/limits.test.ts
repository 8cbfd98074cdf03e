import { describe, expect, it } from 'vitest';
import { BddManager, TRUE } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import type { EvaluationLimits } from '../../src/symbolic/limits.js';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { generateProgram } from '../property/generate-program.js';
import { compareBoth, environmentWith, programOf, verdictIn } from './agreement.js';
import { helper, OP, reference } from './program-bytes.js';

const SMALL: Partial<EvaluationLimits> = {
  instructions: 20_000,
  nodes: 60_000,
  steps: 200_000,
  instructionNodes: 20_000,
  instructionSteps: 60_000,
};
const load = (dst: number, off: number): Uint8Array => slot(OP.ldw, { dst, src: 1, off });

function evaluate(parts: readonly Uint8Array[], limits = SMALL) {
  const manager = new BddManager();
  const evaluator = new Evaluator(manager, limits);
  const result = evaluator.evaluate(programOf(parts), NO_ENVIRONMENT);
  const verdict = (major: number, minor: number): string =>
    verdictIn(manager, result, { type: 'c', access: 2, major, minor });
  return { manager, evaluator, result, verdict };
}

/** major 1: allow; else allow if bits of major * minor, hashed, are 77. */
const PRODUCT = [
  load(2, 4),
  load(3, 8),
  slot(OP.jeq, { dst: 2, imm: 1, off: 5 }),
  slot(0x2c, { dst: 2, src: 3 }),
  slot(0x24, { dst: 2, imm: -1640531535 }),
  slot(0x74, { dst: 2, imm: 20 }),
  slot(OP.jeq, { dst: 2, imm: 77, off: 1 }),
  slot(OP.ja, { off: 2 }),
  mov(0, 1),
  EXIT,
  mov(0, 0),
  EXIT,
];

describe('limits', () => {
  it('leave undecided only what needs the expensive result', () => {
    const { result, verdict } = evaluate(PRODUCT);
    expect(result.undecided.map(({ reason }) => reason)).toEqual(['budget']);
    expect(verdict(1, 5)).toBe('allow');
    expect(verdict(2, 5)).toBe('undecided: budget');
  });
  it('are not reached where few minors are left to ask for: one after the other is decided', () => {
    const { result, verdict } = evaluate(
      [
        load(2, 8),
        load(3, 4),
        slot(OP.jeq, { dst: 2, imm: 10, off: 3 }),
        slot(OP.jeq, { dst: 2, imm: 188, off: 2 }),
        mov(0, 0),
        EXIT,
        slot(0x2c, { dst: 2, src: 3 }),
        slot(0xac, { dst: 3, src: 2 }),
        slot(0x24, { dst: 3, imm: -1640531535 }),
        slot(0x74, { dst: 3, imm: 20 }),
        mov(0, 0),
        slot(0xa5, { dst: 3, imm: 77, off: 1 }),
        EXIT,
        mov(0, 1),
        EXIT,
      ],
      { instructionNodes: 100_000, instructionSteps: 200_000 },
    );
    /** The same, by hand. */
    const allows = (major: number, minor: number): boolean =>
      (minor === 10 || minor === 188) && Math.imul(major ^ Math.imul(minor, major), -1640531535) >>> 20 < 77;
    expect(result.undecided).toEqual([]);
    for (let major = 0; major < 4096; major++) {
      for (const minor of [0, 10, 77, 188]) {
        const expected = allows(major, minor) ? 'allow' : 'deny';
        if (verdict(major, minor) !== expected) expect.fail(`${String(major)}:${String(minor)} is not ${expected}`);
      }
    }
  });
  it('of a part, which are smaller, take back nothing that was decided', () => {
    // Major 7 alone is asked about: even minors are allowed, odd ones by a hash that is too large for that major, too.
    const { result, verdict } = evaluate([
      load(2, 4),
      load(3, 8),
      mov(0, 0),
      slot(OP.jne, { dst: 2, imm: 7, off: 7 }),
      mov(0, 1),
      slot(0x45, { dst: 3, imm: 1, off: 1 }),
      slot(OP.ja, { off: 4 }),
      slot(0x2f, { dst: 3, src: 3 }),
      slot(0x24, { dst: 3, imm: -1640531535 }),
      slot(0x74, { dst: 3, imm: 20 }),
      slot(0xbf, { dst: 0, src: 3 }),
      slot(0x57, { dst: 0, imm: 1 }),
      EXIT,
    ]);
    expect([verdict(8, 5), verdict(7, 4), verdict(7, 5)]).toEqual(['deny', 'allow', 'undecided: budget']);
    expect(result.undecided).toHaveLength(1);
  });
  it('that make an operand unknown while diagrams are tried leave the table as it was', () => {
    // A random program of the long run: a table was made for the variables of before, out of the operands of after.
    const program = decode(generateProgram(353448459).bytes, 'little');
    const { disagreements, counts } = compareBoth(program, NO_ENVIRONMENT, 200);
    expect(disagreements).toEqual([]);
    expect([...counts.keys()].sort()).toEqual(['allow', 'deny']);
  });
  it('cost nothing where the expensive result does not matter', () => {
    const { result } = evaluate([
      load(2, 4),
      load(3, 8),
      slot(0x2c, { dst: 2, src: 3 }),
      slot(OP.stxw, { dst: 10, src: 2, off: -8 }),
      slot(OP.jgt, { dst: 3, imm: 9, off: 2 }),
      mov(0, 1),
      EXIT,
      mov(0, 0),
      EXIT,
    ]);
    expect(result.undecided).toEqual([]);
    expect(result.cost.nodes).toBeLessThan(1000);
  });
  it('stop a loop without end, keeping what was decided before', () => {
    const { result, verdict } = evaluate([
      load(2, 4),
      slot(OP.jeq, { dst: 2, imm: 7, off: 1 }),
      slot(OP.ja, { off: -1 }),
      mov(0, 1),
      EXIT,
    ]);
    expect(verdict(7, 1)).toBe('allow');
    expect(verdict(8, 1)).toBe('undecided: budget');
    expect(result.cost.instructions).toBeLessThan(SMALL.instructions! + 100);
  });
  it('keep the manager usable: the next program is decided', () => {
    const { evaluator, manager } = evaluate(PRODUCT);
    const after = evaluator.evaluate(
      programOf([load(2, 4), slot(OP.jeq, { dst: 2, imm: 5, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]),
      NO_ENVIRONMENT,
    );
    expect(after.undecided).toEqual([]);
    expect(verdictIn(manager, after, { type: 'b', access: 0, major: 5, minor: 1 })).toBe('allow');
  });
  it('of time end what would take long, and what was finished by then is kept', () => {
    const { result, verdict } = evaluate(PRODUCT, { milliseconds: 0 });
    expect(result.undecided.map(({ reason }) => reason)).toEqual(['budget']);
    // The clock is looked at every 65,536 steps; without a limit of time it is millions.
    expect(result.cost.steps).toBeLessThan(500_000);
    expect(verdict(2, 5)).toBe('undecided: budget');
  });
  it('divide the request space, whatever is reached first', () => {
    for (let nodes = 10; nodes < 3000; nodes = Math.ceil(nodes * 1.7)) {
      for (const limits of [
        { nodes },
        { steps: nodes },
        { instructionNodes: nodes },
        { instructions: nodes },
        { milliseconds: nodes / 1000 },
      ]) {
        const { manager, result } = evaluate(PRODUCT, { ...SMALL, ...limits });
        const parts = [result.allowed, result.denied, ...result.undecided.map(({ region }) => region)];
        expect(manager.orAll(parts)).toBe(0);
        for (const [i, part] of parts.entries()) {
          for (const other of parts.slice(i + 1)) expect(manager.and(part, other)).toBe(1);
        }
      }
    }
  });
});

describe('the cache of results', () => {
  it('goes by the bytes and the environment', () => {
    const evaluator = new Evaluator(new BddManager());
    const parts = [load(2, 4), slot(OP.jeq, { dst: 2, imm: 5, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT];
    const first = evaluator.evaluate(programOf(parts), NO_ENVIRONMENT);
    expect(evaluator.evaluate(programOf(parts), NO_ENVIRONMENT)).toBe(first);
    expect(evaluator.evaluate(programOf(parts), { ...NO_ENVIRONMENT, freplaced: 'yes' })).not.toBe(first);
    expect(evaluator.evaluate(programOf([...parts.slice(0, -2), mov(0, 0), EXIT]), NO_ENVIRONMENT).allowed).not.toBe(
      first.allowed,
    );
  });
});

describe('a loop that asks for something unknown in each round', () => {
  it('is given up where its diagrams get deeper than the stack', () => {
    // bpf_loop(120, callback): the callback goes on only where the time is 0; 64 variables a round.
    const environment = environmentWith({
      kernelRelease: '6.12.0',
      helpers: new Map([
        [1, 'bpf_loop'],
        [2, 'bpf_ktime_get_ns'],
      ]),
    });
    const program = programOf([
      mov(1, 120),
      reference(2, 4, 7),
      mov(3, 0),
      mov(4, 0),
      helper(1),
      slot(OP.jeq, { dst: 0, imm: 7, off: 1 }),
      mov(0, 1),
      EXIT,
      helper(2),
      slot(OP.movReg, { dst: 1, src: 0 }),
      mov(0, 0),
      slot(OP.jeq, { dst: 1, imm: 0, off: 1 }),
      mov(0, 1),
      EXIT,
    ]);
    const evaluator = new Evaluator(new BddManager(), { nodes: 2_000_000, steps: 4_000_000 });
    const { undecided } = evaluator.evaluate(program, environment);
    expect(undecided.map(({ region }) => region)).toEqual([TRUE]);
    expect(undecided[0]!.reason.split(',')).toContain('budget');
    // The manager is as good as before.
    const simple = evaluator.evaluate(
      programOf([load(2, 4), slot(OP.jeq, { dst: 2, imm: 7, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]),
      NO_ENVIRONMENT,
    );
    expect(verdictIn(evaluator.manager, simple, { type: 'c', access: 2, major: 7, minor: 1 })).toBe('allow');
    expect(verdictIn(evaluator.manager, simple, { type: 'c', access: 2, major: 8, minor: 1 })).toBe('deny');
  });
});
