/** Ways that something unknown decides between: their limits, and what is left when they come together. */
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret, type InterpretOptions, type InterpretResult } from '../../../src/ebpf/interpreter/interpret.js';
import type { ProgramEnvironment } from '../../../src/ebpf/types.js';
import { EXIT, join, mov, slot } from '../bytes.js';
import { NO_ENVIRONMENT } from '../captures.js';

const [RANDOM, SET, UID_GID, TIME, CPU] = [1, 2, 3, 4, 5];
const ENVIRONMENT: ProgramEnvironment = {
  ...NO_ENVIRONMENT,
  helpers: new Map([
    [RANDOM, 'bpf_get_prandom_u32'],
    [SET, 'bpf_set_retval'],
    [UID_GID, 'bpf_get_current_uid_gid'],
    [TIME, 'bpf_ktime_get_ns'],
    [CPU, 'bpf_get_smp_processor_id'],
  ]),
};
const helper = (imm: number): Uint8Array => slot(0x85, { imm });
const run = (parts: readonly Uint8Array[], options: InterpretOptions = {}): InterpretResult =>
  interpret(decode(join(...parts), 'little'), ENVIRONMENT, { type: 'b', access: 1, major: 8, minor: 0 }, options);
const reason = (result: InterpretResult): string => (result.outcome === 'return' ? String(result.r0) : result.reason);
const returns = (r0: number): Uint8Array => join(mov(0, r0), EXIT);
/** Two ways that lead to the same place. */
const FLIP = join(helper(RANDOM), slot(0x15, { dst: 0, imm: 0, off: 0 }));
/** One way goes `off` slots further. */
const fork = (off: number): Uint8Array => join(helper(RANDOM), slot(0x15, { dst: 0, imm: 7, off }));

describe('a limit', () => {
  it('on steps is how many there may be', () => {
    expect([1, 2, 3].map((stepLimit) => reason(run([returns(1)], { stepLimit })))).toEqual(['steps', '1', '1']);
    expect(run([returns(1)], { stepLimit: 0 })).toMatchObject({ outcome: 'undecided', reasons: ['steps'] });
  });
  it('on paths is how many there may be', () => {
    const flips = (count: number): Uint8Array[] => [...Array.from({ length: count }, () => FLIP), returns(1)];
    const at = (count: number, pathLimit: number): string => reason(run(flips(count), { pathLimit }));
    expect([at(1, 1), at(1, 2), at(2, 3), at(2, 4)]).toEqual([
      'depends:random, steps',
      '1',
      'depends:random, steps',
      '1',
    ]);
    expect(at(0, 1)).toBe('1');
  });
  it('is 256 paths unless said otherwise', () => {
    const eight = Array.from({ length: 8 }, () => FLIP);
    expect(reason(run([...eight, returns(1)]))).toBe('1');
    expect(reason(run([fork(16), ...eight, returns(1)]))).toBe('depends:random, steps');
  });
});

describe('two ways', () => {
  const DECIDED = { outcome: 'return', r0: 1n };
  it('that end alike have the end of each', () => {
    const setMinusOne = join(mov(1, -1), helper(SET));
    expect(run([fork(4), setMinusOne, returns(1), setMinusOne, returns(1)])).toMatchObject({
      ...DECIDED,
      retval: -1,
      retvalReasons: [],
      usedRetval: true,
    });
  });
  it('of which one has asked for the result of the list have asked', () => {
    for (const parts of [
      [fork(4), mov(1, 0), helper(SET), returns(1), returns(1)],
      [fork(2), returns(1), mov(1, 0), helper(SET), returns(1)],
    ])
      expect(run(parts)).toMatchObject({ ...DECIDED, usedRetval: true, retval: 0 });
    expect(run([fork(2), returns(1), returns(1)])).toMatchObject({ ...DECIDED, usedRetval: false });
  });
  it('that set different results leave the result open', () => {
    const parts = [fork(4), mov(1, -1), helper(SET), returns(1), mov(1, -2), helper(SET), returns(1)];
    expect(run(parts)).toMatchObject({ ...DECIDED, retval: null, retvalReasons: ['depends:random'] });
  });
  it('that both leave it open have the reasons of both', () => {
    const setTo = (input: number): Uint8Array => join(helper(input), slot(0xbf, { dst: 1, src: 0 }), helper(SET));
    const parts = [fork(5), setTo(TIME), returns(1), setTo(CPU), returns(1)];
    expect(run(parts)).toMatchObject({
      ...DECIDED,
      retval: null,
      retvalReasons: ['depends:cpu', 'depends:random', 'depends:time'],
    });
  });
  it('that end differently are undecided for what decides, and for what stops each', () => {
    expect(run([fork(2), returns(0), returns(1)])).toMatchObject({
      outcome: 'undecided',
      reasons: ['depends:random'],
      reason: 'depends:random',
    });
    const stuck = join(helper(TIME), slot(0x57, { dst: 0, imm: 1 }), EXIT);
    for (const parts of [
      [fork(3), stuck, returns(1)],
      [fork(2), returns(1), stuck],
    ])
      expect(run(parts)).toMatchObject({ reasons: ['depends:random', 'depends:time'] });
  });
  it('depend on what each has read', () => {
    const ask = (imm: number): Uint8Array => join(helper(imm), returns(1));
    const caller = { timeNs: 5n, cpu: 1 };
    expect(run([fork(3), ask(TIME), ask(CPU)], { caller })).toMatchObject({ ...DECIDED, dependsOn: ['cpu', 'time'] });
    expect(run([fork(3), ask(CPU), ask(TIME)], { caller })).toMatchObject({ ...DECIDED, dependsOn: ['cpu', 'time'] });
  });
  it('go on each for itself', () => {
    // What one way stores the other does not see.
    const parts = [
      slot(0x7a, { dst: 10, off: -8, imm: 1 }), // 0
      fork(3), // 1, 2
      slot(0x79, { dst: 0, src: 10, off: -8 }), // 3
      EXIT, // 4
      mov(0, 0), // 5
      slot(0x7a, { dst: 10, off: -8, imm: 0 }), // 6
      slot(0x79, { dst: 0, src: 10, off: -8 }), // 7
      slot(0xa7, { dst: 0, imm: 1 }), // 8
      EXIT, // 9
    ];
    expect(run(parts)).toMatchObject(DECIDED);
  });
});

it('a program that is replaced has read nothing', () => {
  const result = interpret(
    decode(returns(1), 'little'),
    { ...ENVIRONMENT, freplaced: 'yes' },
    { type: 'b', access: 1, major: 8, minor: 0 },
  );
  expect(result).toEqual({
    outcome: 'undecided',
    reason: 'freplace',
    reasons: ['freplace'],
    usedRetval: false,
    dependsOn: [],
  });
});
it('the number of steps is that of the instructions that ran', () => {
  expect(run([mov(2, 0), returns(1)])).toMatchObject({ trace: { steps: 3, path: [] } });
});
