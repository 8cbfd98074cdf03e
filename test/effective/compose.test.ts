import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE } from '../../src/bdd/manager.js';
import { composeEffective, intersectPartitions, type EffectiveEntry } from '../../src/effective/compose.js';
import { modelCallSites } from '../../src/effective/compose-call-sites.js';
import { decide } from '../../src/effective/compose-decide.js';
import { v1Partition } from '../../src/effective/compose-v1.js';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import type { ProgramRecord } from '../../src/snapshot/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import type { Partition } from '../../src/symbolic/partition.js';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { environmentWith, programOf, verdictIn } from '../symbolic/agreement.js';
import { helper, OP } from '../symbolic/program-bytes.js';

const GET = -101;
const SET = -102;
const UID = -103;
const RANDOM = -104;
const HELPERS = new Map([
  [GET, 'bpf_get_retval'],
  [SET, 'bpf_set_retval'],
  [UID, 'bpf_get_current_uid_gid'],
  [RANDOM, 'bpf_get_prandom_u32'],
]);
const NEW = '6.12.0';
const OLD = '5.10.0';

function entry(parts: readonly Uint8Array[], changes: Partial<ProgramEnvironment> = {}): EffectiveEntry {
  const environment = environmentWith({ helpers: HELPERS, kernelRelease: NEW, ...changes });
  return { kind: 'program', id: 1, record: {} as ProgramRecord, program: programOf(parts), environment };
}
const returning = (value: 0 | 1): Uint8Array[] => [mov(0, value), EXIT];
const setting = (value: number, result: 0 | 1): Uint8Array[] => [mov(1, value), helper(SET), ...returning(result)];
const unreadable: EffectiveEntry = { kind: 'unreadable', id: 2, record: null, reason: 'unreadable' };
const deny = entry(returning(0));
const allow = entry(returning(1));
const undo = entry(setting(0, 1));
/** Denies by uid: unknown. */
const byUid = entry([helper(UID), slot(0x57, { dst: 0, imm: 1 }), EXIT]);

const REQUEST: DeviceRequest = { type: 'c', access: 2, major: 1, minor: 3 };

/** The verdict for every request alike, by diagram and by running the programs; "disagree" if these two differ. */
function verdict(entries: readonly EffectiveEntry[], kernelRelease: string = NEW): string {
  const evaluator = new Evaluator(new BddManager());
  const partition = composeEffective(evaluator, entries, kernelRelease);
  const whole = [partition.allowed, partition.denied, ...partition.undecided.map(({ region }) => region)];
  expect(whole.filter((region) => region !== FALSE)).toEqual([TRUE]);
  const symbolic = verdictIn(evaluator.manager, partition, REQUEST);
  const concrete = decide(entries, REQUEST, kernelRelease);
  return symbolic.startsWith(concrete.verdict) ? symbolic : `disagree: ${symbolic}, ${concrete.verdict}`;
}

describe('programs that leave retval alone', () => {
  it('all have to allow', () => {
    expect(verdict([])).toBe('allow');
    expect(verdict([allow, allow])).toBe('allow');
    expect(verdict([allow, deny])).toBe('deny');
    expect(verdict([deny, allow], OLD)).toBe('deny');
  });
  it('deny in spite of what is undecided, and allow together with it is undecided', () => {
    expect(verdict([byUid, deny])).toBe('deny');
    expect(verdict([deny, byUid])).toBe('deny');
    expect(verdict([allow, byUid])).toBe('undecided: depends:uid');
  });
  it('mean the same caller', () => {
    const otherwise = entry([helper(UID), slot(0x57, { dst: 0, imm: 1 }), slot(0xa7, { dst: 0, imm: 1 }), EXIT]);
    const evaluator = new Evaluator(new BddManager());
    expect(composeEffective(evaluator, [byUid, otherwise], NEW).denied).toBe(TRUE);
  });
  it('draw random numbers anew, also when the same program runs twice', () => {
    // Denies when it draws an even number; undoes a denial that it finds when it draws one. With one draw for both nothing would ever be denied.
    const fickle = [
      helper(GET),
      slot(OP.movReg, { dst: 6, src: 0 }),
      helper(RANDOM),
      slot(0x57, { dst: 0, imm: 1 }),
      slot(OP.jeq, { dst: 6, imm: 0, off: 4 }),
      slot(OP.jne, { dst: 0, imm: 0, off: 2 }),
      mov(1, 0),
      helper(SET),
      mov(0, 1),
      EXIT,
    ];
    expect(verdict([entry(fickle), entry(fickle)])).toBe('undecided: depends:random');
  });
});

