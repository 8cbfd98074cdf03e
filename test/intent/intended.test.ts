import { describe, expect, it } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { askedOf } from '../../src/intent/custody.js';
import { custodyChanges, responsibleChanges, type Hop } from '../../src/intent/custody-chain.js';
import { decideIntended } from '../../src/intent/decide.js';
import { intendedOf, intendedOfUnit } from '../../src/intent/intended.js';
import { NOTHING_KNOWN } from '../../src/intent/dialects.js';
import { intendedFromRuncConfig, intendedFromRuncState } from '../../src/intent/runc.js';
import { decidedPartition } from '../../src/intent/set.js';
import type { ContainerRecord, Snapshot, SourceRecord } from '../../src/snapshot/types.js';
import { CAPTURES, capture, capturesWith, disagreements, oracle, request, space } from './captures.js';

const BEFORE = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';
const MULTI = 'bookworm-docker-20.10.24-runc-1.1.5/dev-multi-perms';

function first(name: string): { snapshot: Snapshot; container: ContainerRecord } {
  const snapshot = snapshotFromDirectory(CAPTURES + name);
  const [container] = snapshot.containers;
  if (container === undefined) throw new Error('no container');
  return { snapshot, container };
}

describe('intendedOf: every captured container', () => {
  const cases = capturesWith('oracle.tsv').filter(
    ({ name }) =>
      !name.endsWith('-1-after-daemon-reload') && /docker|containerd|podman|crun|lxc|incus|0-before/.test(name),
  );
  it('finds them', () => {
    expect(cases.length).toBeGreaterThanOrEqual(9);
  });
  it.each(cases.map(({ name }) => [name]))('%s', (name) => {
    const { snapshot, container } = first(name);
    const intention = intendedOf(space(), snapshot, container);
    if (intention.kind !== 'policy') throw new Error(intention.kind);
    expect(disagreements(intention.policy.allowed, oracle(capture(name)))).toEqual([]);
    expect(intention.policy.undecided).toEqual([]);
    expect(intention.policy.couldNotStart).toBeNull();
  });
  it.each(capturesWith('dev-listing.txt').map(({ name }) => [name]))('%s: the unit', (name) => {
    const snapshot = snapshotFromDirectory(CAPTURES + name);
    const intention = intendedOfUnit(space(), snapshot, snapshot.units[0]!);
    if (intention.kind !== 'policy') throw new Error(intention.kind);
    expect(disagreements(intention.policy.allowed, oracle(capture(name)))).toEqual([]);
    expect(intention.policy.restricts).toBe(true);
  });
});

describe('a service in a slice', () => {
  it('is meant to have what both allow; the programs systemd attached settle what /dev/fuse is', () => {
    const name = 'trixie-systemd-257.13/nested-slice-strict-service-closed';
    const snapshot = snapshotFromDirectory(CAPTURES + name);
    const s = space();
    const intention = intendedOfUnit(s, snapshot, snapshot.units[0]!);
    if (intention.kind !== 'policy') throw new Error(intention.kind);
    expect(disagreements(intention.policy.allowed, oracle(capture(name)))).toEqual([]);
    // Without the programs the slice decides all but what it allows itself.
    expect(intention.policy.undecided.every(({ region }) => region.implies(intention.policy.denied.complement()))).toBe(
      true,
    );
    expect(intention.policy.denied.contains(request('c 10:229 rw'))).toBe(true);
    expect(intention.policy.dialectsMean).toBe('all of');
    for (const probe of oracle(capture(name))) {
      const answer = decideIntended(intention.policy, probe);
      if (answer !== 'undecided') expect(answer).toBe(probe.allowed ? 'allow' : 'deny');
    }
    expect(decideIntended(intention.policy, request('c 1:3 rw'))).toBe('allow');
    expect(decideIntended(intention.policy, request('c 10:229 rw'))).toBe('deny');
    expect(intention.policy.dialects).toHaveLength(2);
  });
});

describe('Incus', () => {
  it('a device plugged into a running privileged instance is meant to be there', () => {
    const { snapshot, container } = first('trixie-incus-6.0.4/privileged');
    const device = { name: 'tty', options: { type: 'unix-char', major: '188', minor: '0', path: '/dev/ttyUSB0' } };
    const incus: SourceRecord = { kind: 'incus-config', path: 'x', privileged: true, config: {}, devices: [device] };
    const others = container.sources.filter(({ kind }) => kind !== 'incus-config');
    const meant = (sources: SourceRecord[]): boolean => {
      const intention = intendedOf(space(), snapshot, { ...container, sources });
      return intention.kind === 'policy' && intention.policy.allowed.contains(request('c 188:0 rw'));
    };
    expect([meant(others), meant([...others, incus])]).toEqual([false, true]);
    // An unprivileged instance has no device lines and gets no program, whatever is plugged in.
    const bare = others.map((source) => (source.kind === 'lxc-config' ? { ...source, assignments: [] } : source));
    const open = intendedOf(space(), snapshot, { ...container, sources: [...bare, incus] });
    expect(open.kind === 'policy' && [open.policy.attaches, open.policy.restricts]).toEqual(['none', false]);
  });
});

