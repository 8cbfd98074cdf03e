/** Which requests come to which block, refereed by the interpreter's path of single requests. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { Arrivals } from '../../src/symbolic/arrivals.js';
import { Inputs } from '../../src/symbolic/inputs.js';
import { Machine } from '../../src/symbolic/machine.js';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { NO_ENVIRONMENT, readCaptures, readRandomPrograms } from '../ebpf/captures.js';
import { bitOfRequest, environmentWith, mapWith, programOf } from './agreement.js';
import { helper, hexKey, OP, reference, tailCallInstruction, words } from './program-bytes.js';

type Way = Record<number, 'allow' | 'deny' | 'undecided'>;

/** For a request: the blocks of the program asked for that it comes to, and what becomes of it there. */
function waysThrough(arrivals: Arrivals): (request: DeviceRequest) => Way {
  const { manager } = arrivals;
  const partitions = arrivals.graph(0).blocks.map(({ id }) => arrivals.partition({ program: 0, block: id }));
  return (request) => {
    const bit = bitOfRequest(request);
    const way: Way = {};
    partitions.forEach(({ allowed, denied, undecided }, block) => {
      if (manager.evaluate(allowed, bit)) way[block] = 'allow';
      if (manager.evaluate(denied, bit)) way[block] = 'deny';
      if (undecided.some(({ region }) => manager.evaluate(region, bit))) way[block] = 'undecided';
    });
    return way;
  };
}

function interpretedWay(program: Program, environment: ProgramEnvironment, request: DeviceRequest, of: Arrivals): Way {
  const result = interpret(program, environment, request, { recordPath: true });
  if (result.outcome !== 'return') throw new Error(result.reason);
  const { blocks, blockOfPosition } = of.graph(0);
  const positions = result.trace.path.map((each) => program.positionOfSlot[each] ?? -1);
  const entered = positions
    .map((position) => blocks[blockOfPosition[position] ?? -1])
    .filter((block, i) => block?.first === positions[i]);
  return Object.fromEntries(entered.map((block) => [block?.id, result.r0 === 0n ? 'deny' : 'allow'])) as Way;
}