// The table of results measured on Linux 6.1, 6.12 and 6.18 (sequence of programs, outcome of the operation).
describe('bpf_set_retval', () => {
  const errors = (value: number, result: 0 | 1): EffectiveEntry => entry(setting(value, result));
  it.each<[string, readonly EffectiveEntry[], string, number | null]>([
    ['deny', [deny], 'deny', 1],
    ['deny, undo', [deny, undo], 'allow', null],
    ['undo, deny', [undo, deny], 'deny', 1],
    ['undo that returns 0', [entry(setting(0, 0))], 'deny', 1],
    ['an error from a program that returns 1', [errors(-6, 1)], 'deny', 6],
    ['an error from a program that returns 0', [errors(-2, 0)], 'deny', 2],
    ['an error, then a denial: the error stays', [errors(-2, 0), deny], 'deny', 2],
    ['an error, then another', [errors(-2, 0), errors(-6, 1)], 'deny', 6],
    ['a positive number is passed on', [errors(5, 1)], 'deny', 5],
    ['a positive number, then a denial', [errors(5, 1), deny], 'deny', 1],
    ['a number below every errno is passed on', [errors(-5000, 1)], 'deny', 5000],
    ['a number below every errno, then a denial', [errors(-5000, 1), deny], 'deny', 1],
    ['deny, undo, deny', [deny, undo, deny], 'deny', 1],
    ['the largest errno is one', [errors(-4095, 0)], 'deny', 4095],
    ['the number after it is none', [errors(-4096, 0)], 'deny', 1],
  ])('%s', (_name, entries, expected, errno) => {
    expect(verdict(entries)).toBe(expected);
    expect(decide(entries, REQUEST, NEW).errno).toBe(errno);
  });
  it('lets a program read what was decided before it', () => {
    // Allows and undoes if the request was denied before with EPERM, else denies.
    const contrary = entry([
      helper(GET),
      slot(OP.jeq, { dst: 0, imm: -1, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(1, 0),
      helper(SET),
      mov(0, 1),
      EXIT,
    ]);
    expect(verdict([contrary])).toBe('deny');
    expect(verdict([deny, contrary])).toBe('allow');
    expect(verdict([deny, contrary, contrary])).toBe('deny');
    // r0 = 0 leaves an errno as it is, and makes EPERM of anything else.
    expect(verdict([errors(-4095, 0), contrary])).toBe('deny');
    expect(verdict([errors(-4096, 0), contrary])).toBe('allow');
    // 32 bits, sign-extended into the register.
    for (const value of [0x40000000, -0x40000001, 0x7fffffff, -0x80000000]) {
      const expecting = entry([
        helper(GET),
        slot(OP.jeq, { dst: 0, imm: value, off: 2 }),
        mov(0, 1),
        EXIT,
        mov(1, 0),
        helper(SET),
        mov(0, 1),
        EXIT,
      ]);
      expect(verdict([errors(value, 1), expecting])).toBe('allow');
    }
  });
  it('begins as 0, also for programs that only read it', () => {
    const agreeing = entry([helper(GET), slot(OP.jeq, { dst: 0, imm: 0, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]);
    expect(verdict([agreeing])).toBe('allow');
    expect(verdict([allow, agreeing, agreeing])).toBe('allow');
    expect(verdict([deny, undo, agreeing])).toBe('allow');
    expect(verdict([deny, agreeing, undo])).toBe('allow');
    expect(verdict([errors(5, 1), agreeing])).toBe('deny');
    const contrary = entry([helper(GET), slot(OP.jne, { dst: 0, imm: 0, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]);
    expect(verdict([contrary])).toBe('deny');
    expect(verdict([contrary, contrary])).toBe('deny');
  });
  it('may be what an unknown helper or an unread program calls, and is not on older kernels', () => {
    const hidden = (kernelRelease: string | null): EffectiveEntry =>
      entry([mov(1, 0), helper(0), mov(0, 1), EXIT], { kernelRelease });
    expect(verdict([deny, hidden(NEW)])).toBe('undecided: helper:unresolved');
    expect(verdict([hidden(NEW), deny])).toBe('deny');
    expect(verdict([deny, hidden(OLD)], OLD)).toBe('deny');
    expect(verdict([deny, unreadable])).toBe('undecided: unreadable');
    expect(verdict([unreadable, deny])).toBe('deny');
    expect(verdict([deny, unreadable], OLD)).toBe('deny');
    expect(verdict([allow, unreadable], OLD)).toBe('undecided: unreadable');
    expect(verdict([deny, entry(returning(1), { freplaced: 'yes' })])).toBe('undecided: freplace');
  });
});

describe('the deciding program', () => {
  it('is the first after which the request stays refused', () => {
    expect(decide([allow, deny, deny], REQUEST, NEW).deciding?.index).toBe(1);
    expect(decide([deny, undo, deny], REQUEST, NEW).deciding?.index).toBe(2);
    expect(decide([deny, undo], REQUEST, NEW).deciding).toBeNull();
  });
  it('comes with its exit and the last branch before it', () => {
    const program = entry([
      slot(OP.ldw, { dst: 2, src: 1, off: 4 }),
      slot(OP.jeq, { dst: 2, imm: 136, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ]);
    const { deciding } = decide([program], REQUEST, NEW);
    expect(deciding).toMatchObject({
      index: 0,
      exit: 3,
      lastBranch: { index: 1, taken: false, left: 1n, right: 136n },
    });
  });
});

describe('beside the programs', () => {
  const m = new BddManager();
  const everything: Partition = { allowed: TRUE, denied: FALSE, undecided: [] };
  const nothing: Partition = { allowed: FALSE, denied: TRUE, undecided: [] };
  const node = (type: 'b' | 'c', major: number, minor: number, access: number): DeviceRequest => ({
    type,
    major,
    minor,
    access,
  });

  it('the kernel asks about 0:0 only for mknod of a block device', () => {
    const asked = modelCallSites(m, nothing, NEW);
    expect(verdictIn(m, asked, node('b', 0, 0, 1))).toBe('deny');
    for (const request of [node('b', 0, 0, 2), node('c', 0, 0, 6), node('c', 0, 0, 0), node('c', 0, 0, 1)]) {
      expect(verdictIn(m, asked, request)).toBe('allow');
    }
    const askedAbout = (release: string | null): string[] =>
      (['b', 'c'] as const).flatMap((type) =>
        [0, 1, 2, 3, 4, 5, 6, 7]
          .filter((access) => verdictIn(m, modelCallSites(m, nothing, release), node(type, 0, 0, access)) === 'deny')
          .map((access) => `${type} ${String(access)}`),
      );
    for (const release of ['4.15.0', '5.4.0', '5.7.19']) expect(askedAbout(release)).toEqual(['b 1', 'c 1']);
    for (const release of ['5.8.0', '5.9.0', NEW, null]) expect(askedAbout(release)).toEqual(['b 1']);
    expect(verdictIn(m, asked, node('c', 0, 1, 2))).toBe('deny');
    const open: Partition = { allowed: FALSE, denied: FALSE, undecided: [{ region: TRUE, reason: 'x' }] };
    expect(verdictIn(m, modelCallSites(m, open, NEW), node('c', 0, 0, 2))).toBe('allow');
    expect(verdictIn(m, modelCallSites(m, open, NEW), node('c', 0, 1, 2))).toBe('undecided: x');
    const { allowed } = modelCallSites(m, nothing, NEW);
    const openThere: Partition = {
      allowed: FALSE,
      denied: m.not(allowed),
      undecided: [{ region: allowed, reason: 'x' }],
    };
    expect(modelCallSites(m, openThere, NEW).undecided).toEqual([]);
  });

  it('the root of v1 allows everything, and numbers that no device has match nothing', () => {
    expect(v1Partition(m, 'a *:* rwm\n', true)).toEqual({ allowed: TRUE, denied: FALSE, undecided: [] });
    const list = v1Partition(m, 'c 4096:0 rw\nc 8192:1 rw\nc 12288:2 rw\nb 1:1048576 rw\n', false);
    expect(list).toEqual({ allowed: FALSE, denied: TRUE, undecided: [] });
    const last = v1Partition(m, 'c 4095:1048575 r\n', false);
    expect(verdictIn(m, last, node('c', 4095, 1048575, 2))).toBe('allow');
    expect(verdictIn(m, last, node('c', 4094, 1048575, 2))).toBe('deny');
    expect(verdictIn(m, last, node('c', 4095, 1048574, 2))).toBe('deny');
  });

  it('a v1 list allows what one entry covers', () => {
    const list = v1Partition(m, 'c 1:3 rw\nb *:* m\nc 136:* r\nc 136:4 w\n', false);
    const allowed: DeviceRequest[] = [
      node('c', 1, 3, 6),
      node('c', 1, 3, 0),
      node('b', 8, 1, 1),
      node('c', 136, 9, 2),
      node('c', 136, 4, 4),
    ];
    const denied: DeviceRequest[] = [
      node('c', 1, 3, 1),
      node('c', 1, 4, 2),
      node('b', 8, 1, 2),
      node('c', 136, 9, 4),
      node('c', 136, 4, 6),
      node('c', 7, 7, 0),
    ];
    for (const request of allowed) expect(verdictIn(m, list, request)).toBe('allow');
    for (const request of denied) expect(verdictIn(m, list, request)).toBe('deny');
    expect(v1Partition(m, '', false).denied).toBe(TRUE);
  });
  it('a v1 list that allows by default hides its exceptions', () => {
    const hidden = v1Partition(m, 'a *:* rwm\n', false);
    for (const access of [1, 2, 4, 6])
      expect(verdictIn(m, hidden, node('c', 1, 3, access))).toBe('undecided: v1:hidden-denies');
    expect(verdictIn(m, hidden, node('c', 1, 3, 0))).toBe('allow');
    expect(v1Partition(m, 'a *:* rwm\n', true).allowed).toBe(TRUE);
    expect(verdictIn(m, v1Partition(m, 'c 1:3 rwm\nnonsense\n', false), node('c', 9, 9, 2))).toBe(
      'undecided: v1:unreadable',
    );
  });
  it('both controllers must allow', () => {
    const hidden = v1Partition(m, 'a *:* rwm\n', false);
    expect(intersectPartitions(m, nothing, hidden)).toEqual(nothing);
    expect(intersectPartitions(m, everything, hidden)).toEqual(hidden);
    const other: Partition = { allowed: FALSE, denied: FALSE, undecided: [{ region: TRUE, reason: 'depends:uid' }] };
    const both = intersectPartitions(m, other, hidden);
    expect(verdictIn(m, both, node('c', 1, 3, 0))).toBe('undecided: depends:uid');
    expect(verdictIn(m, both, node('c', 1, 3, 2))).toBe('undecided: depends:uid,v1:hidden-denies');
  });
});
