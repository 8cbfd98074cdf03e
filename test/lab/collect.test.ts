/**
 * What the collector sees of a Debian with systemd, dockerd, podman, containerd and LXC: each engine's containers by their names, with the files of their units. The lab is
 * looked into from outside through the root of its first process, as `--host-root` does it.
 */
import { appendFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectSnapshot } from '../../src/collect/index.js';
import type { ContainerRecord, Snapshot } from '../../src/snapshot/types.js';
import { labSuites } from './debian-root.js';
import type { Suite } from './debian-root.js';
import { makeRootFilesystem } from './runc.js';
import { SystemdLab } from './systemd.js';

describe.each(labSuites())('%s', (suite) => {
  let lab: SystemdLab;
  let snapshot: Snapshot;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    lab = await SystemdLab.start({ suite });
    await lab.startDocker();
    ids['web'] = await lab.dockerRun('web', [
      '--device',
      '/dev/fuse:/dev/fuse:rw',
      '--device-cgroup-rule',
      'c 189:* rmw',
    ]);
    ids['gone'] = await lab.dockerRun('gone');
    await lab.execOk(['docker', 'stop', '-t', '0', 'gone']);
    await lab.preparePodman();
    ids['with-runc'] = await lab.podmanRun('with-runc', 'runc', ['--device', '/dev/fuse']);
    ids['with-crun'] = await lab.podmanRun('with-crun', 'crun', ['--device', '/dev/fuse']);
    await lab.execOk([
      'systemd-run',
      '--unit=guarded',
      '-p',
      'DevicePolicy=closed',
      '-p',
      'DeviceAllow=/dev/net/tun rw',
      '/bin/sleep',
      '1000',
    ]);
    ids['outer'] = await startNested(lab);
    makeLxc(lab);
    if (lxcRuns(suite)) await startLxc(lab);
    snapshot = await collectSnapshot({ hostRoot: lab.namespace.path('/').replace(/\/$/, '') });
  });
  afterAll(async () => {
    await lab.stop();
  });

  const find = (key: string): ContainerRecord => {
    const found = snapshot.containers.find((container) => container.key === key);
    if (found === undefined)
      throw new Error(`${key} is not among ${snapshot.containers.map((each) => each.key).join(', ')}`);
    return found;
  };
  const kinds = (container: ContainerRecord): string[] => container.sources.map((source) => source.kind);

  test('a container of docker, with what was asked for and what runc resolved', () => {
    const web = find('docker:web');
    expect(web).toMatchObject({
      engine: 'docker',
      runtime: 'runc',
      id: ids['web'],
      state: 'running',
      cgroup: `/system.slice/docker-${ids['web'] ?? ''}.scope`,
      unit: `docker-${ids['web'] ?? ''}.scope`,
      userNamespace: false,
    });
    expect(kinds(web)).toEqual(['docker', 'oci-config', 'runc-state']);
    expect(web.sources[0]).toMatchObject({
      devices: [{ pathOnHost: '/dev/fuse', pathInContainer: '/dev/fuse', cgroupPermissions: 'rw' }],
      deviceCgroupRules: ['c 189:* rmw'],
    });
    expect(web.nodes).toContainEqual({ path: '/dev/fuse', type: 'c', major: 10, minor: 229 });
  });

  test('the unit of its scope, with the drop-ins runc made', () => {
    const unit = snapshot.units.find(({ cgroup }) => cgroup === find('docker:web').cgroup);
    const settings = (unit?.files ?? []).flatMap((file) => file.assignments.map(([, key, value]) => `${key}=${value}`));
    expect(settings).toContain('DevicePolicy=strict');
    // By name up to runc 1.1, by number since 1.2 (opencontainers/runc#3843).
    expect(settings.some((setting) => /^DeviceAllow=char-(pts|136) rwm$/.test(setting))).toBe(true);
    expect(snapshot.units.map(({ cgroup }) => cgroup)).toEqual(expect.arrayContaining(['/', '/system.slice']));
  });

  test('a stopped container has an intent and no process', () => {
    expect(find('docker:gone')).toMatchObject({ state: 'stopped', pid: null, cgroup: null });
  });

  test.each(['runc', 'crun'] as const)('a container of podman with %s', (runtime) => {
    const container = find(`podman:with-${runtime}`);
    expect(container).toMatchObject({ engine: 'podman', runtime, id: ids[`with-${runtime}`], state: 'running' });
    expect(container.unit).toBe(`libpod-${ids[`with-${runtime}`] ?? ''}.scope`);
    expect(kinds(container)).toContain('podman');
    expect(kinds(container)).toContain(runtime === 'runc' ? 'runc-state' : 'crun-status');
    expect(kinds(container)).toContain('oci-config');
  });

  test('a service with device settings, and its program', () => {
    const unit = snapshot.units.find(({ name }) => name === 'guarded.service');
    expect(unit?.cgroup).toBe('/system.slice/guarded.service');
    const settings = (unit?.files ?? []).flatMap((file) => file.assignments.map(([, key, value]) => `${key}=${value}`));
    expect(settings).toEqual(expect.arrayContaining(['DevicePolicy=closed', 'DeviceAllow=/dev/net/tun rw']));
    const cgroup = snapshot.cgroups.find(({ path: each }) => each === '/system.slice/guarded.service');
    expect(cgroup?.attached).toMatchObject({ attachFlags: 2, programIds: [expect.any(Number)] });
  });

  test('an LXC container, its configuration with includes', () => {
    const box = find('lxc:box');
    expect(box).toMatchObject(
      lxcRuns(suite) ? { state: 'running', cgroup: '/lxc.payload.box' } : { state: 'stopped', cgroup: null },
    );
    const source = box.sources.find((each) => each.kind === 'lxc-config');
    expect(source?.assignments.filter(({ key }) => key.startsWith('lxc.cgroup2.devices.'))).toEqual([
      { key: 'lxc.cgroup2.devices.deny', value: 'a' },
      { key: 'lxc.cgroup2.devices.allow', value: 'c 1:3 rwm' },
      { key: 'lxc.cgroup2.devices.allow', value: '/dev/fuse rw' },
    ]);
  });

  test('a container inside a container, by the files in there', () => {
    expect(find('docker:outer')).toMatchObject({ nestedIn: null, state: 'running' });
    const inner = find('docker:outer/runc:inner');
    expect(inner).toMatchObject({ nestedIn: 'docker:outer', runtime: 'runc', state: 'running' });
    expect(inner.cgroup).toBe(`/system.slice/docker-${ids['outer'] ?? ''}.scope/inner`);
    expect(inner.pid).not.toBe(find('docker:outer').pid);
    // The first process of the outer container has moved to a cgroup of its own, as systemd and dockerd do.
    expect(find('docker:outer').cgroup).toBe(`/system.slice/docker-${ids['outer'] ?? ''}.scope/init`);
    expect(snapshot.nestedHosts.map(({ key, cgroup }) => [key, cgroup])).toEqual([
      ['docker:outer', `/system.slice/docker-${ids['outer'] ?? ''}.scope`],
    ]);
    const cgroup = snapshot.cgroups.find(({ path: each }) => each === inner.cgroup);
    expect(cgroup?.effective).toMatchObject({ programIds: [expect.any(Number), expect.any(Number)] });
  });

  test('the host: systemd and runtimes by version, no binary run', async () => {
    const version = await lab.packageVersion('systemd');
    expect(snapshot.host.systemd).toMatchObject({ version, source: 'dpkg' });
    for (const [runtime, file] of [
      ['runc', '/usr/sbin/runc'],
      ['crun', '/usr/bin/crun'],
    ] as const) {
      const changedAt = statSync(lab.namespace.path(file)).ctime.toISOString();
      const installed = { version: await lab.packageVersion(runtime), source: 'dpkg', changedAt };
      expect(snapshot.host.runtimes[runtime]).toEqual(installed);
    }
    expect(snapshot.host).toMatchObject({ cgroupLayout: 'unified', devChar: true });
  });

  test('nodes that settings name are known, by number or as missing', () => {
    expect(snapshot.nodes).toContainEqual({ path: '/dev/net/tun', type: 'c', major: 10, minor: 200 });
    expect(snapshot.nodes.map((node) => node.path)).toEqual(
      expect.arrayContaining(['/dev/null', '/dev/ptmx', '/dev/tpmrm0']),
    );
  });

  test('nothing was hidden', () => {
    expect(snapshot.problems).toEqual([]);
  });
});

