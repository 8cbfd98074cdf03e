/** What limits of one instruction and of the whole evaluation leave undecided, and what stays. */
import { describe, expect, it } from 'vitest';
import { BddBudgetError, BddManager, FALSE, TRUE } from '../../src/bdd/manager.js';
import { Engine } from '../../src/symbolic/engine.js';
import { Inputs } from '../../src/symbolic/inputs.js';
import { DEFAULT_LIMITS, type EvaluationLimits } from '../../src/symbolic/limits.js';
import { Machine } from '../../src/symbolic/machine.js';
import { joinReasons } from '../../src/symbolic/partition.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { bitOfRequest, environmentWith, mapWith } from './agreement.js';
import { hexKey, words } from './program-bytes.js';
import {
  ALLOW,
  DENY,
  EXIT,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  programOf,
  reference,
  set,
  type Row,
} from './transfer/judged.js';

const jumpBy = (distance: number): Row => [0x05, 0, distance, 0];
const otherwise = (register: number, immediate: number, distance: number): Row => [0x55, register, distance, immediate];

/** A program on a machine of its own, to be run under limits. */
function engineOf(rows: readonly Row[], limits: Partial<EvaluationLimits> = {}, environment = NO_ENVIRONMENT) {
  const manager = new BddManager();
  const machine = new Machine(manager, new Inputs(manager), programOf(rows), environment, 'test');
  return { manager, machine, engine: new Engine(machine, { ...DEFAULT_LIMITS, ...limits }) };
}

/** Diagrams of fewer nodes than an unknown number has bits. */
const TINY: Partial<EvaluationLimits> = { instructionNodes: 40 };

/** Verdict by request of what is finished: "allow", "deny", or the reasons for which it is not known. */
function verdicts({ machine, manager }: ReturnType<typeof engineOf>) {
  return (major: number, minor: number): string => {
    const bit = bitOfRequest({ type: 'c', access: 2, major, minor });
    const fixed = new Map(Array.from({ length: 36 }, (_, v) => [v, bit(v) ? TRUE : FALSE]));
    if (manager.substitute(machine.finished, fixed) !== TRUE) return 'unfinished';
    const returned = manager.substitute(machine.returned, fixed);
    if (returned === TRUE || returned === FALSE) return returned === TRUE ? 'allow' : 'deny';
    return joinReasons(machine.inputs.reasonsIn([returned]));
  };
}

describe('an instruction that costs too much', () => {
  /** The instruction makes an unknown number of a pointer, in r4; minor 5 does not look at it. */
  const spoiling = (...instructions: Row[]): Row[] => [
    LOAD_MINOR,
    ...instructions,
    otherwise(3, 5, 2),
    ...ALLOW,
    ...isEqual(4, 1),
  ];
  const judge = (rows: readonly Row[]) => {
    const found = engineOf(rows, TINY);
    found.engine.run();
    return verdicts(found);
  };

  it('has an unknown result, and only what looks at it is undecided', () => {
    const plain: [string, Row[]][] = [
      ['multiplication', [move(4, 1), [0x27, 4, 0, 3]]],
      ['sign extension', [[0xbf, 0x14, 32, 0]]],
      ['load', [[0x79, 0xa4, -8, 0]]],
    ];
    for (const [what, rows] of plain) {
      const verdict = judge(spoiling(...rows));
      expect([what, verdict(1, 5), verdict(1, 6)]).toEqual([what, 'allow', 'budget']);
    }
  });
  it('leaves limits that are small already as they were', () => {
    const found = engineOf(spoiling([0x79, 0xa4, -8, 0], [0x79, 0xa4, -16, 0]), TINY);
    found.engine.run();
    expect(verdicts(found)(1, 6)).toBe('budget');
  });
  it('and changes more than a register ends the run there', () => {
    const others: [string, Row[]][] = [
      ['byte order', [move(4, 1), [0xdc, 4, 0, 32]]],
      ['store', [[0x7a, 10, -8, 0], [0x63, 0x1a, -8, 0], set(4, 1)]],
      ['atomic operation', [[0x7b, 0x1a, -8, 0], set(4, 0), [0xdb, 0x4a, -8, 0]]],
    ];
    for (const [what, rows] of others) {
      const verdict = judge(spoiling(...rows));
      expect([what, verdict(1, 5), verdict(1, 6)]).toEqual([what, 'budget', 'budget']);
    }
  });
});

/** r2 = some bits of the product of both numbers: its diagram is far too large for small limits. */
const PRODUCT: readonly Row[] = [
  [0x2c, 0x32, 0, 0],
  [0x24, 2, 0, -1640531535],
  [0x74, 2, 0, 20],
];

describe('a branch on what costs too much', () => {
  it('goes both ways, and changes nothing for those that went another way before', () => {
    const rows: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      otherwise(2, 1, 2),
      ...DENY,
      ...PRODUCT,
      [0x15, 2, 2, 77],
      ...ALLOW,
      ...DENY,
    ];
    const found = engineOf(rows, { instructionNodes: 20_000 });
    found.engine.run();
    const verdict = verdicts(found);
    expect([verdict(1, 5), verdict(2, 5)]).toEqual(['deny', 'budget']);
  });
  it('is told with what else it depends on, in either operand', () => {
    const environment = environmentWith({ helpers: new Map([[1, 'bpf_get_current_uid_gid']]) });
    for (const compared of [
      [0x1d, 0x72, 2, 0],
      [0x1d, 0x27, 2, 0],
    ] as const) {
      const rows: Row[] = [move(6, 1), [0x85, 0, 0, 1], move(7, 0), move(1, 6), LOAD_MAJOR, LOAD_MINOR];
      const found = engineOf(
        [...rows, [0x0f, 0x32, 0, 0], compared, ...DENY, ...ALLOW],
        { instructionSteps: 40 },
        environment,
      );
      found.engine.run();
      expect(verdicts(found)(2, 5)).toBe('budget,depends:gid,depends:uid');
    }
  });
});

