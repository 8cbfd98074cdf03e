import { expect, test } from 'vitest';
import { emptySnapshot } from '../../../src/collect/empty.js';
import type { DockerSource, HostRecord, SourceRecord } from '../../../src/snapshot/types.js';
import { DP204 } from '../../../src/verify/checks/dp204.js';
import { container, inputOf, intended, known, partition, program, rules } from '../subject-builder.js';

const docker: DockerSource = {
  kind: 'docker',
  path: '/var/lib/docker/containers/x/hostconfig.json',
  name: 'web',
  privileged: false,
  devices: [],
  deviceCgroupRules: ['c 188:* rw'],
  deviceRequests: [],
  runtime: 'runc',
  cgroupParent: null,
};
const withSource = (source: SourceRecord): typeof container => ({ ...container, sources: [source] });
const onLayout = (cgroupLayout: HostRecord['cgroupLayout']): { host: HostRecord } => ({
  host: { ...emptySnapshot('little').host, cgroupLayout },
});

test("a rule of the engine that is not in the runtime's list", () => {
  const list = rules('c 1:3 rwm');
  const enforced = known(partition(list));
  const [found, ...others] = DP204.run(inputOf({ container: withSource(docker), enforced, intended: intended(list) }));
  expect(others).toEqual([]);
  expect(found?.rules.map(({ major, access }) => [major, access])).toEqual([
    [
      [188, 188],
      ['-', 'r', 'w', 'rw'],
    ],
  ]);
  expect(found?.sources).toEqual([docker.path, '/run/runc/web/state.json']);
});

test('nothing was lost, or the runtime attaches nothing', () => {
  const list = rules('c 1:3 rwm', 'c 188:* rw');
  const parts = { container: withSource(docker), enforced: known(partition(list)) };
  expect(DP204.run(inputOf({ ...parts, intended: intended(list) }))).toEqual([]);
  expect(DP204.run(inputOf({ ...parts, intended: intended(rules('c 1:3 rw'), { attaches: 'none' }) }))).toEqual([]);
});

const lxc = (...lines: [string, string][]): SourceRecord => ({
  kind: 'lxc-config',
  path: '/var/lib/lxc/box/config',
  assignments: lines.map(([key, value]) => ({ key, value })),
});

test('an LXC key of cgroup v1 without its twin, where there is only v2', () => {
  const source = lxc(
    ['lxc.cgroup.devices.deny', 'a'],
    ['lxc.cgroup2.devices.deny', 'a'],
    ['lxc.cgroup.devices.allow', 'c 195:* rwm'],
  );
  expect(DP204.run(inputOf({ container: withSource(source) }, onLayout('unified')))).toEqual([
    {
      rules: [],
      witness: null,
      reasons: ['lxc.cgroup.devices.allow = c 195:* rwm'],
      sources: ['/var/lib/lxc/box/config'],
    },
  ]);
  expect(DP204.run(inputOf({ container: withSource(source) }, onLayout('hybrid')))).toEqual([]);
  expect(DP204.run(inputOf({ container: withSource(source) }, onLayout(null)))).toEqual([]);
  // A capture by hand does not tell the layout, but LXC's program does.
  const programs = [program(1, rules('c 1:3 rwm'))];
  expect(DP204.run(inputOf({ container: withSource(source), programs }, onLayout(null)))).toHaveLength(1);
  expect(DP204.run(inputOf({ container: withSource(source), programs }, onLayout('hybrid')))).toEqual([]);
});