/** A container of LXC whose device keys are in part in an included file, reached through a link. */
function makeLxc(lab: SystemdLab): void {
  const directory = lab.namespace.path('/var/lib/lxc/box');
  mkdirSync(directory, { recursive: true });
  makeRootFilesystem(path.join(directory, 'rootfs'));
  writeFileSync(
    path.join(directory, 'devices.conf'),
    'lxc.cgroup2.devices.deny = a\nlxc.cgroup2.devices.allow = c 1:3 rwm\n',
  );
  symlinkSync('/var/lib/lxc/box/devices.conf', path.join(directory, 'link.conf'));
  writeFileSync(path.join(directory, 'config'), 'lxc.include = /var/lib/lxc/box/link.conf\n');
  const settings = [
    'lxc.uts.name = box',
    'lxc.rootfs.path = dir:/var/lib/lxc/box/rootfs',
    'lxc.net.0.type = empty',
    'lxc.apparmor.profile = unconfined',
    'lxc.init.cmd = /bin/sleep 1000000',
    'lxc.cgroup2.devices.allow = /dev/fuse rw',
  ];
  appendFileSync(path.join(directory, 'config'), `${settings.join('\n')}\n`);
}

/** LXC 4.0.6 gives up where a controller cannot be enabled for its monitor, as in a lab whose hugetlb controller is busy. */
function lxcRuns(suite: Suite): boolean {
  return suite !== 'bullseye';
}

