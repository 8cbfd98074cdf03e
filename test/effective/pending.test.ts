import { describe, expect, it } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { afterApply, afterReload, type PendingRequest } from '../../src/effective/pending.js';
import { pendingEvent } from '../../src/effective/pending-event.js';
import type { PendingPolicy } from '../../src/effective/pending-types.js';
import { pendingLevels } from '../../src/effective/pending-levels.js';
import { ProgramLoader } from '../../src/effective/compose-programs.js';
import { BddManager } from '../../src/bdd/manager.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { intendedOf } from '../../src/intent/intended.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { CAPTURES, capture, disagreements, oracle } from '../intent/captures.js';

const BEFORE = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';
const AFTER = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-1-after-daemon-reload';
const PODMAN = 'bookworm-podman-4.3.1-crun-1.8.1/default';
const CGROUPFS = 'trixie-crun-1.21/cgroupfs-access-empty';
const SLICE = 'trixie-systemd-257.13/nested-slice-strict-service-closed';

interface Run {
  readonly space: DeviceSpace;
  readonly evaluator: Evaluator;
}

function run(): Run {
  const manager = new BddManager();
  return { space: new DeviceSpace(manager), evaluator: new Evaluator(manager) };
}

function loaded(name: string): { on: Run; snapshot: Snapshot; request: PendingRequest } {
  const snapshot = snapshotFromDirectory(CAPTURES + name);
  return { ...about(snapshot), snapshot };
}

function about(snapshot: Snapshot, on: Run = run()): { on: Run; request: PendingRequest } {
  const container = snapshot.containers[0] ?? null;
  const cgroup = container?.cgroup ?? snapshot.subject?.replace(/^cgroup:/, '') ?? null;
  const meant = container === null ? null : intendedOf(on.space, snapshot, container);
  return {
    on,
    request: {
      ...on,
      snapshot,
      subject: { cgroup, nestedIn: null },
      ...(cgroup === null
        ? { levels: [], changed: false }
        : pendingLevels(on.space, on.evaluator, new ProgramLoader(snapshot), snapshot, cgroup)),
      alsoRequired: null,
      runtimeOwn: meant?.kind === 'policy' && meant.policy.undecided.length === 0 ? [meant.policy.allowed] : [],
    },
  };
}

function policy(pending: ReturnType<typeof afterReload>): PendingPolicy {
  if (pending.kind !== 'policy') throw new Error(pending.reason);
  return pending.policy;
}

describe('the captured land mine', () => {
  it('before: the policy predicted from the files is the one the kernel enforced after the reload', () => {
    const { request } = loaded(BEFORE);
    for (const predicted of [policy(afterReload(request)), policy(afterApply(request))]) {
      expect(disagreements(predicted.allowed, oracle(capture(AFTER)))).toEqual([]);
      expect(predicted.undecided).toEqual([]);
      expect(predicted.denied.equals(predicted.allowed.complement())).toBe(true);
      expect(predicted.changes.map(({ replaced, adds }) => ({ replaced, adds }))).toEqual([
        { replaced: [], adds: true },
      ]);
      expect(predicted.needDaemonReload).toBe(true);
    }
    expect(policy(afterReload(request)).event.kind).toBe('daemon-reload');
    expect(policy(afterApply(request)).event.kind).toBe('set-property');
  });
  it('after: a second reload changes nothing, systemd replaces its own program', () => {
    const { request, on, snapshot } = loaded(AFTER);
    const predicted = policy(afterReload(request));
    expect(disagreements(predicted.allowed, oracle(capture(AFTER)))).toEqual([]);
    const [sd] = snapshot.programs.filter(({ name }) => name === 'sd_devices').map(({ id }) => id);
    expect(predicted.changes[0]!.replaced).toEqual([sd]);
    expect(on.space).toBe(request.space);
  });
  it('before and after predict the same set', () => {
    const before = snapshotFromDirectory(CAPTURES + BEFORE);
    const after = snapshotFromDirectory(CAPTURES + AFTER);
    const on = run();
    expect(
      policy(afterReload(about(before, on).request)).allowed.equals(
        policy(afterReload(about(after, on).request)).allowed,
      ),
    ).toBe(true);
  });
});

