/** What is predicted for hierarchies of units and programs that are given by what they allow. */
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { emptyProgram, emptySnapshot } from '../../src/collect/empty.js';
import { afterApply, afterReload, type PendingRequest } from '../../src/effective/pending.js';
import type { Pending, PendingLevel, PendingPolicy, PendingProgram } from '../../src/effective/pending-types.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import type { Snapshot, UnitRecord } from '../../src/snapshot/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';

const [NONE, MULTI] = [0, 2];
const manager = new BddManager();
const space = new DeviceSpace(manager);
const evaluator = new Evaluator(manager);

/** Character devices of these majors, every number and access. */
const majors = (...numbers: number[]): DeviceSet =>
  space.unionAll(numbers.map((major) => space.forPattern({ type: 'c', major, minor: null, access: () => true })));
function program(id: number, allowed: DeviceSet, name = ''): PendingProgram {
  const partition = { allowed: allowed.ref, denied: allowed.complement().ref, undecided: [] };
  return { id, name, entry: { kind: 'partition', partition }, allowed, preorder: false };
}
const level = (cgroup: string, flags: number, ...programs: PendingProgram[]): PendingLevel => ({
  cgroup,
  flags,
  programs,
});

type Assignments = [string, string, string][];
const SECTION: Record<string, string> = { scope: 'Scope', slice: 'Slice', service: 'Service' };
function unit(cgroup: string, policy: string | null, allow: string[] = [], more: Partial<UnitRecord> = {}): UnitRecord {
  const name = cgroup.slice(cgroup.lastIndexOf('/') + 1);
  const section = SECTION[name.slice(name.lastIndexOf('.') + 1)] ?? '';
  const assignments: Assignments = [
    [section, 'DevicePolicy', policy ?? 'auto'],
    ...allow.map((line): [string, string, string] => [section, 'DeviceAllow', line]),
  ];
  return {
    name,
    nestedIn: null,
    cgroup,
    files: policy === null ? null : [{ path: '/x', assignments }],
    shown: null,
    ...more,
  };
}
const SCOPE = '/system.slice/c.scope';

interface Given {
  levels: PendingLevel[];
  units: UnitRecord[];
  release?: string | null;
  request?: Partial<PendingRequest>;
  host?: Partial<Snapshot['host']>;
  snapshot?: Partial<Snapshot>;
}
function request({
  levels,
  units,
  release = '252',
  request: more = {},
  host = {},
  snapshot = {},
}: Given): PendingRequest {
  const empty = emptySnapshot('little');
  return {
    space,
    evaluator,
    snapshot: {
      ...empty,
      units,
      host: {
        ...empty.host,
        kernelRelease: '6.18.0',
        cgroupLayout: 'unified',
        procDevices: 'Character devices:\n  1 mem\n  5 tty\n226 drm\n\nBlock devices:\n  8 sd\n',
        systemd: release === null ? null : { version: release, source: 'test', unitsLoadTimestampMonotonicUs: null },
        ...host,
      },
      ...snapshot,
    },
    subject: { cgroup: SCOPE, nestedIn: null },
    levels,
    changed: false,
    alsoRequired: null,
    runtimeOwn: [],
    ...more,
  };
}
function policy(pending: Pending): PendingPolicy {
  if (pending.kind !== 'policy') throw new Error(pending.reason);
  return pending.policy;
}
/** Which of "read c MAJOR:1" are allowed, denied (with -) or undecided (with ?). */
function majorsIn({ allowed, denied }: PendingPolicy, ...numbers: number[]): string {
  return numbers
    .map((major) => {
      const asked = { type: 'c', major, minor: 1, access: 2 } as const;
      return `${allowed.contains(asked) ? '' : denied.contains(asked) ? '-' : '?'}${String(major)}`;
    })
    .join(' ');
}
const three = (...programs: PendingProgram[]): PendingLevel[] => [
  level(SCOPE, MULTI, ...programs),
  level('/system.slice', NONE),
  level('/', NONE),
];

// systemd takes `char-mem`, the name in /proc/devices.
const MEM = unit(SCOPE, 'strict', ['char-mem rwm']);

