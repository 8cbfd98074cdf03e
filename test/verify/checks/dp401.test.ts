import { expect, test } from 'vitest';
import type { DockerSource, NodeRecord } from '../../../src/snapshot/types.js';
import { DP401 } from '../../../src/verify/checks/dp401.js';
import { container, inputOf, known, partition, rules } from '../subject-builder.js';

const docker = (...paths: string[]): DockerSource => ({
  kind: 'docker',
  path: '/var/lib/docker/containers/x/hostconfig.json',
  name: 'web',
  privileged: false,
  devices: paths.map((path) => ({ pathOnHost: path, pathInContainer: path, cgroupPermissions: 'rwm' })),
  deviceCgroupRules: [],
  deviceRequests: [],
  runtime: 'runc',
  cgroupParent: null,
});
const node = (path: string, major: number, minor: number): NodeRecord => ({ path, type: 'c', major, minor });
const enforced = known(partition(rules('c *:* m', 'c 10:229 rw')));

test('a device given by name that has no node in the container', () => {
  const sources = [docker('/dev/fuse', '/dev/net/tun', '/dev/snd', '/dev/pts/3', '/opt/dev')];
  const nodes = [node('/dev/null', 1, 3), node('/dev/net/tun', 10, 200), node('/dev/snd/timer', 116, 33)];
  expect(DP401.run(inputOf({ container: { ...container, sources, nodes }, enforced }))).toEqual([
    { rules: [], witness: null, reasons: ['no node /dev/fuse in the container'] },
  ]);
});

test('without a listing of /dev nothing is absent', () => {
  expect(DP401.run(inputOf({ container: { ...container, sources: [docker('/dev/fuse')] }, enforced }))).toEqual([]);
});

test('making nodes in a user namespace', () => {
  const [found] = DP401.run(inputOf({ container: { ...container, userNamespace: true }, enforced }));
  expect(found?.reasons).toEqual(['mknod is refused in a user namespace']);
  expect(found?.rules.map(({ type, access }) => [type, access])).toEqual([['c', ['m']]]);
  expect(DP401.run(inputOf({ container, enforced }))).toEqual([]);
});

test('a node that the policy allows, on a mount where nobody can open it', () => {
  const nodes = [node('/dev/null', 1, 3), node('/dev/fuse', 10, 229)];
  const confinement = { mounts: [{ point: '/dev', type: 'tmpfs', nodev: true }], modes: [], securityLabel: null };
  expect(DP401.run(inputOf({ container: { ...container, nodes, confinement }, enforced }))).toEqual([
    { rules: [], witness: null, reasons: ['/dev/fuse is on /dev, which is mounted nodev'] },
  ]);
});
