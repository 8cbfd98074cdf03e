/** Real runc and crun containers: does the lab give what it promises? Their policies are judged in the other tests of this folder. */
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeviceRequest } from '../../src/policy/types.js';
import { cgroup2Mount } from '../kernel/loader-process.js';
import { Referee } from '../kernel/referee.js';
import { Namespace } from './namespace.js';
import { startContainer, stopContainer } from './runc.js';

let lab: Namespace;
let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start();
  lab = await Namespace.start();
});
afterAll(async () => {
  await lab.stop();
  await referee.stop();
  expect(readdirSync(cgroup2Mount()).filter((name) => name.includes(`devpolicy-lab-${String(process.pid)}`))).toEqual(
    [],
  );
});

const request = (type: 'b' | 'c', major: number, minor: number, access: number): DeviceRequest => ({
  type,
  major,
  minor,
  access,
});

test.each(['runc', 'crun'] as const)('%s: a default container may use /dev/null and no disk', async (runtime) => {
  const container = await startContainer(lab, { runtime, name: `${runtime}-default` });
  expect(container.cgroup).toBe(`/${runtime}-default`);
  const path = lab.cgroupPath(container.cgroup);
  expect(
    await referee.verdictsBelow(path, [request('c', 1, 3, 6), request('b', 8, 0, 2), request('b', 8, 0, 1)]),
  ).toEqual(['allow', 'deny', 'allow']);
  await stopContainer(lab, container);
  expect(existsSync(path)).toBe(false);
});

test('runc: extra devices and a privileged container', async () => {
  const fuse = { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666 } as const;
  const extra = await startContainer(lab, {
    name: 'extra',
    nodes: [fuse],
    rules: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
    ],
  });
  const open = await startContainer(lab, { name: 'open', rules: [{ allow: true, access: 'rwm' }] });
  const requests = [request('c', 10, 229, 6), request('c', 10, 228, 6), request('b', 8, 0, 6)];
  expect(await referee.verdictsBelow(lab.cgroupPath(extra.cgroup), requests)).toEqual(['allow', 'deny', 'deny']);
  expect(await referee.verdictsBelow(lab.cgroupPath(open.cgroup), requests)).toEqual(['allow', 'allow', 'allow']);
  await stopContainer(lab, extra);
  await stopContainer(lab, open);
});
