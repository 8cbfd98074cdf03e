/** The parts of the prediction of a reload, each by itself. */
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { emptyProgram, emptySnapshot } from '../../src/collect/empty.js';
import { ProgramLoader } from '../../src/effective/compose-programs.js';
import { pendingEvent } from '../../src/effective/pending-event.js';
import { systemdPrograms } from '../../src/effective/pending-identify.js';
import { pendingLevels } from '../../src/effective/pending-levels.js';
import { isOfInnerManager } from '../../src/effective/pending-manager.js';
import { canAttachMulti, runOrder } from '../../src/effective/pending-order.js';
import { pinReadings, pinsOfHost } from '../../src/effective/pending-pins.js';
import { removalOfProgram } from '../../src/effective/pending-removal.js';
import type { PendingBasis, PendingLevel, PendingProgram } from '../../src/effective/pending-types.js';
import { isUnread, withUnknown } from '../../src/effective/pending-unread.js';
import { systemdHost } from '../../src/intent/systemd-compile.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import type { CgroupRecord, Snapshot, UnitRecord } from '../../src/snapshot/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { EXIT, join, mov, slot } from '../ebpf/bytes.js';

const [NONE, OVERRIDE, MULTI] = [0, 1, 2];
const space = new DeviceSpace(new BddManager());
function program(id: number, more: Partial<PendingProgram> = {}): PendingProgram {
  const partition = { allowed: space.everything.ref, denied: space.nothing.ref, undecided: [] };
  return { id, name: '', entry: { kind: 'partition', partition }, allowed: null, preorder: false, ...more };
}
const level = (cgroup: string, flags: number, ...programs: PendingProgram[]): PendingLevel => ({
  cgroup,
  flags,
  programs,
});
const ids = (programs: readonly PendingProgram[]): number[] => programs.map(({ id }) => id);

// kernel/bpf/cgroup.c, compute_effective_progs; run on Linux 5.10 to 7.2.
describe('the run order', () => {
  const early = (id: number): PendingProgram => program(id, { preorder: true });
  it.each<[string, PendingLevel[], number[]]>([
    ['the nearest level, whatever its flags', [level('/a', NONE, program(1))], [1]],
    ['a level without programs is none', [level('/a/b', MULTI), level('/a', OVERRIDE, program(1))], [1]],
    [
      'above it only levels that allow several',
      [level('/a/b', OVERRIDE, program(3)), level('/a', OVERRIDE, program(2)), level('/', MULTI, program(1))],
      [3, 1],
    ],
    [
      'a level nobody could read adds none',
      [{ ...level('/a', MULTI), programs: null }, level('/', NONE, program(1))],
      [1],
    ],
    [
      'those of the root first that run early',
      [level('/a', MULTI, program(5), early(4), early(3)), level('/', MULTI, early(2), program(1))],
      [2, 4, 3, 5, 1],
    ],
  ])('%s', (_, levels, order) => {
    expect(ids(runOrder(levels))).toEqual(order);
  });
});