describe('intendedOf: what is missing', () => {
  it('no source is none, an unreadable one is unreadable, a readable one wins', () => {
    const { snapshot, container } = first(BEFORE);
    const bad: SourceRecord = {
      kind: 'unreadable',
      expected: 'runc-state',
      path: '/run/x',
      failed: 'not JSON',
      code: null,
    };
    const with_ = (sources: SourceRecord[]): string => intendedOf(space(), snapshot, { ...container, sources }).kind;
    expect(with_([])).toBe('none');
    expect(with_([bad])).toBe('unreadable');
    expect(with_([bad, ...container.sources])).toBe('policy');
    expect(with_([{ ...bad, expected: 'docker' }])).toBe('none');
  });
  it('a configuration of an unknown runtime: what runc and crun agree on', () => {
    const { snapshot, container } = first('bookworm-podman-4.3.1-crun-1.8.1/default');
    const unknown = {
      ...container,
      runtime: null,
      runtimeVersion: null,
      sources: container.sources.filter(({ kind }) => kind === 'oci-config'),
    };
    const s = space();
    const intention = intendedOf(s, { ...snapshot, host: { ...snapshot.host, runtimes: {} } }, unknown);
    if (intention.kind !== 'policy') throw new Error(intention.kind);
    const { policy } = intention;
    expect(policy.runtime).toBe('runc or crun');
    expect(policy.undecided.some(({ region }) => region.contains(request('c 5:1 rw')))).toBe(true);
    expect(policy.undecided.some(({ region }) => region.contains(request('c 10:200 rw')))).toBe(true);
    expect(policy.allowed.contains(request('c 1:3 rw'))).toBe(true);
    expect(policy.denied.contains(request('b 8:0 r'))).toBe(true);
  });
  it('a unit without device settings is not compared', () => {
    const { snapshot } = first('bookworm-podman-4.3.1-crun-1.8.1/default');
    expect(intendedOfUnit(space(), snapshot, snapshot.units[0]!).kind).toBe('none');
  });
});

describe('custody: from what was asked to the kernel', () => {
  it('docker run --device: numbers from the nodes, what cannot be resolved is said', () => {
    const { container } = first(MULTI);
    const s = space();
    const docker = container.sources.find(({ kind }) => kind === 'docker');
    expect(docker?.kind === 'docker' && docker.devices.length).toBeGreaterThan(3);
    const nodes = [
      { path: '/dev/sda', type: 'b' as const, major: 8, minor: 0 },
      { path: '/dev/fuse', type: 'c' as const, major: 10, minor: 229 },
    ];
    const asked = askedOf(s, { ...container, nodes: [] }, nodes)!;
    expect(asked.policy.allowed.contains(request('b 8:0 rw'))).toBe(true);
    expect(asked.policy.allowed.contains(request('b 8:0 m'))).toBe(false);
    expect(asked.policy.allowed.contains(request('c 10:229 r'))).toBe(true);
    expect(asked.unresolved.length).toBeGreaterThan(0);
  });
  it('rules, GPUs by count, privileged', () => {
    const { container } = first(BEFORE);
    const s = space();
    const docker = container.sources.find((source) => source.kind === 'docker')!;
    const asked = askedOf(
      s,
      {
        ...container,
        sources: [
          {
            ...docker,
            deviceCgroupRules: ['c 13:* rw', 'nonsense'],
            deviceRequests: [{ driver: 'nvidia', count: -1, deviceIds: [], capabilities: [['gpu']] }],
          },
        ],
      },
      [],
    )!;
    expect(asked.policy.allowed.contains(request('c 13:64 rw'))).toBe(true);
    expect(asked.policy.allowed.contains(request('c 13:64 m'))).toBe(false);
    expect(asked.unresolved).toEqual(['--device-cgroup-rule nonsense', '--gpus nvidia -1']);
    expect(
      askedOf(s, { ...container, sources: [{ ...docker, privileged: true }] }, [])!.policy.allowed.equals(s.everything),
    ).toBe(true);
    expect(askedOf(s, { ...container, sources: [] }, [])).toBeNull();
  });
  it('names the hop that lost a device', () => {
    const { container } = first(BEFORE);
    const s = space();
    const state = container.sources.find((source) => source.kind === 'runc-state')!;
    const config = container.sources.find((source) => source.kind === 'oci-config')!;
    const runtime = intendedFromRuncState(s, state, { ...NOTHING_KNOWN, exact: '1.1.4' });
    const told = decidedPartition(s.forPattern({ type: 'c', major: 136, minor: null, access: () => true }));
    const hop = (name: Hop['name'], policy: Hop['policy'], complete = true): Hop => ({
      name,
      source: name,
      policy,
      complete,
      unresolved: [],
    });
    const changes = custodyChanges([
      hop('asked', decidedPartition(s.forRequest(request('c 5:1 rw'))), false),
      hop('config', intendedFromRuncConfig(s, config, '1.1.4')),
      hop('runtime', runtime),
      hop('systemd', told),
    ]);
    const [first_, second, third] = changes;
    expect([first_!.lost.isEmpty(), first_!.added.isEmpty(), second!.lost.isEmpty(), second!.added.isEmpty()]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(third!.lost.contains(request('c 1:3 rw'))).toBe(true);
    expect(responsibleChanges(changes, s.forRequest(request('c 1:3 rw')), 'lost')).toEqual([
      { change: third, region: s.forRequest(request('c 1:3 rw')) },
    ]);
    expect(responsibleChanges(changes, s.forRequest(request('b 8:0 rw')), 'lost')).toEqual([]);
  });
});
