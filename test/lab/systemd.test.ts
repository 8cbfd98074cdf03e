/** A Debian with systemd as process 1: does the lab give what it promises, on each suite asked for? */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeviceRequest } from '../../src/policy/types.js';
import { Referee } from '../kernel/referee.js';
import { labSuites } from './debian-root.js';
import { SystemdLab } from './systemd.js';

const request = (type: 'b' | 'c', major: number, minor: number, access: number): DeviceRequest => ({
  type,
  major,
  minor,
  access,
});

describe.each(labSuites())('%s', (suite) => {
  let lab: SystemdLab;
  let referee: Referee;
  beforeAll(async () => {
    referee = await Referee.start();
    lab = await SystemdLab.start({ suite });
  });
  afterAll(async () => {
    await lab.stop();
    await referee.stop();
  });

  test('a service with DeviceAllow has a program of systemd', async () => {
    await lab.execOk([
      'systemd-run',
      '--unit=guarded',
      '-p',
      'DevicePolicy=strict',
      '-p',
      'DeviceAllow=/dev/null rw',
      '/bin/sleep',
      '1000',
    ]);
    const verdicts = await referee.verdictsBelow(lab.namespace.cgroupPath('/system.slice/guarded.service'), [
      request('c', 1, 3, 6),
      request('c', 1, 5, 2),
    ]);
    expect(verdicts).toEqual(['allow', 'deny']);
  });

  test('docker runs containers under the systemd driver', async () => {
    await lab.startDocker();
    const id = await lab.dockerRun('web', ['--device', '/dev/fuse']);
    const verdicts = await referee.verdictsBelow(lab.namespace.cgroupPath(`/system.slice/docker-${id}.scope`), [
      request('c', 10, 229, 6),
      request('b', 8, 0, 2),
    ]);
    expect(verdicts).toEqual(['allow', 'deny']);
  });

  test.each(['runc', 'crun'] as const)('podman runs containers with %s', async (runtime) => {
    await lab.preparePodman();
    // Without a device podman 3 with crun 0.17 (bullseye) attaches no program at all.
    const id = await lab.podmanRun(`pod-${runtime}`, runtime, ['--device', '/dev/fuse']);
    const { State } = (JSON.parse(await lab.execOk(['podman', 'inspect', id])) as { State: { Pid: number } }[])[0] ?? {
      State: { Pid: 0 },
    };
    const cgroup = await lab.cgroupOf(State.Pid);
    expect(cgroup).toContain(`libpod-${id}.scope`);
    const verdicts = await referee.verdictsBelow(lab.namespace.cgroupPath(cgroup), [
      request('c', 1, 3, 6),
      request('b', 8, 0, 2),
    ]);
    expect(verdicts).toEqual(['allow', 'deny']);
  });

  test("this checkout's command runs inside", async () => {
    const { status, stdout, stderr } = await lab.devpolicy(['--version']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^devpolicy \d+\.\d+\.\d+/);
  });
});