// kernel/bpf/cgroup.c, hierarchy_allows_attach.
describe('a program of systemd’s own', () => {
  const leaving = (...gone: number[]): ReadonlySet<number> => new Set(gone);
  it.each<[string, PendingLevel, PendingLevel[], ReadonlySet<number>, boolean]>([
    ['fits where nothing is', level('/a', NONE), [], leaving(), true],
    ['fits beside one that allows others', level('/a', MULTI, program(1)), [], leaving(), true],
    ['does not fit beside an exclusive one', level('/a', NONE, program(1)), [], leaving(), false],
    ['does not fit beside one that may be overridden', level('/a', OVERRIDE, program(1)), [], leaving(), false],
    ['is attached before the old one goes', level('/a', NONE, program(1)), [], leaving(1), false],
    ['replaces one that allowed others', level('/a', MULTI, program(1)), [], leaving(1), true],
    ['does not fit below an exclusive one', level('/a', MULTI), [level('/', NONE, program(1))], leaving(), false],
    ['fits below one that may be overridden', level('/a', MULTI), [level('/', OVERRIDE, program(1))], leaving(), true],
    ['fits below one that allows others', level('/a', MULTI), [level('/', MULTI, program(1))], leaving(), true],
    ['fits below an empty level', level('/a', MULTI), [level('/', NONE)], leaving(), true],
    [
      'only the nearest level above counts',
      level('/a/b', MULTI),
      [level('/a', OVERRIDE, program(2)), level('/', NONE, program(1))],
      leaving(),
      true,
    ],
    [
      'levels above that nobody could read do not count',
      level('/a/b', MULTI),
      [{ ...level('/a', NONE), programs: null }, level('/', NONE, program(1))],
      leaving(),
      false,
    ],
    ['fits where nobody could look', { ...level('/a', NONE), programs: null }, [], leaving(), true],
  ])('%s', (_, at, above, gone, fits) => {
    expect(canAttachMulti(at, above, gone)).toBe(fits);
  });
});

describe('which program is systemd’s', () => {
  const set = (major: number): DeviceSet => space.forPattern({ type: 'c', major, minor: 1, access: () => true });
  const sd = (id: number): PendingProgram => program(id, { name: 'sd_devices' });
  const nameless = (id: number, major: number | null): PendingProgram =>
    program(id, { allowed: major === null ? null : set(major) });
  const [LIST, OWN] = [[set(1)], [set(2)]];
  it.each<[string, PendingProgram[], number | null, number[][]]>([
    ['the one that is called so', [program(1), sd(2)], 252, [[2]]],
    ['of several the last, or an earlier one', [sd(1), sd(2)], 252, [[2], [1]]],
    ['none where systemd names its own', [nameless(1, 1)], 251, [[]]],
    ['the one that equals its list', [nameless(1, 3), nameless(2, 1), nameless(3, 1)], 247, [[2]]],
    ['the same where the release is not known', [nameless(2, 1)], null, [[2]]],
    ['not the one that equals the runtime’s', [nameless(1, 2)], 250, [[]]],
    ['perhaps one that equals neither', [nameless(1, 3), nameless(2, 2), nameless(4, null)], 247, [[], [1], [4]]],
    ['not one with another name', [program(1, { name: 'other', allowed: set(1) })], 247, [[]]],
  ])('%s', (_, programs, release, readings) => {
    expect(systemdPrograms(programs, release, LIST, OWN).map(({ leaving }) => [...leaving])).toEqual(readings);
  });
});

it.each([
  ['/user.slice/user-0.slice/user@0.service/app.slice/x.scope', true],
  ['/system.slice/x.service/y.scope', true],
  ['/system.slice/x.service', false],
  ['/system.slice/x.scope', false],
  ['/x.services/y.scope', false],
  ['/', false],
])('%s is of a manager inside a service: %s', (cgroup, inner) => {
  expect(isOfInnerManager(cgroup)).toBe(inner);
});