describe('systemd 247: programs without a name', () => {
  const old = (snapshot: Snapshot): Snapshot => ({
    ...snapshot,
    host: { ...snapshot.host, systemd: { version: '247.3-7', source: 'test', unitsLoadTimestampMonotonicUs: null } },
    programs: snapshot.programs.map((program) => ({ ...program, name: '' })),
  });
  it('systemd’s is the one that equals its list, runc’s the one that equals the intent', () => {
    const { request } = about(old(snapshotFromDirectory(CAPTURES + AFTER)));
    const predicted = policy(afterReload(request));
    expect(predicted.undecided).toEqual([]);
    expect(disagreements(predicted.allowed, oracle(capture(AFTER)))).toEqual([]);
    expect(predicted.changes[0]!.replaced).toHaveLength(1);
  });
  it('a stranger that equals neither leaves open what only it refuses', () => {
    const before = old(snapshotFromDirectory(CAPTURES + BEFORE));
    const wide: [string, string, string][] = [
      ['Scope', 'DevicePolicy', 'strict'],
      ['Scope', 'DeviceAllow', 'block-* rwm'],
      ['Scope', 'DeviceAllow', '/dev/char/1:3 rw'],
    ];
    const { request, on } = about({
      ...before,
      units: before.units.map((unit) => ({ ...unit, files: [{ path: '/x', assignments: wide }], shown: null })),
    });
    const certain = policy(afterReload(request));
    expect(certain.undecided).toEqual([]);
    // Either the stranger stays beside systemd's new program, or it was systemd's and goes.
    const predicted = policy(afterReload({ ...request, runtimeOwn: [] }));
    expect(predicted.undecided.map(({ reason }) => reason)).toEqual(['systemd:which-program']);
    expect(predicted.allowed.equals(certain.allowed)).toBe(true);
    expect(predicted.undecided[0]!.region.contains({ type: 'b', major: 8, minor: 0, access: 2 })).toBe(true);
    expect(
      predicted.allowed.union(predicted.denied).union(predicted.undecided[0]!.region).equals(on.space.everything),
    ).toBe(true);
  });
});

describe('other subjects', () => {
  it('crun on a sub-cgroup, systemd without a list: nothing changes', () => {
    const { request } = loaded(PODMAN);
    const predicted = policy(afterReload(request));
    expect(disagreements(predicted.allowed, oracle(capture(PODMAN)))).toEqual([]);
    expect(predicted.changes.map(({ adds, replaced }) => [adds, replaced])).toEqual([[false, []]]);
  });
  it('no unit on the path: no prediction, and why', () => {
    const { request } = loaded(CGROUPFS);
    expect(afterReload(request)).toEqual({ kind: 'none', reason: 'no-unit' });
  });
  it('programs nobody could read, as inside a container: what systemd’s list denies is denied all the same, and nothing is allowed', () => {
    const { request } = loaded(BEFORE);
    const known = policy(afterReload(request));
    const blind = policy(
      afterReload({ ...request, levels: request.levels.map((level) => ({ ...level, programs: null })) }),
    );
    // On the captured host runc's own program allows more than systemd's list: all that is denied afterwards is systemd's doing, or denied by both.
    expect(blind.denied.implies(known.denied)).toBe(true);
    expect(blind.denied.contains({ type: 'c', major: 1, minor: 3, access: 6 })).toBe(true);
    expect(blind.allowed.subtract(blind.allowed.space.neverAsked).isEmpty()).toBe(true);
    expect(blind.undecided.map(({ reason }) => reason)).toEqual(['unreadable']);
  });
  it('files that could not be had, systemd that was not asked, a v1 controller', () => {
    const { request, snapshot } = loaded(BEFORE);
    const without = (change: object): PendingRequest => ({
      ...request,
      snapshot: { ...snapshot, units: snapshot.units.map((unit) => ({ ...unit, ...change })) },
    });
    expect(afterReload(without({ files: null }))).toEqual({ kind: 'none', reason: 'no-files' });
    expect(afterApply(without({ shown: null }))).toEqual({ kind: 'none', reason: 'not-shown' });
    expect(
      afterReload({ ...request, snapshot: { ...snapshot, host: { ...snapshot.host, cgroupLayout: 'hybrid' } } }),
    ).toEqual({ kind: 'none', reason: 'cgroup-v1-controller' });
    expect(afterReload({ ...request, changed: true })).toEqual({ kind: 'none', reason: 'programs-changed' });
    expect(afterReload({ ...request, subject: { cgroup: null, nestedIn: null } })).toEqual({
      kind: 'none',
      reason: 'no-cgroup',
    });
  });
  it('a service below a slice with a list: both are applied again', () => {
    // No listing of /dev in this capture: what /dev/fuse is follows from the program systemd attached.
    const { request } = loaded(SLICE);
    for (const predicted of [policy(afterReload(request)), policy(afterApply(request))]) {
      expect(disagreements(predicted.allowed, oracle(capture(SLICE)))).toEqual([]);
      expect(predicted.undecided).toEqual([]);
    }
    expect(policy(afterReload(request)).changes.map(({ asBefore }) => asBefore !== null)).toEqual([true, false]);
    expect(policy(afterApply(request)).changes.map(({ unit }) => unit)).toHaveLength(1);
  });
  it('a bare exclusive program: systemd cannot attach beside it, everything stays', () => {
    const { request } = loaded(BEFORE);
    const predicted = policy(
      afterReload({ ...request, levels: request.levels.map((level) => ({ ...level, flags: 0 })) }),
    );
    expect(disagreements(predicted.allowed, oracle(capture(BEFORE)))).toEqual([]);
    expect(predicted.changes[0]).toMatchObject({ refused: true, adds: false, replaced: [] });
  });
  it('what the v1 controller refuses stays refused', () => {
    const { request, on } = loaded(BEFORE);
    const required = { allowed: on.space.nothing.ref, denied: on.space.everything.ref, undecided: [] };
    expect(policy(afterReload({ ...request, alsoRequired: required })).allowed.implies(on.space.neverAsked)).toBe(true);
  });
});