describe('no prediction', () => {
  const given = { levels: three(program(1, majors(1))), units: [MEM] };
  const reasonOf = (change: Partial<Given>, of: (request: PendingRequest) => Pending = afterReload): string => {
    const pending = of(request({ ...given, ...change }));
    return pending.kind === 'none' ? pending.reason : 'policy';
  };
  it.each<[string, Partial<Given>, string]>([
    ['where all is known', {}, 'policy'],
    ['without a cgroup', { request: { subject: { cgroup: null, nestedIn: null } } }, 'no-cgroup'],
    ['without levels', { levels: [] }, 'no-cgroup'],
    ['with a v1 controller beside v2', { host: { cgroupLayout: 'hybrid' } }, 'cgroup-v1-controller'],
    ['with v1 alone', { host: { cgroupLayout: 'v1' } }, 'cgroup-v1-controller'],
    ['on a layout nobody looked at', { host: { cgroupLayout: null } }, 'policy'],
    ['without units', { units: [] }, 'no-unit'],
    ['with units of other cgroups', { units: [{ ...MEM, cgroup: '/x' }] }, 'no-unit'],
    ['with units of another host', { units: [{ ...MEM, nestedIn: 'lxc:a' }] }, 'no-unit'],
    ['without files', { units: [{ ...MEM, files: null }] }, 'no-files'],
    ['of what changed', { request: { changed: true } }, 'programs-changed'],
  ])('%s: %s', (_, change, reason) => {
    expect(reasonOf(change)).toBe(reason);
  });
  it('from what systemd does not show', () => {
    expect(reasonOf({}, afterApply)).toBe('not-shown');
    expect(reasonOf({ units: [{ ...MEM, shown: { DevicePolicy: ['strict'] } }] }, afterApply)).toBe('policy');
  });
  it('of a guest goes by its own units, whatever the host’s controller', () => {
    const request = { subject: { cgroup: SCOPE, nestedIn: 'lxc:a' } };
    expect(reasonOf({ request })).toBe('no-unit');
    const nested = { ...MEM, nestedIn: 'lxc:a' };
    expect(reasonOf({ request, units: [nested], host: { cgroupLayout: 'hybrid' } })).toBe('policy');
  });
  it('of a user’s own units, whose systemd attached nothing', () => {
    const inner = '/user.slice/user-1.slice/user@1.service/c.scope';
    const at = (...programs: PendingProgram[]): Partial<Given> => ({
      levels: [level(inner, MULTI, ...programs), level('/', NONE)],
      units: [unit(inner, 'strict', ['char-mem rwm'])],
    });
    expect(reasonOf(at())).toBe('inner-manager');
    expect(reasonOf(at(program(1, majors(1))))).toBe('policy');
    const nestedIn = 'lxc:a';
    const guest = unit(inner, 'strict', ['char-mem rwm'], { nestedIn });
    expect(reasonOf({ ...at(), units: [guest], request: { subject: { cgroup: inner, nestedIn } } })).toBe('policy');
    expect(reasonOf({ levels: three(), units: [MEM] })).toBe('policy');
  });
  it('where there are more than 256 ways', () => {
    // Each nameless program of an old systemd's time may be systemd's: with n of them there are n + 1 ways, at every level.
    const strangers = (count: number, first = 10): PendingProgram[] =>
      Array.from({ length: count }, (_, i) => program(first + i, majors(1, 5)));
    const slice = unit('/system.slice', 'strict', ['char-mem rwm']);
    const at = (below: number, above: number): string =>
      reasonOf({
        release: '247',
        units: [MEM, slice],
        levels: [
          level(SCOPE, MULTI, ...strangers(below)),
          level('/system.slice', MULTI, ...strangers(above, 50)),
          level('/', NONE),
        ],
      });
    expect([at(15, 15), at(15, 16)]).toEqual(['policy', 'too-many-readings']);
  });
});