describe('pins', () => {
  const PIN = '/sys/fs/bpf/a';
  const OTHER = '/sys/fs/bpf/b';
  type Pins = { path: string; present: boolean }[] | null;
  const snapshot = (bpfPins: Pins, scope: 'host' | 'targets' = 'targets'): Snapshot => {
    const empty = emptySnapshot('little');
    return { ...empty, scope, host: { ...empty.host, bpfPins } };
  };
  const there = (path: string): { path: string; present: boolean } => ({ path, present: true });
  const gone = (path: string): { path: string; present: boolean } => ({ path, present: false });
  const [ONE, TWO] = [[program(1)], [program(1), program(2), program(3, { name: 'sd_devices' })]];
  const reading = (missing: string[], left: number[], assumed: string[] = []): unknown => ({
    missingPins: missing,
    assumedPins: assumed,
    gone: left,
  });
  it.each<[string, Snapshot, string[], PendingProgram[], unknown[]]>([
    ['no pin is named', snapshot([gone(PIN)]), [], ONE, [reading([], [])]],
    ['it is there', snapshot([there(PIN)]), [PIN], ONE, [reading([], [])]],
    ['it is gone, and so is the program', snapshot([gone(PIN)]), [PIN], ONE, [reading([PIN], [1])]],
    ['it is gone, and so is one of two', snapshot([gone(PIN)]), [PIN], TWO, [reading([PIN], [1]), reading([PIN], [2])]],
    ['both are gone', snapshot([gone(PIN), gone(OTHER)]), [PIN, OTHER], TWO, [reading([PIN, OTHER], [1, 2])]],
    ['nobody looked', snapshot(null), [PIN], ONE, [reading([], [], [PIN])]],
    ['it could not be read on a host', snapshot(null, 'host'), [PIN], ONE, [reading([], []), reading([PIN], [1])]],
    ['only others were looked at', snapshot([there(OTHER)]), [PIN], ONE, [reading([], []), reading([PIN], [1])]],
    [
      'one is gone and one nobody looked at',
      snapshot([gone(PIN)]),
      [PIN, OTHER],
      TWO,
      [reading([PIN], [1]), reading([PIN], [2]), reading([PIN, OTHER], [1, 2])],
    ],
  ])('%s', (_, of, pinned, programs, readings) => {
    expect(pinReadings(of, null, pinned, programs)).toEqual(readings);
  });
  it('are those of the host the unit belongs to', () => {
    const nested = {
      key: 'lxc:a',
      cgroup: '/lxc/a',
      systemd: null,
      runtimes: {},
      devChar: null,
      deviceLinks: { devChar: null, devBlock: null, sysDevChar: null, sysDevBlock: null },
      bpfPins: [gone(PIN)],
    };
    const of = { ...snapshot([there(PIN)]), nestedHosts: [{ ...nested, key: 'lxc:b', bpfPins: null }, nested] };
    expect([pinsOfHost(of, null), pinsOfHost(of, 'lxc:a'), pinsOfHost(of, 'lxc:b'), pinsOfHost(of, 'x')]).toEqual([
      [there(PIN)],
      [gone(PIN)],
      null,
      null,
    ]);
    expect(pinReadings(of, 'lxc:a', [PIN], ONE)).toEqual([reading([PIN], [1])]);
  });
});