describe('a unit that has lost its list', () => {
  const UNIT = { path: '/x', assignments: [['Scope', 'DevicePolicy', 'auto'] as [string, string, string]] };
  const lost = (release: string, change: (snapshot: Snapshot) => Partial<Snapshot>): PendingPolicy => {
    const snapshot = snapshotFromDirectory(CAPTURES + AFTER);
    const units = snapshot.units.map((unit) => ({ ...unit, files: [UNIT], shown: null }));
    const named = {
      ...snapshot,
      units,
      host: { ...snapshot.host, systemd: { version: release, source: 'test', unitsLoadTimestampMonotonicUs: null } },
    };
    return policy(afterReload(about({ ...named, ...change(named) }).request));
  };
  const relative = (snapshot: Snapshot, assignments: [string, string, string][]): Partial<Snapshot> => ({
    scope: 'host',
    units: [
      ...snapshot.units,
      {
        name: 'b.service',
        nestedIn: null,
        cgroup: '/system.slice/b.service',
        files: [{ path: '/b', assignments }],
        shown: null,
      },
    ],
  });
  it('systemd 247 frees the program', () => {
    expect(disagreements(lost('247', () => ({})).allowed, oracle(capture(BEFORE)))).toEqual([]);
  });
  it('252 and later free it where another unit of the slice has a list', () => {
    const predicted = lost('252', (snapshot) => relative(snapshot, [['Service', 'DevicePolicy', 'closed']]));
    expect(disagreements(predicted.allowed, oracle(capture(BEFORE)))).toEqual([]);
    expect(predicted.undecided).toEqual([]);
  });
  it('and leave it attached where none has', () => {
    const predicted = lost('257', (snapshot) => relative(snapshot, [['Service', 'DevicePolicy', 'auto']]));
    expect(disagreements(predicted.allowed, oracle(capture(AFTER)))).toEqual([]);
    expect(predicted.undecided).toEqual([]);
  });
  it('nobody looked at the other units, or an unknown release: undecided', () => {
    for (const release of ['257', '250']) {
      const predicted = lost(release, () => ({}));
      expect(predicted.undecided.map(({ reason }) => reason)).toEqual(['systemd:which-program']);
      expect(predicted.denied.contains({ type: 'b', major: 8, minor: 0, access: 2 })).toBe(true);
    }
  });
});

describe('BPFProgram= and its pin', () => {
  const PIN = '/sys/fs/bpf/crun/x_scope';
  const pinned = (present: boolean | null): PendingRequest => {
    const { request, snapshot } = loaded(BEFORE);
    const [unit] = snapshot.units;
    const files = [
      {
        path: '/run/systemd/transient/x.scope',
        assignments: [['Scope', 'BPFProgram', `device:${PIN}`] as [string, string, string]],
      },
    ];
    const host = { ...snapshot.host, bpfPins: present === null ? null : [{ path: PIN, present }] };
    return {
      ...request,
      snapshot: { ...snapshot, host, units: [{ ...unit!, files, shown: { DevicePolicy: ['auto'] } }] },
    };
  };
  it('the pin is there: the same program comes back', () => {
    const predicted = policy(afterReload(pinned(true)));
    expect(disagreements(predicted.allowed, oracle(capture(BEFORE)))).toEqual([]);
    expect(predicted.changes[0]!.missingPins).toEqual([]);
  });
  it('the pin is gone: the next reload opens every device, a property does not', () => {
    const request = pinned(false);
    const predicted = policy(afterReload(request));
    expect(predicted.allowed.equals(request.space.everything)).toBe(true);
    expect(predicted.changes[0]!.missingPins).toEqual([PIN]);
    expect(disagreements(policy(afterApply(request)).allowed, oracle(capture(BEFORE)))).toEqual([]);
  });
  it('nobody looked, in files captured by hand: the pin is taken to be there, and that is said', () => {
    const predicted = policy(afterReload(pinned(null)));
    expect(predicted.undecided).toEqual([]);
    expect(predicted.changes.flatMap(({ assumedPins }) => assumedPins)).toHaveLength(1);
  });
  it('on a host where it could not be read: what the program refuses is undecided', () => {
    const request = pinned(null);
    const predicted = policy(afterReload({ ...request, snapshot: { ...request.snapshot, scope: 'host' } }));
    expect(predicted.denied.isEmpty()).toBe(true);
    expect(predicted.undecided).toHaveLength(1);
  });
});

describe('the event', () => {
  it.each([
    [247, 'daemon-reload', true],
    [252, 'daemon-reload', true],
    [255, 'daemon-reload', false],
    [256, 'unit-start-after-reload', false],
    [257, 'unit-start-after-reload', true],
    [258, 'daemon-reload', false],
    [262, 'daemon-reload', true],
    [null, 'reload-or-later', false],
  ])('systemd %s: %s', (release, kind, measured) => {
    expect(pendingEvent('files', release)).toMatchObject({ kind, measured });
    expect(pendingEvent('shown', release).kind).toBe('set-property');
  });
});