describe('limits of the whole evaluation', () => {
  const late: Row[] = [
    LOAD_MAJOR,
    LOAD_MINOR,
    otherwise(2, 1, 2),
    ...ALLOW,
    ...PRODUCT,
    [0x15, 2, 2, 77],
    ...ALLOW,
    ...DENY,
  ];
  it.each([{ nodes: 20_000 }, { steps: 60_000 }])('end it at once, and what is finished stays: %j', (budget) => {
    const found = engineOf(late);
    expect(() => {
      found.manager.withBudget(budget, () => {
        found.engine.run();
      });
    }).toThrow(BddBudgetError);
    // The comparison is what needs the product.
    expect(found.engine.executed).toBe(9);
    const verdict = verdicts(found);
    expect([verdict(1, 5), verdict(2, 5)]).toEqual(['allow', 'unfinished']);
  });
  it('count instructions: all of them may be used', () => {
    for (const [instructions, verdict] of [
      [4, 'deny'],
      [3, 'budget'],
    ] as const) {
      const found = engineOf([LOAD_MAJOR, set(0, 0), set(0, 0), EXIT], { instructions });
      if (instructions === 4) found.engine.run();
      else
        expect(() => {
          found.engine.run();
        }).toThrow(BddBudgetError);
      expect(verdicts(found)(7, 1)).toBe(verdict);
    }
  });
  it('stop a loop without end, and then give what waits for it another turn, but not more than twice the limit', () => {
    const loop = jumpBy(-1);
    const rows: Row[] = [
      LOAD_MAJOR,
      [0x15, 2, 3, 1],
      [0x15, 2, 3, 2],
      [0x15, 2, 3, 3],
      jumpBy(3),
      loop,
      loop,
      loop,
      ...ALLOW,
    ];
    const left = 'unfinished';
    for (const [instructions, executed, answers] of [
      [9, 10, ['budget', left, left, left]],
      [10, 21, ['budget', 'budget', left, left]],
      [20, 41, ['budget', 'budget', 'budget', left]],
      [30, 53, ['budget', 'budget', 'budget', 'allow']],
    ] as const) {
      const found = engineOf(rows, { instructions });
      if (instructions === 30) found.engine.run();
      else
        expect(() => {
          found.engine.run();
        }).toThrow(BddBudgetError);
      expect(found.engine.executed).toBe(executed);
      expect([1, 2, 3, 4].map((major) => verdicts(found)(major, 1))).toEqual(answers);
    }
  });
});

describe('ways that meet', () => {
  it('are followed once from there on', () => {
    // Thirty times one way or the other, by a bit of the numbers; r4 counts.
    const diamonds = Array.from({ length: 30 }, (_, i): Row[] => [
      [0x45, i < 12 ? 2 : 3, 1, 1 << (i < 12 ? i : i - 12)],
      [0x07, 4, 0, 1],
    ]).flat();
    const rows: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      set(4, 0),
      ...diamonds,
      [0xb7, 0, 0, 0],
      [0x55, 4, 1, 30],
      set(0, 1),
      EXIT,
    ];
    const found = engineOf(rows);
    found.engine.run();
    expect(found.engine.executed).toBe(rows.length);
    expect([verdicts(found)(0, 0), verdicts(found)(0, 1)]).toEqual(['allow', 'deny']);
  });
  it('and cannot be followed as one for their size: the later one ends there', () => {
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, otherwise(2, 7, 1), set(3, 5), ...isEqual(3, 5)];
    const found = engineOf(rows, { instructionNodes: 100 });
    found.engine.run();
    const verdict = verdicts(found);
    expect([verdict(7, 6), verdict(8, 5), verdict(8, 6)]).toEqual(['budget', 'allow', 'deny']);
  });
});

describe('a store to one of very many places', () => {
  /** For major 7 the minor's low bits, as many as `mask` has, say where in a map 1 is stored. */
  const storing = (mask: number): Row[] => [
    LOAD_MAJOR,
    LOAD_MINOR,
    otherwise(2, 7, 6),
    [0x57, 3, 0, mask],
    [0x67, 3, 0, 3],
    ...reference(4, 2, 7),
    [0x0f, 0x34, 0, 0],
    [0x7a, 4, 0, 1],
  ];
  const entries = new Map([[hexKey(4096), words(5)]]);
  const environment = environmentWith({
    maps: new Map([[7, mapWith({ id: 7, type: 'array', maxEntries: 8192, entries })]]),
  });
  const reading: Row[] = [...reference(4, 2, 7, 8 * 4096), [0x61, 0x45, 0, 0], ...isEqual(5, 5)];

  it('leaves undecided what depends on the values of maps only', () => {
    expectVerdicts([...storing(8191), ...ALLOW], () => true, { environment });
    expectVerdicts([...storing(8191), ...reading], ({ major }) => (major === 7 ? 'kernel-memory' : true), {
      environment,
      evaluatorOnly: true,
    });
  });
  it('is followed where they are few enough', () => {
    expectVerdicts([...storing(4095), ...reading], () => true, { environment });
  });
  it('on the stack leaves undecided those that come to it: what is there may be an address', () => {
    // fp - 8 + a number of which the evaluator knows too little.
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, otherwise(2, 7, 3), move(4, 10), [0x0f, 0x34, 0, 0], [0x7a, 4, 0, 1]];
    expectVerdicts([...rows, ...ALLOW], ({ major }) => (major === 7 ? 'budget' : true), { evaluatorOnly: true });
  });
});