describe('a reload', () => {
  it('puts systemd’s list beside what the runtime attached', () => {
    const runtime = program(1, majors(1, 5));
    const predicted = policy(afterReload(request({ levels: three(runtime), units: [MEM] })));
    expect(majorsIn(predicted, 1, 5, 226)).toBe('1 -5 -226');
    expect(predicted.lists[0]?.[0]).toBe(runtime.entry);
    expect(predicted.undecided).toEqual([]);
    expect(predicted.changes).toMatchObject([
      {
        cgroup: SCOPE,
        unit: 'c.scope',
        replaced: [],
        adds: true,
        refused: false,
        asBefore: null,
        missingPins: [],
        assumedPins: [],
      },
    ]);
    expect(predicted.lists).toHaveLength(1);
    expect(predicted.lists[0]).toHaveLength(2);
    expect([predicted.basis, predicted.event.kind, predicted.unread, predicted.needDaemonReload]).toEqual([
      'files',
      'daemon-reload',
      [],
      null,
    ]);
  });
  it('replaces the program that systemd named', () => {
    const levels = three(program(1, majors(1, 5)), program(2, majors(5), 'sd_devices'));
    const predicted = policy(afterReload(request({ levels, units: [MEM] })));
    expect(majorsIn(predicted, 1, 5)).toBe('1 -5');
    expect(predicted.changes[0]?.replaced).toEqual([2]);
  });
  it('takes nothing from a unit without a list, and its program away from one that lost it', () => {
    const free = unit(SCOPE, 'auto');
    const levels = three(program(1, majors(1, 5)), program(2, majors(5), 'sd_devices'));
    const given = { levels, units: [free], snapshot: { scope: 'host' as const } };
    const old = policy(afterReload(request({ ...given, release: '247' })));
    expect([majorsIn(old, 1, 5), old.changes[0]?.replaced, old.changes[0]?.adds]).toEqual(['1 5', [2], false]);
    const stays = policy(afterReload(request({ ...given, release: '257' })));
    expect([majorsIn(stays, 1, 5), stays.changes[0]?.replaced]).toEqual(['-1 5', []]);
    const open = policy(afterReload(request({ ...given, release: '250' })));
    expect([majorsIn(open, 1, 5), open.lists.length]).toEqual(['?1 5', 2]);
    expect(open.undecided.map(({ reason }) => reason)).toEqual(['systemd:which-program']);
    const left = three(program(2, majors(5), 'sd_devices'), program(3, majors(5), 'sd_devices'));
    expect(policy(afterReload(request({ ...given, levels: left, release: '257' }))).lists).toHaveLength(1);
    // Where no program is systemd's there is one way only.
    const none = policy(afterReload(request({ ...given, levels: three(program(1, majors(1))), release: '252' })));
    expect(none.lists).toHaveLength(1);
    const unknown = policy(afterReload(request({ ...given, levels: three(program(1, majors(1))), release: '251' })));
    expect(unknown.lists).toHaveLength(1);
  });
  it('applies the units above, too, and says which could not be read', () => {
    const slice = unit('/system.slice', 'strict', ['char-tty rwm']);
    const both = policy(afterReload(request({ levels: three(program(1, majors(1, 5))), units: [MEM, slice] })));
    expect([majorsIn(both, 1, 5), both.changes.map(({ unit }) => unit)]).toEqual([
      '-1 -5',
      ['c.scope', 'system.slice'],
    ]);
    const blind = { ...slice, files: null };
    const one = policy(afterReload(request({ levels: three(program(1, majors(1, 5))), units: [MEM, blind] })));
    expect([majorsIn(one, 1, 5), one.unread]).toEqual(['1 -5', ['system.slice']]);
    // A cgroup of the container below its scope has no unit of its own.
    const below = [level(`${SCOPE}/container`, MULTI, program(1, majors(1, 5))), ...three()];
    const inside = policy(afterReload(request({ levels: below, units: [MEM] })));
    expect([majorsIn(inside, 1, 5), inside.changes.map(({ cgroup }) => cgroup)]).toEqual(['1 -5', [SCOPE]]);
  });
  it('cannot attach beside or below an exclusive program', () => {
    const beside = [level(SCOPE, NONE, program(1, majors(5))), level('/system.slice', NONE), level('/', NONE)];
    const below = [
      level(SCOPE, MULTI, program(2, majors(5), 'sd_devices')),
      level('/system.slice', NONE, program(1, majors(1))),
      level('/', MULTI),
    ];
    for (const levels of [beside, below]) {
      const predicted = policy(afterReload(request({ levels, units: [MEM] })));
      expect([majorsIn(predicted, 1, 5), predicted.changes[0]]).toMatchObject([
        '-1 5',
        { refused: true, adds: false, replaced: [], asBefore: null },
      ]);
    }
    // Nothing is refused where nothing is attached.
    const free = policy(afterReload(request({ levels: beside, units: [unit(SCOPE, 'auto')], release: '257' })));
    expect(free.changes[0]).toMatchObject({ refused: false, adds: false, asBefore: null });
  });
  it('attaches below a program that was exclusive where that level is its own', () => {
    const levels = [level(SCOPE, NONE), level('/system.slice', NONE)];
    expect(majorsIn(policy(afterReload(request({ levels, units: [MEM] }))), 1, 5)).toBe('1 -5');
  });
  it('of a level nobody could read denies what the list denies', () => {
    const levels = [{ ...level(SCOPE, NONE), programs: null }, level('/', NONE)];
    const predicted = policy(afterReload(request({ levels, units: [MEM] })));
    expect(majorsIn(predicted, 1, 5)).toBe('?1 -5');
  });
  it('keeps what must be allowed besides', () => {
    const required = { allowed: majors(5).ref, denied: majors(5).complement().ref, undecided: [] };
    const given = { levels: three(program(1, majors(1, 5))), units: [MEM], request: { alsoRequired: required } };
    expect(majorsIn(policy(afterReload(request(given))), 1, 5)).toBe('-1 -5');
  });
  it('does not bring the kernel to ask about 0:0', () => {
    const predicted = policy(afterReload(request({ levels: three(), units: [MEM] })));
    expect(predicted.allowed.contains({ type: 'c', major: 0, minor: 0, access: 2 })).toBe(true);
  });
});