describe('a program of systemd’s that a unit no longer needs', () => {
  type Assignment = [string, string, string];
  const unit = (
    name: string,
    cgroup: string | null,
    policy: string | null,
    more: Partial<UnitRecord> = {},
  ): UnitRecord => ({
    name,
    nestedIn: null,
    cgroup,
    files: policy === null ? null : [{ path: '/x', assignments: [['Service', 'DevicePolicy', policy] as Assignment] }],
    shown: null,
    ...more,
  });
  const own = unit('a.service', '/system.slice/a.service', 'auto');
  const answer = (
    release: number | null,
    others: UnitRecord[],
    {
      scope = 'host',
      of = own,
      basis = 'files',
    }: { scope?: Snapshot['scope']; of?: UnitRecord; basis?: PendingBasis } = {},
  ): string => {
    const snapshot = { ...emptySnapshot('little'), scope, units: [of, ...others] };
    return removalOfProgram(snapshot, of, basis, systemdHost(release, [], null));
  };
  const listed = unit('b.service', '/system.slice/b.service', 'closed');
  const free = unit('b.service', '/system.slice/b.service', 'auto');
  it.each([
    [247, 'removed'],
    [248, 'either'],
    [251, 'either'],
    [252, 'stays'],
    [null, 'either'],
  ] as const)('on systemd %s: %s', (release, result) => {
    expect(answer(release, [])).toBe(result);
    expect(answer(release, [], { of: { ...own, cgroup: null } })).toBe(release === 247 ? 'removed' : 'either');
  });
  it.each<[string, UnitRecord[], string]>([
    ['a unit of the slice with a list', [listed], 'removed'],
    ['a unit of the slice without one', [free], 'stays'],
    ['one with a list among others', [free, listed], 'removed'],
    ['a unit below it with a list', [{ ...listed, cgroup: '/system.slice/a.service/b.service' }], 'removed'],
    ['a unit whose settings nobody has', [unit('b.service', '/system.slice/b.service', null)], 'either'],
    ['the slice itself', [{ ...listed, name: 'system.slice', cgroup: '/system.slice' }], 'stays'],
    ['a unit of another slice', [{ ...listed, cgroup: '/user.slice/b.service' }], 'stays'],
    ['a unit of a slice whose name begins alike', [{ ...listed, cgroup: '/system.slice2/b.service' }], 'stays'],
    ['a unit of a nested host', [{ ...listed, nestedIn: 'lxc:a' }], 'stays'],
    ['a unit that does not run', [{ ...listed, cgroup: null }], 'stays'],
  ])('with %s', (_, others, result) => {
    expect(answer(257, others)).toBe(result);
  });
  it('is not known to stay where only some units were looked at', () => {
    expect(answer(257, [free], { scope: 'targets' })).toBe('either');
    expect(answer(257, [listed], { scope: 'targets' })).toBe('removed');
  });
  it('counts every unit for one right below the root', () => {
    const of = { ...own, cgroup: '/a.service' };
    expect(answer(257, [listed], { of })).toBe('removed');
    expect(answer(257, [{ ...listed, cgroup: '/' }], { of })).toBe('stays');
  });
  it('goes by files for a reload and by what systemd holds for a property, else by what there is', () => {
    const both = { ...free, shown: { DevicePolicy: ['closed'] } };
    expect([answer(257, [both]), answer(257, [both], { basis: 'shown' })]).toEqual(['stays', 'removed']);
    const onlyShown = { ...both, files: null };
    expect([answer(257, [onlyShown]), answer(257, [listed], { basis: 'shown' })]).toEqual(['removed', 'removed']);
  });
});

describe('a level that could not be read', () => {
  it('may decide anything, and lets systemd attach', () => {
    const unread = withUnknown({ cgroup: '/a', flags: 0, programs: null }, space);
    const [only] = unread.programs ?? [];
    expect([unread.flags, unread.programs?.length, only?.id, only?.name, only?.preorder]).toEqual([
      2,
      1,
      -2,
      '',
      false,
    ]);
    expect(only?.entry).toEqual({
      kind: 'partition',
      partition: {
        allowed: space.nothing.ref,
        denied: space.nothing.ref,
        undecided: [{ region: space.everything.ref, reason: 'unreadable' }],
      },
    });
    if (only?.entry.kind === 'partition') expect(isUnread(only.entry.partition, space)).toBe(true);
  });
  it('is no other', () => {
    const read = level('/a', NONE);
    expect(withUnknown(read, space)).toBe(read);
    const nothing = { allowed: 0, denied: 1, undecided: [] };
    expect(isUnread(nothing, space)).toBe(false);
    const why = (reason: string, region: number): boolean =>
      isUnread({ allowed: 0, denied: 0, undecided: [{ region, reason }] }, space);
    expect([why('budget', space.everything.ref), why('unreadable', space.nothing.ref)]).toEqual([false, false]);
  });
});

