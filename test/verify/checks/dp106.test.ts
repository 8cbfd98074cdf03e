import { expect, test } from 'vitest';
import type { SourceRecord } from '../../../src/snapshot/types.js';
import { DP106 } from '../../../src/verify/checks/dp106.js';
import { container, inputOf } from '../subject-builder.js';

const config: SourceRecord = {
  kind: 'oci-config',
  path: '/bundle/config.json',
  ociVersion: '1.0.2',
  resourcesDevices: [],
  hasResources: true,
  devices: [
    { path: '/dev/stick', type: 'c', major: 166, minor: 0 },
    { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  ],
  cgroupsPath: null,
  userNamespace: false,
  annotations: {},
  hooks: [],
};
const docker: SourceRecord = {
  kind: 'docker',
  path: '/var/lib/docker/containers/x/hostconfig.json',
  name: 'web',
  privileged: false,
  devices: [{ pathOnHost: '/dev/ttyACM0', pathInContainer: '/dev/stick', cgroupPermissions: 'rwm' }],
  deviceCgroupRules: [],
  deviceRequests: [],
  runtime: 'runc',
  cgroupParent: null,
};
const withSources = (sources: SourceRecord[]): typeof container => ({ ...container, sources });
const node = (
  path: string,
  major: number,
  minor: number,
): { path: string; type: 'c'; major: number; minor: number } => ({ path, type: 'c', major, minor });

test('a stick that came back under another number, by its path on the host', () => {
  const nodes = [node('/dev/ttyACM0', 166, 1), node('/dev/null', 1, 3)];
  expect(DP106.run(inputOf({ container: withSources([config, docker]) }, { nodes }))).toEqual([
    { rules: [], witness: null, sources: ['/dev/ttyACM0: c 166:0 in the configuration, c 166:1 now'] },
  ]);
});

test('equal numbers and nodes that are not there say nothing', () => {
  expect(
    DP106.run(inputOf({ container: withSources([config, docker]) }, { nodes: [node('/dev/ttyACM0', 166, 0)] })),
  ).toEqual([]);
  expect(DP106.run(inputOf({ container: withSources([config]) }, { nodes: [] }))).toEqual([]);
});