async function startLxc(lab: SystemdLab): Promise<void> {
  await lab.execOk(['lxc-start', '-n', 'box', '-o', '/tmp/lxc.log', '-l', 'INFO']).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await lab.execOk(['cat', '/tmp/lxc.log'])}`);
  });
}

/** runc in a privileged container of Docker: its state is in a /run of its own, its cgroup below the container's. */
async function startNested(lab: SystemdLab): Promise<string> {
  const borrowed = ['/usr', '/lib', '/lib64', '/sbin'].flatMap((directory) => ['-v', `${directory}:${directory}`]);
  const script = `
    mkdir -p /sys/fs/cgroup/init /run/bundle/rootfs/bin
    echo 0 >/sys/fs/cgroup/init/cgroup.procs
    cp /bin/busybox /run/bundle/rootfs/bin/sleep
    cd /run/bundle
    /usr/sbin/runc spec
    sed -i -e 's/"terminal": true/"terminal": false/' -e 's/"sh"/"sleep","1000000"/' config.json
    /usr/sbin/runc run --detach inner </dev/null >/run/log 2>&1 && echo started || cat /run/log
    exec sleep 1000000`;
  const options = ['--name', 'outer', '--network', 'none', ...lab.privileged, '--tmpfs', '/run', ...borrowed];
  const id = await lab.execOk(['docker', 'run', '-d', ...options, 'box', '/bin/sh', '-c', script]);
  for (let attempt = 0; attempt < 100; attempt++) {
    const { stdout, stderr } = await lab.exec(['docker', 'logs', 'outer']);
    if (stdout === 'started\n') return id.trim();
    if (stdout + stderr !== '') throw new Error(`the container in the container: ${stdout}${stderr}`);
    await setTimeout(100);
  }
  throw new Error('the container in the container did not start');
}