describe('levels', () => {
  const allow = Buffer.from(join(mov(0, 1), EXIT)).toString('base64');
  const unresolved = Buffer.from(join(slot(0x85), slot(0x57, { dst: 0, imm: 1 }), EXIT)).toString('base64');
  const snapshot = (
    effective: number[] | null,
    attached: Record<string, number[] | null>,
    flags: Record<string, number> = {},
  ): Snapshot => ({
    ...emptySnapshot('little'),
    cgroups: Object.entries(attached).map(
      ([path, programIds]) =>
        ({
          path,
          attached:
            programIds === null ? { failed: 'x', code: 'EPERM' } : { programIds, attachFlags: flags[path] ?? MULTI },
          effective: effective === null ? { failed: 'x', code: 'EPERM' } : { programIds: effective },
        }) as CgroupRecord,
    ),
    programs: [1, 2, 3, 4].map((id) => ({
      ...emptyProgram(id),
      name: id === 1 ? 'sd_devices' : '',
      xlated: id < 3 ? allow : id === 4 ? unresolved : null,
    })),
  });
  const evaluator = new Evaluator(space.manager);
  const of = (from: Snapshot, cgroup = '/a'): ReturnType<typeof pendingLevels> =>
    pendingLevels(space, evaluator, new ProgramLoader(from), from, cgroup);
  const early = (from: Snapshot, cgroup = '/a'): number[] =>
    of(from, cgroup).levels.flatMap(({ programs }) =>
      (programs ?? []).filter(({ preorder }) => preorder).map(({ id }) => id),
    );
  it('have the policy of each program, and its name', () => {
    const { levels, changed } = of(snapshot([1, 3, 2], { '/a': [1, 3], '/': [2] }));
    expect(changed).toBe(false);
    expect(levels.map(({ cgroup, flags }) => [cgroup, flags])).toEqual([
      ['/a', MULTI],
      ['/', MULTI],
    ]);
    expect(levels[0]?.programs?.map(({ id, name, preorder }) => [id, name, preorder])).toEqual([
      [1, 'sd_devices', false],
      [3, '', false],
    ]);
    expect(levels[0]?.programs?.[0]?.allowed?.equals(space.everything)).toBe(true);
    expect(levels[0]?.programs?.[1]?.allowed).toBeNull();
  });
  it('do not know the policy of a program that is undecided anywhere', () => {
    const [first] = of(snapshot([4], { '/a': [4], '/': [] })).levels;
    expect(first?.programs?.[0]?.allowed).toBeNull();
  });
  it('that could not be read have no programs, and the run array tells', () => {
    const { levels, changed } = of(snapshot([1], { '/a': null, '/': [] }));
    expect([levels[0]?.programs, changed]).toEqual([null, true]);
    expect(of(snapshot(null, { '/a': [1], '/': [] })).changed).toBe(false);
  });
  it('show by the run array what was attached to run early', () => {
    expect(early(snapshot([1, 3, 2], { '/a': [1, 3], '/': [2] }))).toEqual([]);
    expect(early(snapshot([2, 1, 3], { '/a': [1, 3], '/': [2] }))).toEqual([2]);
    expect(early(snapshot([3, 1, 2], { '/a': [1, 3], '/': [2] }))).toEqual([3]);
    expect(early(snapshot([2, 3, 1], { '/a': [1, 3], '/': [2] }))).toEqual([3, 2]);
    expect(early(snapshot(null, { '/a': [1, 3], '/': [2] }))).toEqual([]);
    // Not beside levels that do not apply.
    expect(early(snapshot([3, 1], { '/a': [1, 3], '/': [2] }, { '/': OVERRIDE }))).toEqual([3]);
    const nearest = { '/a': OVERRIDE };
    expect(early(snapshot([2, 3, 1], { '/a': [3], '/': [2, 1] }, nearest))).toEqual([2]);
    expect(early(snapshot([2, 1, 3], { '/a': [3], '/': [2, 1] }, nearest))).toEqual([2, 1]);
    const empty = snapshot([2, 3, 1], { '/a/b': [], '/a': [3], '/': [2, 1] }, nearest);
    expect(early(empty, '/a/b')).toEqual([2]);
  });
});

describe('the event', () => {
  it.each([
    ['files', 256, true, 'unit-start'],
    ['files', 257, false, 'unit-start-after-reload'],
    ['files', 255, true, 'daemon-reload'],
    ['files', 258, true, 'daemon-reload'],
    ['files', null, true, 'reload-or-later'],
    ['shown', 257, true, 'set-property'],
  ] as const)('by %s of systemd %s, reloaded %s: %s', (basis, release, reloaded, kind) => {
    expect(pendingEvent(basis, release, reloaded).kind).toBe(kind);
  });
});