describe('which nameless program was systemd’s', () => {
  const old = (programs: PendingProgram[], more: Partial<PendingRequest> = {}, units = [MEM]): PendingPolicy =>
    policy(afterReload(request({ levels: three(...programs), units, release: '247', request: more })));
  const listed = (): DeviceSet => old([]).allowed.subtract(space.neverAsked);
  it('shows by what its list, or the one before the change, compiles to', () => {
    const before = unit(SCOPE, 'strict', ['char-tty rwm']);
    const mem = program(1, majors(1));
    expect(old([mem]).changes[0]?.replaced).toEqual([1]);
    expect(listed().isEmpty()).toBe(false);
    const tty = program(2, majors(5));
    expect(old([tty], { unitsBefore: [before] }).changes[0]?.replaced).toEqual([2]);
    for (const other of [
      { ...before, name: 'x.scope' },
      { ...before, cgroup: '/x' },
      { ...before, nestedIn: 'lxc:a' },
    ])
      expect(old([tty], { unitsBefore: [other] }).lists).toHaveLength(2);
    expect(old([tty]).lists).toHaveLength(2);
    const shown = { ...MEM, shown: { DevicePolicy: ['strict'], DeviceAllow: ['char-tty rwm'] } };
    expect(old([tty], {}, [shown]).changes[0]?.replaced).toEqual([2]);
  });
  it('shows by what the runtime meant', () => {
    const runtime = program(1, majors(5, 226));
    expect(old([runtime]).lists).toHaveLength(2);
    expect(old([runtime], { runtimeOwn: [majors(5, 226)] }).lists).toHaveLength(1);
  });
});

describe('a property that is set', () => {
  const shown = (more: Record<string, string[]> = {}): UnitRecord => ({
    ...unit(SCOPE, 'strict', ['char-mem rwm']),
    shown: { DevicePolicy: ['strict'], DeviceAllow: ['char-tty rwm'], ...more },
  });
  it('applies what systemd holds, to that unit alone', () => {
    const slice = { ...unit('/system.slice', 'strict'), shown: { DevicePolicy: ['strict'] } };
    const given = { levels: three(program(1, majors(1, 5))), units: [shown(), slice] };
    const predicted = policy(afterApply(request(given)));
    expect([majorsIn(predicted, 1, 5), predicted.changes.map(({ unit }) => unit)]).toEqual(['-1 5', ['c.scope']]);
    expect([predicted.basis, predicted.event.kind, predicted.unread]).toEqual(['shown', 'set-property', []]);
    expect(policy(afterReload(request(given))).changes).toHaveLength(2);
  });
  it('reads no pins again', () => {
    const PIN = '/sys/fs/bpf/x';
    const record = unit(SCOPE, 'auto', [], {
      shown: { DevicePolicy: ['auto'], BPFProgram: [`device:${PIN}`] },
      files: [{ path: '/x', assignments: [['Scope', 'BPFProgram', `device:${PIN}`]] }],
    });
    const host = { bpfPins: [{ path: PIN, present: false }] };
    const given = {
      levels: three(program(1, majors(5))),
      units: [record],
      host,
      release: '257',
      snapshot: { scope: 'host' as const },
    };
    const applied = policy(afterApply(request(given)));
    expect([majorsIn(applied, 1, 5), applied.changes[0]?.missingPins]).toEqual(['-1 5', []]);
    const reloaded = policy(afterReload(request(given)));
    expect([majorsIn(reloaded, 1, 5), reloaded.changes[0]?.missingPins]).toEqual(['1 5', [PIN]]);
    expect(reloaded.changes[0]?.replaced).toEqual([1]);
  });
  it.each<[Record<string, string[]> | null, boolean | null]>([
    [{ NeedDaemonReload: ['yes'] }, true],
    [{ NeedDaemonReload: ['no'] }, false],
    [{}, null],
    [{ NeedDaemonReload: [] }, null],
  ])('%o: whether systemd wants a reload', (more, wants) => {
    const predicted = policy(afterReload(request({ levels: three(), units: [shown(more ?? {})] })));
    expect(predicted.needDaemonReload).toBe(wants);
  });
});