describe('arrivals', () => {
  const captures = readCaptures().flatMap(({ name, programs, verdicts }) =>
    programs.map(({ bytes, environment }) => ({
      name,
      bytes,
      environment,
      requests: verdicts.map(({ request }) => request),
    })),
  );
  const random = readRandomPrograms()
    .slice(0, 12)
    .map(({ xlated, verdicts }, i) => ({
      name: `random ${String(i)}`,
      bytes: xlated,
      environment: NO_ENVIRONMENT,
      requests: verdicts.map(({ request }) => request as DeviceRequest),
    }));

  it.each([...captures, ...random].map((each) => [each.name, each] as const))('%s', (_name, each) => {
    const program = decode(each.bytes, 'little');
    const arrivals = new Evaluator(new BddManager()).arrivals(program, each.environment);
    expect(arrivals.abandoned).toEqual([]);
    const asked = each.requests.slice(0, 60);
    expect(asked.length).toBeGreaterThan(20);
    const wayOf = waysThrough(arrivals);
    for (const request of asked)
      expect(wayOf(request)).toEqual(interpretedWay(program, each.environment, request, arrivals));
  });

  it('tells requests that go on from those that stop', () => {
    const program = programOf([
      slot(OP.ldw, { dst: 2, src: 1, off: 4 }), // block 0
      slot(OP.jeq, { dst: 2, imm: 7, off: 2 }),
      mov(0, 0), // block 1
      EXIT,
      mov(0, 1), // block 2
      EXIT,
    ]);
    const arrivals = new Evaluator(new BddManager()).arrivals(program, NO_ENVIRONMENT);
    const stops = arrivals.partition({ program: 0, block: 0 }, { program: 0, block: 2 });
    expect(stops.allowed).toBe(arrivals.partition({ program: 0, block: 1 }).allowed);
    expect(stops.denied).toBe(arrivals.partition({ program: 0, block: 1 }).denied);
  });

  it('a verdict that depends on the caller is undecided before the comparison and decided behind it', () => {
    const program = programOf([helper(5), slot(OP.jeq, { dst: 0, imm: 0, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]);
    const arrivals = new Evaluator(new BddManager()).arrivals(
      program,
      environmentWith({ helpers: new Map([[5, 'bpf_get_current_uid_gid']]) }),
    );
    const [first, denies, allows] = [0, 1, 2].map((block) => arrivals.partition({ program: 0, block }));
    expect(first).toMatchObject({
      allowed: 1,
      denied: 1,
      undecided: [{ region: 0, reason: 'depends:gid,depends:uid' }],
    });
    expect(denies).toEqual({ allowed: 1, denied: 0, undecided: [] });
    expect(allows).toEqual({ allowed: 0, denied: 1, undecided: [] });
  });
});

const loadMajor = slot(OP.ldw, { dst: 2, src: 1, off: 4 });
const allOf = (m: BddManager, ...variables: number[]): number =>
  m.andAll(variables.map((variable) => m.variable(variable)));
const nothing = { allowed: FALSE, denied: FALSE, undecided: [] };

describe('a conditional jump that is watched', () => {
  const countsTo = (count: number): Program =>
    programOf([
      mov(2, 0), // 0
      slot(OP.add, { dst: 2, imm: 1 }), // 1
      slot(OP.jne, { dst: 2, imm: count, off: -2 }), // 2
      mov(0, 1),
      EXIT,
    ]);
  it('tells of each time it was executed, in order', () => {
    const { partings } = new Evaluator(new BddManager()).arrivals(countsTo(3), NO_ENVIRONMENT, 2);
    expect(partings).toEqual([
      { taken: TRUE, rest: FALSE },
      { taken: TRUE, rest: FALSE },
      { taken: FALSE, rest: TRUE },
    ]);
  });
  it('tells which requests jumped', () => {
    const program = programOf([loadMajor, slot(OP.jeq, { dst: 2, imm: 7, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]);
    const arrivals = new Evaluator(new BddManager()).arrivals(program, NO_ENVIRONMENT, 1);
    expect(arrivals.watched).toBe(1);
    expect(arrivals.partings).toEqual([{ taken: arrivals.verdict, rest: arrivals.verdict ^ 1 }]);
  });
  it('is no other, nor one of a program that a tail call leads to', () => {
    const target = { program: countsTo(3), environment: NO_ENVIRONMENT };
    const table = mapWith({ id: 3, type: 'prog_array', entries: new Map([[hexKey(0), words(41)]]) });
    const environment = environmentWith({ maps: new Map([[3, table]]), programs: new Map([[41, target]]) });
    const program = programOf([reference(2, 1, 3), mov(3, 0), tailCallInstruction, mov(0, 0), EXIT]);
    const arrivals = new Evaluator(new BddManager()).arrivals(program, environment, 2);
    expect(arrivals.programs).toEqual([program, target.program]);
    expect(arrivals.partings).toEqual([]);
    expect(new Evaluator(new BddManager()).arrivals(countsTo(3), NO_ENVIRONMENT, 1).partings).toEqual([]);
    expect(new Evaluator(new BddManager()).arrivals(countsTo(3), NO_ENVIRONMENT).partings).toEqual([]);
    // The program that was called, block by block; the other ends where it calls.
    const whole = { allowed: TRUE, denied: FALSE, undecided: [] };
    const ofTarget = arrivals.graph(1).blocks.map(({ id }) => arrivals.partition({ program: 1, block: id }));
    expect(ofTarget).toEqual([whole, whole, whole]);
    expect(arrivals.partition({ program: 0, block: 0 })).toEqual(whole);
    expect(arrivals.partition({ program: 2, block: 0 })).toEqual(nothing);
  });
});

describe('requests that are given up', () => {
  const environment = environmentWith({ kernelRelease: '5.10.0' });
  it('stop in the block they had come to', () => {
    const program = programOf([
      loadMajor, // block 0
      slot(OP.jeq, { dst: 2, imm: 7, off: 2 }),
      mov(0, 1), // block 1
      EXIT,
      mov(1, 0), // block 2
      slot(OP.call, { src: 2, imm: 0 }),
      mov(0, 0),
      EXIT,
    ]);
    const arrivals = new Evaluator(new BddManager()).arrivals(program, environment);
    const [stop, ...more] = arrivals.abandoned;
    expect(more).toEqual([]);
    expect(stop).toMatchObject({ at: { program: 0, block: 2 }, reason: 'kfunc:unresolved' });
    const there = arrivals.partition({ program: 0, block: 2 });
    expect(there).toEqual({ ...nothing, undecided: [{ region: stop!.region, reason: 'kfunc:unresolved' }] });
    expect(arrivals.partition({ program: 0, block: 1 })).toEqual({ ...nothing, allowed: stop!.region ^ 1 });
  });
  it('stop nowhere that is known where a limit of the whole is reached, or nothing was begun', () => {
    const endless = programOf([loadMajor, slot(OP.ja, { off: -1 }), mov(0, 1), EXIT]);
    const { abandoned } = new Evaluator(new BddManager(), { instructions: 50 }).arrivals(endless, environment);
    expect(abandoned.map(({ at, reason }) => [at, reason])).toEqual([[null, 'budget']]);
    const replaced = new Evaluator(new BddManager()).arrivals(endless, environmentWith({ freplaced: 'yes' }));
    expect(replaced.abandoned).toEqual([{ at: null, region: TRUE, reason: 'freplace' }]);
  });
});

describe('which requests come to a block', () => {
  it('is as for the only program of a list, which finds a return value of 0', () => {
    const environment = environmentWith({ helpers: new Map([[1, 'bpf_get_retval']]), kernelRelease: '6.12.0' });
    const program = programOf([helper(1), slot(OP.jeq, { dst: 0, imm: 0, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]);
    const arrivals = new Evaluator(new BddManager()).arrivals(program, environment);
    const whole = { allowed: TRUE, denied: FALSE, undecided: [] };
    expect([0, 1, 2].map((block) => arrivals.partition({ program: 0, block }))).toEqual([whole, nothing, whole]);
  });

  /** Arrivals that are told of by hand, of a program that allows what `returned` says. */
  function told(budget: { nodes: number; steps: number }, change: Partial<Machine> = {}) {
    const manager = new BddManager();
    const program = programOf([mov(0, 1), EXIT]);
    const machine = new Machine(manager, new Inputs(manager), program, NO_ENVIRONMENT, 'test');
    const arrivals = new Arrivals(
      Object.defineProperties(machine, Object.getOwnPropertyDescriptors(change)),
      budget,
      null,
    );
    return { manager, machine, arrivals };
  }
  const plenty = { nodes: 1000, steps: 1000 };

  it('for some inputs, or for all', () => {
    const { manager: m, machine, arrivals } = told(plenty);
    // The first variable of all inputs.
    const input = machine.inputs.word('x', 'depends:x')[63]!;
    const [a, b, c] = [m.variable(1), m.variable(2), m.variable(3)];
    // Come: where b, or a and the input. Allowed: where c.
    arrivals.arrive(0, 0, m.and(a, input));
    arrivals.arrive(0, 0, b);
    arrivals.arrive(0, 1, TRUE);
    machine.finish(TRUE, c, null);
    const come = m.or(a, b);
    expect(arrivals.partition({ program: 0, block: 0 })).toEqual({
      allowed: m.and(come, c),
      denied: m.difference(come, c),
      undecided: [],
    });
    const nowhere = { program: 0, block: 7 };
    expect(arrivals.partition({ program: 0, block: 0 }, nowhere)).toEqual(arrivals.partition({ program: 0, block: 0 }));
    expect(arrivals.forSomeInputs(m.and(a, input))).toBe(a);
    expect(arrivals.forSomeInputs(allOf(m, 1, 2))).toBe(allOf(m, 1, 2));
  });
  it('by the verdict that depends on inputs', () => {
    const { manager: m, machine, arrivals } = told(plenty);
    const [x, y] = ['x', 'y'].map((name) => machine.inputs.word(name, `depends:${name}`)[0]!);
    arrivals.arrive(0, 0, m.variable(1));
    machine.finish(TRUE, m.or(m.and(x!, y!), m.variable(2)), null);
    expect(arrivals.partition({ program: 0, block: 0 })).toEqual({
      allowed: m.and(m.variable(1), m.variable(2)),
      denied: FALSE,
      undecided: [{ region: m.difference(m.variable(1), m.variable(2)), reason: 'depends:x,depends:y' }],
    });
  });
  it('is not known where that is too much to work out', () => {
    const { manager: m, machine, arrivals } = told({ nodes: 0, steps: 0 });
    const region = m.and(machine.inputs.word('x', 'depends:x')[0]!, m.variable(2));
    arrivals.arrive(0, 0, region);
    expect(arrivals.partition({ program: 0, block: 0 })).toEqual({
      ...nothing,
      undecided: [{ region: TRUE, reason: 'budget' }],
    });
    expect(arrivals.forSomeInputs(region)).toBe(TRUE);
  });
  it('an error of ours is not taken for a limit', () => {
    const broken = {
      get returned(): number {
        throw new TypeError('of ours');
      },
    };
    expect(() => told(plenty, broken).arrivals.partition({ program: 0, block: 0 })).toThrow('of ours');
  });
});
