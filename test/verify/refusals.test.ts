import { describe, expect, test } from 'vitest';
import { emptySnapshot } from '../../src/collect/empty.js';
import { mountsOfDevices } from '../../src/collect/nodes.js';
import type { ConfinementRecord, ContainerRecord, Snapshot } from '../../src/snapshot/types.js';
import { otherRefusals } from '../../src/verify/refusals.js';
import { container } from './subject-builder.js';

const MOUNTS = mountsOfDevices(
  [
    '1 0 0:1 / / rw,relatime - overlay overlay rw,lowerdir=/nodev',
    '2 1 0:2 / /dev rw,nosuid - tmpfs tmpfs rw',
    '3 2 0:3 / /dev/shm rw,nosuid,nodev,noexec - tmpfs shm rw',
    '4 1 0:4 / /proc rw,nodev - proc proc rw',
    '5 2 0:5 /fuse /dev/fuse rw,nodev - devtmpfs dev rw',
  ].join('\n'),
);
const CONFINEMENT: ConfinementRecord = {
  mounts: MOUNTS,
  modes: [
    { path: '/dev/null', mode: 0o666, uid: 0, gid: 0 },
    { path: '/dev/sda', mode: 0o640, uid: 0, gid: 6 },
  ],
  securityLabel: null,
};
const NODES: ContainerRecord['nodes'] = [
  { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  { path: '/dev/fuse', type: 'c', major: 10, minor: 229 },
  { path: '/dev/sda', type: 'b', major: 8, minor: 0 },
];

function refusals(
  type: 'b' | 'c',
  [major, minor]: [number, number],
  access: number,
  more: Partial<ContainerRecord> = {},
  procDevices: string | null = 'Character devices:\n  1 mem\n 10 misc\n\nBlock devices:\n  8 sd\n',
): string[] {
  const base = emptySnapshot('little');
  const snapshot: Snapshot = { ...base, host: { ...base.host, procDevices } };
  const record = { ...container, nodes: NODES, confinement: CONFINEMENT, ...more };
  const subject = { key: record.key, name: 'web', container: record, cgroup: null, unit: null };
  return otherRefusals(snapshot, subject, { type, major, minor, access }, null).map(({ kind, certain, detail }) =>
    `${kind}${certain ? '' : '?'} ${detail}`.trim(),
  );
}

test('mounts that bear on /dev, with their own flags and not those of the file system', () => {
  expect(MOUNTS).toEqual([
    { point: '/', type: 'overlay', nodev: false },
    { point: '/dev', type: 'tmpfs', nodev: false },
    { point: '/dev/shm', type: 'tmpfs', nodev: true },
    { point: '/dev/fuse', type: 'devtmpfs', nodev: true },
  ]);
});

describe('opening', () => {
  test('a plain node: nothing refuses', () => {
    expect(refusals('c', [1, 3], 6)).toEqual([]);
  });

  test('a node on a nodev mount, for certain', () => {
    expect(refusals('c', [10, 229], 6)).toEqual(['nodev /dev/fuse']);
  });

  test('mode bits: only what is asked counts, and it depends on who asks', () => {
    expect(refusals('b', [8, 0], 2)).toEqual(['mode? 0640 0:6']);
    expect(refusals('b', [8, 0], 0)).toEqual([]);
  });

  test('no node, no driver: a module may bring one, a node may be elsewhere', () => {
    expect(refusals('c', [240, 1], 6)).toEqual(['no-node? /dev', 'no-driver? c 240']);
    expect(refusals('c', [240, 1], 6, { nodes: [] }, null)).toEqual([]);
  });

  test('a confining label, not one that only complains', () => {
    const label = (securityLabel: string): Partial<ContainerRecord> => ({
      confinement: { ...CONFINEMENT, securityLabel },
    });
    expect(refusals('c', [1, 3], 6, label('docker-default (enforce)'))).toEqual([
      'security-module? docker-default (enforce)',
    ]);
    for (const harmless of ['unconfined', 'docker-default (complain)', 'x (unconfined)'])
      expect(refusals('c', [1, 3], 6, label(harmless))).toEqual([]);
  });

  test('one mount over another of the same point that disagree: not known', () => {
    const mounts = [...MOUNTS, { point: '/dev/fuse', type: 'tmpfs', nodev: false }];
    expect(refusals('c', [10, 229], 6, { confinement: { ...CONFINEMENT, mounts } })).toEqual([]);
  });

  test('in a user namespace a bound node opens; one on a file system of its own may not', () => {
    const mounts = [...MOUNTS, { point: '/dev/null', type: 'devtmpfs', nodev: false }];
    const nested = { userNamespace: true, confinement: { ...CONFINEMENT, mounts } };
    expect(refusals('c', [1, 3], 6, nested)).toEqual([]);
    expect(refusals('b', [8, 0], 2, nested)).toContain('mounted-in-user-namespace? /dev');
  });
});

describe('making a node', () => {
  test('in a user namespace never, but for whiteouts', () => {
    expect(refusals('c', [1, 3], 1, { userNamespace: true })).toEqual(['mknod-user-namespace']);
    expect(refusals('c', [0, 0], 1, { userNamespace: true })).toEqual([]);
    expect(refusals('c', [1, 3], 1)).toEqual([]);
    expect(refusals('c', [1, 3], 1, { userNamespace: null })).toEqual([]);
  });
});
