/** What an evaluation gives besides verdicts: which results are the same, what they cost, what is kept of large ones. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE } from '../../src/bdd/manager.js';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import { Evaluator, type EvaluationResult } from '../../src/symbolic/evaluate.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { bitOfRequest, environmentWith, mapWith, verdictIn } from './agreement.js';
import { hexKey, words } from './program-bytes.js';
import {
  ALLOW,
  arrayOf,
  call,
  DENY,
  EXIT,
  GRID,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  programOf,
  reference,
  set,
  type Row,
} from './transfer/judged.js';

const EVERYTHING = { allowed: FALSE, denied: FALSE };
const allowsAll = ({ allowed }: EvaluationResult): boolean => allowed === TRUE;
const deniesAll = ({ denied }: EvaluationResult): boolean => denied === TRUE;
const judge = (evaluator: Evaluator, rows: readonly Row[], environment = NO_ENVIRONMENT): EvaluationResult =>
  evaluator.evaluate(programOf(rows), environment);

describe('a program is evaluated again', () => {
  const value: Row[] = [...reference(4, 2, 7), [0x61, 0x45, 0, 0], ...isEqual(5, 30)];
  const holding = (number: number): ProgramEnvironment =>
    environmentWith({ maps: new Map([[7, arrayOf(7, [number])]]) });

  it('where a map holds something else', () => {
    const evaluator = new Evaluator(new BddManager());
    const [first, second] = [holding(30), holding(31)];
    expect(allowsAll(judge(evaluator, value, first))).toBe(true);
    expect(deniesAll(judge(evaluator, value, second))).toBe(true);
    expect(judge(evaluator, value, NO_ENVIRONMENT).undecided).toEqual([{ region: TRUE, reason: 'depends:map:7' }]);
    // The same map under another number is another.
    const map = first.maps.get(7)!;
    const elsewhere = judge(evaluator, value, environmentWith({ maps: new Map([[8, map]]) }));
    expect(elsewhere.undecided).toEqual([{ region: TRUE, reason: 'depends:map:7' }]);
    // Environments that hold the same map are the same.
    expect(judge(evaluator, value, environmentWith({ maps: new Map([[7, map]]) }))).toBe(
      judge(evaluator, value, first),
    );
  });
  it('where a number stands for another helper', () => {
    const evaluator = new Evaluator(new BddManager());
    const rows: Row[] = [call(9), [0x57, 0, 0, 1], EXIT];
    const reasons = [
      [9, 'bpf_get_current_uid_gid'] as const,
      [9, 'bpf_get_smp_processor_id'] as const,
      [8, 'bpf_ktime_get_ns'] as const,
    ].map((named) => judge(evaluator, rows, environmentWith({ helpers: new Map([named]) })).undecided[0]?.reason);
    expect(reasons).toEqual(['depends:uid', 'depends:cpu', 'helper:unresolved']);
  });
  it('where a tail call leads to another program', () => {
    const evaluator = new Evaluator(new BddManager());
    const rows: Row[] = [...reference(2, 1, 3), set(3, 0), call(12), ...DENY];
    const slots = mapWith({ id: 3, type: 'prog_array', entries: new Map([[hexKey(0), words(100)]]) });
    const leading = (target: readonly Row[]): ProgramEnvironment =>
      environmentWith({
        maps: new Map([[3, slots]]),
        programs: new Map([[100, { program: programOf(target), environment: NO_ENVIRONMENT }]]),
      });
    expect(judge(evaluator, rows, environmentWith({ maps: new Map([[3, slots]]) })).undecided[0]?.reason).toBe(
      'tail-call:3',
    );
    expect(allowsAll(judge(evaluator, rows, leading(ALLOW)))).toBe(true);
    expect(deniesAll(judge(evaluator, rows, leading(DENY)))).toBe(true);
  });
  it('where an extension program replaced part of it, or may have', () => {
    const evaluator = new Evaluator(new BddManager());
    expect(allowsAll(judge(evaluator, ALLOW))).toBe(true);
    for (const freplaced of ['yes', 'unknown'] as const) {
      const { undecided, cost } = judge(evaluator, ALLOW, environmentWith({ freplaced }));
      expect(undecided).toEqual([{ region: TRUE, reason: 'freplace' }]);
      expect(cost.instructions).toBe(0);
      const arrivals = evaluator.arrivals(programOf(ALLOW), environmentWith({ freplaced }));
      expect(arrivals.abandoned).toEqual([{ at: null, region: TRUE, reason: 'freplace' }]);
    }
  });
  it('in the other byte order', () => {
    const evaluator = new Evaluator(new BddManager());
    // Bytes that are the same from both ends: r1 = the context's first byte, 0 in big endian; if it is not, 257 instructions on, r0 = (-1) * (-1).
    const rows: Row[] = [
      [0x71, 0x11, 0, 0],
      [0x4d, 0x11, 0x0101, 0],
      ...Array.from({ length: 256 }, () => set(0, 0)),
      EXIT,
      set(0, -1),
      [0x2f, 0, 0, 0],
      EXIT,
    ];
    const [little, big] = [programOf(rows, 'little'), programOf(rows, 'big')];
    expect(little.bytes).toEqual(big.bytes);
    expect(allowsAll(evaluator.evaluate(little, NO_ENVIRONMENT))).toBe(true);
    expect(deniesAll(evaluator.evaluate(big, NO_ENVIRONMENT))).toBe(true);
  });
  it('on another kernel, and as another of its list', () => {
    const evaluator = new Evaluator(new BddManager());
    const rows: Row[] = [call(0), [0x57, 0, 0, 1], EXIT];
    const [old, later] = ['5.10.0', '6.12.0'].map(
      (kernelRelease) => judge(evaluator, rows, environmentWith({ kernelRelease })).outcome.retval,
    );
    expect([old === null, later === null]).toEqual([true, false]);
    const environment = environmentWith({ helpers: new Map([[9, 'bpf_get_prandom_u32']]) });
    const program = programOf([call(9), [0x57, 0, 0, 1], EXIT]);
    const [first, second] = [evaluator.evaluate(program, environment, 0), evaluator.evaluate(program, environment, 1)];
    expect(first.outcome.returnsNonZero).not.toBe(second.outcome.returnsNonZero);
    expect(evaluator.evaluate(program, environment, 0)).toBe(first);
    expect(evaluator.evaluate(program, environment)).toBe(first);
  });
});

describe('what an evaluation costs', () => {
  it('is counted: instructions, nodes, steps', () => {
    const manager = new BddManager();
    const evaluator = new Evaluator(manager);
    judge(evaluator, [LOAD_MINOR, ...isEqual(3, 7)]);
    const before = [manager.size, manager.steps];
    const { cost } = judge(evaluator, [LOAD_MAJOR, ...isEqual(2, 7)]);
    expect(cost.instructions).toBe(6);
    expect([cost.nodes, cost.steps]).toEqual([manager.size - before[0]!, manager.steps - before[1]!]);
    expect([cost.nodes > 0, cost.steps > 0]).toEqual([true, true]);
    judge(evaluator, [LOAD_MAJOR, ...isEqual(2, 7)]);
    expect(manager.size - before[0]!).toBe(cost.nodes);
  });
  it('is given back where it is much, and what was found stays', () => {
    const manager = new BddManager();
    const evaluator = new Evaluator(manager);
    const bits = (major: number, minor: number): number => ((major * (minor & 127)) >> 6) & 255;
    const environment = environmentWith({
      kernelRelease: '6.12.0',
      helpers: new Map([
        [7, 'bpf_get_current_uid_gid'],
        [8, 'bpf_get_smp_processor_id'],
        [9, 'bpf_set_retval'],
      ]),
    });
    // Some bits of a product decide, but for reading: there it is the uid, for block devices the CPU.
    const asked: Row[] = [
      [0x61, 0x14, 0, 0],
      [0x45, 4, 1, 0x20000],
      [0x05, 0, 6, 0],
      [0x45, 4, 2, 2],
      call(8),
      [0x05, 0, 1, 0],
      call(7),
      [0x57, 0, 0, 1],
      EXIT,
    ];
    const { cost, ...result } = judge(
      evaluator,
      [
        ...asked,
        LOAD_MAJOR,
        LOAD_MINOR,
        [0x57, 3, 0, 127],
        [0x2f, 0x32, 0, 0],
        [0x77, 2, 0, 6],
        [0x57, 2, 0, 255],
        [0x25, 2, 3, 100],
        set(1, -13),
        call(9),
        [0x05, 0, 0, 0],
        set(0, 1),
        EXIT,
      ],
      environment,
    );
    expect(manager.size).toBeLessThan(cost.nodes);
    const again = evaluator.verdictOf([result.outcome]);
    expect(again).toEqual({ allowed: result.allowed, denied: result.denied, undecided: result.undecided });
    for (const request of GRID.flatMap((each) => [1, 2, 4].map((access) => ({ ...each, access })))) {
      const { type, access, major, minor } = request;
      const isHigh = bits(major, minor) > 100;
      const reason = type === 'c' ? 'depends:uid' : 'depends:cpu';
      expect(verdictIn(manager, result, request)).toBe(
        access === 2 ? `undecided: ${reason}` : isHigh ? 'allow' : 'deny',
      );
      if (isHigh || access === 2) continue;
      const retval = result.outcome.retval!.map((bit) => (manager.evaluate(bit, bitOfRequest(request)) ? 1 : 0));
      expect(retval).toEqual(Array.from({ length: 32 }, (_, bit) => (-13 >>> bit) & 1));
    }
  });
  it('may be limited by the clock: enough time changes nothing', () => {
    const evaluator = new Evaluator(new BddManager(), { milliseconds: 60_000 });
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, [0x1d, 0x32, 2, 0], ...DENY, ...ALLOW];
    expect(judge(evaluator, rows).undecided).toEqual([]);
    expect(evaluator.arrivals(programOf(rows), NO_ENVIRONMENT).abandoned).toEqual([]);
  });
});

describe('programs of a list', () => {
  it('of which nothing is known may answer anything, and set the return value where there is one', () => {
    const evaluator = new Evaluator(new BddManager());
    const deny = judge(evaluator, DENY).outcome;
    for (const maySet of [false, true]) {
      const unknown = evaluator.unknownOutcome('unread', 'unread', maySet);
      expect(unknown.retval?.length ?? null).toBe(maySet ? 32 : null);
      expect(evaluator.verdictOf([unknown])).toEqual({
        ...EVERYTHING,
        undecided: [{ region: TRUE, reason: 'unread' }],
      });
      expect(evaluator.verdictOf([unknown, deny]).denied).toBe(TRUE);
      // One that was refused before is let through by one that sets the return value to 0.
      expect(evaluator.verdictOf([deny, unknown]).denied).toBe(maySet ? FALSE : TRUE);
    }
  });
  it('that are given up may have set the return value, on kernels that can', () => {
    const rows: Row[] = [[0x85, 0x20, 0, 9], EXIT];
    for (const [kernelRelease, isDenied] of [
      ['5.10.0', true],
      ['6.12.0', false],
      [null, false],
    ] as const) {
      const evaluator = new Evaluator(new BddManager());
      const outcomes = [DENY, rows].map((each) => judge(evaluator, each, environmentWith({ kernelRelease })).outcome);
      expect(evaluator.verdictOf(outcomes).denied === TRUE).toBe(isDenied);
    }
  });
  it('are undecided where that is too much to work out', () => {
    const evaluator = new Evaluator(new BddManager(), { steps: 2_000 });
    const outcomes = [...Array(12).keys()].map(
      (bit) =>
        judge(evaluator, [LOAD_MAJOR, [0x45, 2, 2, 1 << bit], LOAD_MINOR, [0x45, 3, 2, 1 << bit], ...DENY, ...ALLOW])
          .outcome,
    );
    const tight = new Evaluator(evaluator.manager, { steps: 5 });
    expect(tight.verdictOf(outcomes)).toEqual({ ...EVERYTHING, undecided: [{ region: TRUE, reason: 'budget' }] });
    expect(evaluator.verdictOf(outcomes).undecided).toEqual([]);
  });
});

describe('an evaluation that reaches a limit', () => {
  it('keeps what was finished by then', () => {
    const evaluator = new Evaluator(new BddManager(), { steps: 60_000 });
    // Major 1 is allowed; for others some bits of a product of both numbers decide.
    const result = judge(evaluator, [
      LOAD_MAJOR,
      LOAD_MINOR,
      [0x55, 2, 2, 1],
      ...ALLOW,
      [0x2c, 0x32, 0, 0],
      [0x24, 2, 0, -1640531535],
      [0x74, 2, 0, 20],
      ...isEqual(2, 77),
    ]);
    for (const request of GRID)
      expect(verdictIn(evaluator.manager, result, request)).toBe(request.major === 1 ? 'allow' : 'undecided: budget');
  });
  it('or the depth of the stack is undecided, in whole and block by block', () => {
    // Each of many questions for the time, 64 variables each, is an end of its own.
    const question: Row[] = [call(9), [0x15, 0, 2, 0], ...ALLOW];
    const program = programOf([...Array.from({ length: 200 }, () => question).flat(), ...DENY]);
    const environment = environmentWith({ helpers: new Map([[9, 'bpf_ktime_get_ns']]), kernelRelease: '6.12.0' });
    const evaluator = new Evaluator(new BddManager(), { nodes: 2_000_000, steps: 4_000_000 });
    const { undecided } = evaluator.evaluate(program, environment);
    expect(undecided).toEqual([{ region: TRUE, reason: 'budget' }]);
    const arrivals = evaluator.arrivals(program, environment);
    for (const { id } of arrivals.graph(0).blocks.slice(0, 2)) {
      const { allowed, denied } = arrivals.partition({ program: 0, block: id });
      expect([allowed, denied]).toEqual([FALSE, FALSE]);
    }
  });
});