describe('when it happens', () => {
  const at = (loads: (number | null)[], reloadedUs: number | null, nestedIn: string | null = null): string => {
    const programs = loads.map((_, i) => program(i + 1, majors(1)));
    const units = [{ ...MEM, nestedIn }];
    const given = request({
      levels: three(...programs),
      units,
      release: '257',
      host: { systemd: { version: '257', source: 'test', unitsLoadTimestampMonotonicUs: reloadedUs } },
      snapshot: {
        // The first is attached elsewhere.
        programs: [
          { ...emptyProgram(99), loadedAtNs: 9_000_000 },
          ...loads.map((loadedAtNs, i) => ({ ...emptyProgram(i + 1), loadedAtNs })),
        ],
        nestedHosts:
          nestedIn === null
            ? []
            : [
                {
                  key: nestedIn,
                  cgroup: '/',
                  systemd: { version: '257', source: 'test', unitsLoadTimestampMonotonicUs: reloadedUs },
                  runtimes: {},
                  devChar: null,
                  deviceLinks: { devChar: null, devBlock: null, sysDevChar: null, sysDevBlock: null },
                  bpfPins: null,
                },
              ],
      },
      request: { subject: { cgroup: SCOPE, nestedIn } },
    });
    return policy(afterReload(given)).event.kind;
  };
  it.each<[string, (number | null)[], number | null, string]>([
    ['systemd was reloaded since', [1_000_000, 1_999_999], 2000, 'unit-start'],
    ['it was not', [1_000_000, 2_000_000], 2000, 'unit-start-after-reload'],
    ['of one program nobody knows when it came', [1_000_000, null], 2000, 'unit-start-after-reload'],
    ['nobody knows when it was reloaded', [1_000_000], null, 'unit-start-after-reload'],
    ['nothing is attached', [], 2000, 'unit-start-after-reload'],
  ])('%s', (_, loads, reloadedUs, kind) => {
    expect(at(loads, reloadedUs)).toBe(kind);
  });
  it('of a guest’s systemd is not known', () => {
    expect(at([1_000_000], 2000, 'lxc:a')).toBe('unit-start-after-reload');
  });
});

describe('a list whose lines the snapshot cannot resolve', () => {
  // /dev/x is no node that was listed: what it stands for shows systemd's present program.
  const record = unit(SCOPE, 'strict', ['char-mem rwm', '/dev/x rwm']);
  const at = (...programs: PendingProgram[]): PendingPolicy =>
    policy(afterReload(request({ levels: three(...programs), units: [record] })));
  it('is taken to allow what it allowed before', () => {
    const predicted = at(
      program(
        3,
        majors(1).union(space.forPattern({ type: 'c', major: 226, minor: 1, access: () => true })),
        'sd_devices',
      ),
    );
    expect([majorsIn(predicted, 1, 5, 226), predicted.changes[0]?.asBefore, predicted.changes[0]?.replaced]).toEqual([
      '1 -5 226',
      3,
      [3],
    ]);
  });
  it('is taken to allow no more where it allowed no more before', () => {
    const predicted = at(program(3, majors(1), 'sd_devices'));
    expect([majorsIn(predicted, 1, 5, 226), predicted.changes[0]?.asBefore]).toEqual(['1 -5 -226', 3]);
  });
  it('is open where no program of systemd’s shows it', () => {
    const predicted = at(program(3, space.everything));
    expect([majorsIn(predicted, 1, 5), predicted.changes[0]?.asBefore]).toEqual(['1 ?5', null]);
  });
});
