/**
 * Containers found from the files of every engine, in trees laid out as the engines do. State and configuration files are those of real runtimes (test/fixtures); a tree
 * puts them where their engine would.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EngineContext } from '../../src/collect/containers/draft.js';
import { findContainers } from '../../src/collect/containers/index.js';
import { FileTree } from '../../src/collect/files.js';
import { matcherOf } from '../../src/collect/wanted.js';
import type { ContainerRecord, ProblemRecord } from '../../src/snapshot/types.js';
import { caseDirectory } from './captured.js';

const DOCKER = caseDirectory('captures/bookworm-docker-20.10.24-runc-1.1.5/dev-multi-perms');
const DOCKER_ID = 'be88c6376df1644c9778f2a75c1838485565b4b3a38ffe05b40721eed2bedf51';
const DOCKER_PID = 1785;
const PODMAN = caseDirectory('captures/bookworm-podman-4.3.1-crun-1.8.1/default');
const PODMAN_ID = '2a8033cc6b530ba8cf70908786151b5b92d378eb1ab82287c7fd4d36500a57a2';
const PODMAN_PID = 11855;
const CONTAINERD = caseDirectory('captures/bookworm-containerd-1.6.20~ds1-runc-1.1.5/systemd-cgroup-kubepods');
const CRUN = caseDirectory('captures/trixie-crun-1.21/cgroupfs-access-empty');
const LXC = caseDirectory('captures/trixie-lxc-6.0.4/std');
const INCUS = caseDirectory('captures/trixie-incus-6.0.4/privileged');

let root: string;
let problems: ProblemRecord[];
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-engines-'));
  problems = [];
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

/** Copies a captured file to where its engine keeps it. */
function put(from: string, file: string, to: string): void {
  mkdirSync(path.dirname(path.join(root, to)), { recursive: true });
  cpSync(path.join(from, file), path.join(root, to));
}

function write(to: string, content: string): void {
  mkdirSync(path.dirname(path.join(root, to)), { recursive: true });
  writeFileSync(path.join(root, to), content);
}

/** Processes that run, by pid: cgroup and start time. */
type Processes = Record<number, { cgroup: string; startTicks?: number }>;

function collect(
  processes: Processes = {},
  options: { targets?: string[]; inits?: Record<string, number>; firsts?: Record<string, number> } = {},
): ContainerRecord[] {
  const processOf =
    (pids: Record<string, number> = {}) =>
    (cgroup: string) => {
      const pid = pids[cgroup];
      return pid === undefined ? null : { pid, cgroup };
    };
  const context: EngineContext = {
    view: {
      tree: new FileTree(root),
      nestedIn: null,
      cgroupPrefix: '',
      locate: (pid, startTicks) => {
        const found = processes[pid];
        if (
          found === undefined ||
          (startTicks !== null && found.startTicks !== undefined && found.startTicks !== startTicks)
        )
          return null;
        return { pid, cgroup: found.cgroup };
      },
    },
    detail: 'full',
    wanted: options.targets === undefined ? null : matcherOf(options.targets),
    cgroups: Object.keys({ ...options.inits, ...options.firsts }),
    initIn: processOf(options.inits),
    firstIn: processOf(options.firsts),
    problem: (subject, message, code) => problems.push({ subject, message, code }),
  };
  return findContainers(context);
}

function kinds(container: ContainerRecord | undefined): string[] {
  return (container?.sources ?? []).map((source) =>
    source.kind === 'unreadable' ? `unreadable ${source.expected}` : source.kind,
  );
}

function putDocker(): void {
  put(DOCKER, 'config.v2.json', `var/lib/docker/containers/${DOCKER_ID}/config.v2.json`);
  put(DOCKER, 'hostconfig.json', `var/lib/docker/containers/${DOCKER_ID}/hostconfig.json`);
  put(DOCKER, 'state.json', `run/docker/runtime-runc/moby/${DOCKER_ID}/state.json`);
  put(DOCKER, 'config.json', `run/containerd/io.containerd.runtime.v2.task/moby/${DOCKER_ID}/config.json`);
}

const scope = `/system.slice/docker-${DOCKER_ID}.scope`;

describe('docker', () => {
  test('a running container', () => {
    putDocker();
    const containers = collect({ [DOCKER_PID]: { cgroup: scope } });
    expect(containers).toHaveLength(1);
    expect(containers[0]).toMatchObject({
      key: 'docker:dc-dev-multi-perms',
      engine: 'docker',
      runtime: 'runc',
      state: 'running',
      pid: DOCKER_PID,
      cgroup: scope,
      unit: `docker-${DOCKER_ID}.scope`,
      startedAt: '2026-11-22T02:55:03.868290338Z',
    });
    expect(kinds(containers[0])).toEqual(['docker', 'oci-config', 'runc-state']);
    expect(problems).toEqual([]);
  });

  test('a pid that now belongs to another process is not the container', () => {
    putDocker();
    expect(collect({ [DOCKER_PID]: { cgroup: '/user.slice', startTicks: 1 } })[0]).toMatchObject({
      state: 'stopped',
      cgroup: null,
      pid: null,
    });
  });

  test('the directory that daemon.json names', () => {
    write('etc/docker/daemon.json', '{"data-root": "/srv/docker", "exec-root": "/srv/exec"}');
    put(DOCKER, 'config.v2.json', `srv/docker/containers/${DOCKER_ID}/config.v2.json`);
    put(DOCKER, 'state.json', `srv/exec/runtime-nvidia/moby/${DOCKER_ID}/state.json`);
    expect(kinds(collect()[0])).toEqual(['docker', 'runc-state']);
  });

  test('with crun, whose state lies under runtime-* too', () => {
    put(DOCKER, 'config.v2.json', `var/lib/docker/containers/${DOCKER_ID}/config.v2.json`);
    put(PODMAN, 'crun-status.json', `run/docker/runtime-crun/moby/${DOCKER_ID}/status`);
    put(DOCKER, 'config.json', `run/docker/runtime-crun/moby/${DOCKER_ID}/config.json`);
    const [container] = collect({ [PODMAN_PID]: { cgroup: `${scope}/container` } });
    expect(container).toMatchObject({
      runtime: 'crun',
      cgroup: `${scope}/container`,
      unit: `docker-${DOCKER_ID}.scope`,
    });
    expect(kinds(container)).toEqual(['docker', 'oci-config', 'crun-status']);
  });

  test('a stopped one has no state, and its old pid is not looked for', () => {
    const config = readFileSync(path.join(DOCKER, 'config.v2.json'), 'utf8');
    write(
      `var/lib/docker/containers/${DOCKER_ID}/config.v2.json`,
      config.replace('"Running":true', '"Running":false').replace(`"Pid":${String(DOCKER_PID)}`, '"Pid":0'),
    );
    expect(collect({ [DOCKER_PID]: { cgroup: scope } })[0]).toMatchObject({ state: 'stopped', cgroup: null });
  });

  test('without the daemon’s files the bundles still tell', () => {
    put(DOCKER, 'state.json', `run/docker/runtime-runc/moby/${DOCKER_ID}/state.json`);
    put(
      DOCKER,
      'config.json',
      `run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/${DOCKER_ID}/config.json`,
    );
    expect(collect()[0]).toMatchObject({ engine: 'docker', id: DOCKER_ID, names: [DOCKER_ID], namespace: 'moby' });
  });
});

describe('podman', () => {
  const store = 'var/lib/containers/storage/overlay-containers';
  beforeEach(() => {
    put(PODMAN, 'containers.json', `${store}/containers.json`);
    put(PODMAN, 'config.json', `${store}/${PODMAN_ID}/userdata/config.json`);
  });

  test('with crun: the name from the store, the state from /run/crun', () => {
    put(PODMAN, 'crun-status.json', `run/crun/${PODMAN_ID}/status`);
    put(PODMAN, 'config.json', `run/crun/${PODMAN_ID}/config.json`);
    const cgroup = `/machine.slice/libpod-${PODMAN_ID}.scope/container`;
    const containers = collect({ [PODMAN_PID]: { cgroup } });
    expect(containers.map(({ key }) => key)).toEqual(['podman:p-crun-systemd-default']);
    expect(containers[0]).toMatchObject({
      runtime: 'crun',
      state: 'running',
      cgroup,
      unit: `libpod-${PODMAN_ID}.scope`,
    });
    expect(kinds(containers[0])).toEqual(['podman', 'oci-config', 'crun-status']);
  });

  test('with runc', () => {
    put(DOCKER, 'state.json', `run/runc/${PODMAN_ID}/state.json`);
    expect(collect()[0]).toMatchObject({ key: 'podman:p-crun-systemd-default', runtime: 'runc' });
  });

  test('one that was never started, or is stopped', () => {
    expect(collect()[0]).toMatchObject({ key: 'podman:p-crun-systemd-default', runtime: null, state: 'stopped' });
  });

  test('volatile containers, and stores that storage.conf names', () => {
    write('etc/containers/storage.conf', '[storage]\ngraphroot = "/srv/storage"\n');
    write('srv/storage/vfs-containers/volatile-containers.json', '[{"id":"abc","names":["other"]}]');
    put(PODMAN, 'config.json', 'srv/storage/vfs-containers/abc/userdata/config.json');
    expect(collect().map(({ key }) => key)).toEqual(['podman:p-crun-systemd-default', 'podman:other']);
  });

  test('of a user who is logged in', () => {
    write('etc/passwd', 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n');
    mkdirSync(path.join(root, 'run/user/1000'), { recursive: true });
    write(
      'home/ann/.local/share/containers/storage/overlay-containers/containers.json',
      '[{"id":"def","names":["hers"]}]',
    );
    put(PODMAN, 'config.json', 'home/ann/.local/share/containers/storage/overlay-containers/def/userdata/config.json');
    put(PODMAN, 'crun-status.json', 'run/user/1000/crun/def/status');
    expect(collect().map(({ key }) => key)).toContain('podman:hers');
  });
});

describe('containerd and Kubernetes', () => {
  const id = 'ctr-systemd-cgroup-kubepods';

  test('a container of ctr, its state where the shim put it', () => {
    put(CONTAINERD, 'config.json', `run/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/config.json`);
    put(CONTAINERD, 'state.json', `run/containerd/runc/k8s.io/${id}/state.json`);
    expect(collect()[0]).toMatchObject({ key: `containerd:${id}`, namespace: 'k8s.io', runtime: 'runc' });
  });

  test('a pod’s container has the pod’s names', () => {
    const config = JSON.parse(readFileSync(path.join(CONTAINERD, 'config.json'), 'utf8')) as Record<string, unknown>;
    config['annotations'] = {
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.container-name': 'app',
      'io.kubernetes.cri.sandbox-name': 'web-7d',
      'io.kubernetes.cri.sandbox-namespace': 'shop',
      'io.kubernetes.cri.secret': 'not kept',
    };
    write(`run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/config.json`, JSON.stringify(config));
    write(`run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/options.json`, '{"root": "/run/elsewhere"}');
    put(CONTAINERD, 'state.json', `run/elsewhere/k8s.io/${id}/state.json`);
    const [container] = collect();
    expect(container).toMatchObject({
      key: 'containerd:shop/web-7d/app',
      kubernetes: { namespace: 'shop', pod: 'web-7d', container: 'app' },
      runtime: 'runc',
    });
    expect(JSON.stringify(container)).not.toContain('not kept');
  });

  // As containerd 1.4.13 of Debian 11 writes them: the pod is not named, only the sandbox's directory of logs tells.
  test('containerd before 1.5: a pod’s names by the logs of its sandbox', () => {
    const config = JSON.parse(readFileSync(path.join(CONTAINERD, 'config.json'), 'utf8')) as Record<string, unknown>;
    const bundle = (name: string, annotations: Record<string, string>): void => {
      write(
        `run/containerd/io.containerd.runtime.v2.task/k8s.io/${name}/config.json`,
        JSON.stringify({ ...config, annotations: { 'io.kubernetes.cri.sandbox-id': 'abc1', ...annotations } }),
      );
    };
    bundle('abc1', {
      'io.kubernetes.cri.container-type': 'sandbox',
      'io.kubernetes.cri.sandbox-log-directory': '/var/log/pods/shop_web-7d_0a1b2c3d-0000-4000-8000-000000000001',
    });
    bundle('abc2', {
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.container-name': 'app',
    });
    bundle('abc3', {
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.container-name': 'app',
      'io.kubernetes.cri.sandbox-id': '../abc1',
    });
    expect(collect().map(({ key }) => key)).toEqual([
      'containerd:shop/web-7d/POD',
      'containerd:shop/web-7d/app',
      'containerd:abc3',
    ]);
  });

  test('CRI-O, with crun', () => {
    const config = JSON.parse(readFileSync(path.join(PODMAN, 'config.json'), 'utf8')) as Record<string, unknown>;
    config['annotations'] = {
      'io.container.manager': 'cri-o',
      'io.kubernetes.cri-o.ContainerType': 'container',
      'io.kubernetes.container.name': 'db',
      'io.kubernetes.pod.name': 'pg-0',
      'io.kubernetes.pod.namespace': 'data',
    };
    write(
      'var/lib/containers/storage/overlay-containers/containers.json',
      '[{"id":"c0ffee","names":["k8s_db_pg-0_data_uid_0"]}]',
    );
    write('var/lib/containers/storage/overlay-containers/c0ffee/userdata/config.json', JSON.stringify(config));
    put(PODMAN, 'crun-status.json', 'run/crun/c0ffee/status');
    expect(collect()[0]).toMatchObject({ key: 'cri-o:data/pg-0/db', engine: 'cri-o', runtime: 'crun' });
  });
});

describe('low-level runtimes by themselves', () => {
  test('runc, crun and youki', () => {
    put(DOCKER, 'state.json', 'run/runc/one/state.json');
    put(CRUN, 'crun-status.json', 'run/crun/two/status');
    put(CRUN, 'config.json', 'run/crun/two/config.json');
    write(
      'run/youki/three/state.json',
      JSON.stringify({ ociVersion: 'v1.0.2', id: 'three', status: 'running', pid: 77, bundle: '/bundle' }),
    );
    write('run/youki/three/youki_config.json', '{}');
    put(CRUN, 'config.json', 'bundle/config.json');
    const containers = collect({ 77: { cgroup: '/:youki:three' } });
    expect(containers.map(({ key, runtime }) => [key, runtime])).toEqual([
      ['runc:one', 'runc'],
      ['crun:two', 'crun'],
      ['youki:three', 'youki'],
    ]);
    expect(kinds(containers[1])).toEqual(['oci-config', 'crun-status']);
    expect(containers[2]).toMatchObject({ state: 'running', pid: 77 });
  });

  test('what an engine has claimed is not reported again', () => {
    putDocker();
    put(DOCKER, 'state.json', `run/runc/${DOCKER_ID}/state.json`);
    expect(collect().map(({ key }) => key)).toEqual(['docker:dc-dev-multi-perms']);
  });

  test('two containers of one name keep apart', () => {
    put(CONTAINERD, 'config.json', 'run/containerd/io.containerd.runtime.v2.task/default/same/config.json');
    put(CONTAINERD, 'config.json', 'run/containerd/io.containerd.runtime.v2.task/k8s.io/same/config.json');
    expect(collect().map(({ key }) => key)).toEqual(['containerd:same@default/same', 'containerd:same@k8s.io/same']);
  });
});

describe('LXC, Incus, machines', () => {
  test('LXC with includes: a file, a directory, one that is missing', () => {
    put(LXC, 'config', 'usr/share/lxc/config/common.conf');
    write('usr/share/lxc/config/common.conf.d/10-fuse.conf', 'lxc.cgroup2.devices.allow = c 10:229 rwm\n');
    write('usr/share/lxc/config/common.conf.d/README', 'lxc.cgroup2.devices.deny = a\n');
    write(
      'var/lib/lxc/box/config',
      'lxc.include = /usr/share/lxc/config/common.conf\nlxc.include = /usr/share/lxc/config/common.conf.d\nlxc.include = /gone\n# lxc.cgroup2.devices.deny = x\nlxc.idmap = u 0 100000 65536\n',
    );
    const [container] = collect({}, { inits: { '/lxc.payload.box-1': 4242, '/lxc.payload.boxer': 1 } });
    expect(container).toMatchObject({
      key: 'lxc:box',
      pid: 4242,
      cgroup: '/lxc.payload.box-1',
      state: 'running',
      userNamespace: true,
    });
    const source = container?.sources.find((each) => each.kind === 'lxc-config');
    const keys = source?.assignments.map(({ key, value }) => `${key}=${value}`) ?? [];
    expect(keys).toContain('lxc.cgroup2.devices.deny=a');
    expect(keys.indexOf('lxc.cgroup2.devices.allow=c 1:3 rwm')).toBeLessThan(
      keys.lastIndexOf('lxc.cgroup2.devices.allow=c 10:229 rwm'),
    );
    expect(keys).toContain('lxc.include=/gone');
    expect(keys.filter((key) => key.endsWith('deny=a'))).toHaveLength(1);
  });

  test('an include that includes itself ends', () => {
    write('var/lib/lxc/box/config', 'lxc.include = /var/lib/lxc/box/config\nlxc.cgroup2.devices.deny = a\n');
    expect(kinds(collect()[0])).toEqual(['lxc-config']);
  });

  test('Incus: what it handed to LXC, and the instance’s own configuration', () => {
    put(INCUS, 'lxc.conf', 'run/incus/i-privileged/lxc.conf');
    put(INCUS, 'incus-config.yaml', 'var/lib/incus/containers/i-privileged/backup.yaml');
    const [container] = collect({}, { inits: { '/lxc.payload.i-privileged': 99 } });
    expect(container).toMatchObject({ key: 'incus:i-privileged', state: 'running', userNamespace: false });
    expect(kinds(container)).toEqual(['incus-config', 'lxc-config']);
    expect(container?.sources[0]).toMatchObject({ privileged: true, devices: [{ name: 'root' }] });
  });

  test('machines by machined’s files and by their cgroups', () => {
    write(
      'run/systemd/machines/box',
      'NAME=box\nSCOPE=machine-box.scope\nSERVICE=systemd-nspawn\nLEADER=31\nREALTIME=1795316462000000\nCLASS=container\n',
    );
    write('run/systemd/machines/vm', 'NAME=vm\nSERVICE=libvirt-qemu\nLEADER=32\n');
    symlinkSync('box', path.join(root, 'run/systemd/machines/unit:machine-box.scope'));
    const inits = {
      '/machine.slice/systemd-nspawn@other.service/payload': 5,
      '/machine.slice/systemd-nspawn@other.service': 5,
    };
    // A virtual machine has no process number 1.
    const firsts = { '/machine.slice/machine-qemu\\x2d3\\x2dwin.scope': 6 };
    const found = collect(
      { 31: { cgroup: '/machine.slice/machine-box.scope/payload' }, 32: { cgroup: '/vm' } },
      { inits, firsts },
    );
    expect(found.map(({ key, pid, unit }) => [key, pid, unit])).toEqual([
      ['nspawn:box', 31, 'machine-box.scope'],
      ['libvirt:vm', 32, null],
      ['nspawn:other', 5, 'systemd-nspawn@other.service'],
      ['libvirt:win', 6, 'machine-qemu\\x2d3\\x2dwin.scope'],
    ]);
    expect(found[0]?.startedAt).toBe('2026-11-22T03:01:02.000Z');
  });

  test('domains of libvirt: once, by the name that virsh has', () => {
    const cgroups: Record<string, string> = {
      'qemu-1-plain-vm': '/machine.slice/machine-qemu\\x2d1\\x2dplain\\x2dvm.scope',
      'qemu-2-web1': '/machine.slice/machine-qemu\\x2d2\\x2dweb1.scope',
    };
    for (const [index, name] of Object.keys(cgroups).entries())
      write(
        `run/systemd/machines/${name}`,
        `NAME=${name}\nSERVICE=libvirt-qemu\nLEADER=${String(40 + index)}\nCLASS=vm\n`,
      );
    // libvirt leaves "_" and the letter beyond ASCII out of the name it gives machined.
    for (const name of ['plain-vm', 'web_1 ä', 'db_2', 'db2-']) write(`run/libvirt/qemu/${name}.xml`, '<domstatus/>\n');
    const firsts = Object.fromEntries(
      [...Object.values(cgroups), '/machine.slice/machine-qemu\\x2d3\\x2ddb2.scope'].map((scope, index) => [
        scope,
        40 + index,
      ]),
    );
    const processes = Object.fromEntries(
      Object.values(cgroups).map((scope, index) => [40 + index, { cgroup: `${scope}/libvirt` }]),
    );
    const found = collect(processes, { firsts });
    expect(found.map(({ key, id, names, pid }) => [key, id, names, pid])).toEqual([
      ['libvirt:plain-vm', 'qemu-1-plain-vm', ['plain-vm', 'qemu-1-plain-vm'], 40],
      ['libvirt:web_1 ä', 'qemu-2-web1', ['web_1 ä', 'qemu-2-web1'], 41],
      // Two domains could be meant: the name stays as machined has it.
      ['libvirt:db2', 'qemu-3-db2', ['db2', 'qemu-3-db2'], 42],
    ]);
    expect(collect(processes, { firsts, targets: ['web_1 ä'] }).map(({ key }) => key)).toContain('libvirt:web_1 ä');
  });
});

describe('only those that were asked for', () => {
  beforeEach(() => {
    putDocker();
    put(DOCKER, 'state.json', 'run/runc/other/state.json');
    put(LXC, 'config', 'var/lib/lxc/box/config');
  });

  test.each([
    [['dc-dev-multi-perms'], ['docker:dc-dev-multi-perms']],
    [['docker:dc-dev-multi-perms'], ['docker:dc-dev-multi-perms']],
    [[DOCKER_ID.slice(0, 12)], ['docker:dc-dev-multi-perms']],
    [
      ['lxc:box', 'other'],
      ['runc:other', 'lxc:box'],
    ],
    [['nobody'], []],
  ])('%j', (targets, keys) => {
    expect(collect({}, { targets }).map(({ key }) => key)).toEqual(keys);
  });
});

describe('hostile files', () => {
  test('a source that cannot be understood is unreadable, never missing', () => {
    put(DOCKER, 'config.v2.json', `var/lib/docker/containers/${DOCKER_ID}/config.v2.json`);
    for (const [content, failed] of [
      ['garbage', 'not valid JSON'],
      ['{"config": {"cgroups": {"devices": "all"}}}', 'config.cgroups.devices: expected an array, found a string'],
      [
        '{"config": {"cgroups": {"devices": [{"major": "1"}]}}}',
        'config.cgroups.devices[0].major: expected an integer, found a string',
      ],
      ['{"config": 7}', 'config: expected an object, found a number'],
    ]) {
      write(`run/docker/runtime-runc/moby/${DOCKER_ID}/state.json`, content ?? '');
      const sources = collect()[0]?.sources;
      expect(sources?.find((source) => source.kind === 'unreadable')).toMatchObject({
        expected: 'runc-state',
        failed,
        code: null,
      });
    }
  });

  test('a FIFO, a directory, a link out of the root and a giant in place of files', () => {
    const at = (name: string): string => path.join(root, `run/runc/${name}/state.json`);
    for (const name of ['fifo', 'directory', 'link', 'giant'])
      mkdirSync(path.join(root, `run/runc/${name}`), { recursive: true });
    execFileSync('mkfifo', [at('fifo')]);
    mkdirSync(at('directory'));
    symlinkSync(path.join(DOCKER, 'state.json'), at('link'));
    writeFileSync(at('giant'), '');
    truncateSync(at('giant'), 2 ** 40);
    const found = collect();
    expect(
      found.map(({ key, sources }) => [
        key,
        sources.map((source) => (source.kind === 'unreadable' ? source.code : source.kind)),
      ]),
    ).toEqual([
      ['runc:directory', ['EINVAL']],
      ['runc:fifo', ['EINVAL']],
      ['runc:giant', ['EFBIG']],
    ]);
  });

  test('garbage where engines list things is a problem, and the others are still found', () => {
    write('etc/docker/daemon.json', '{');
    write('var/lib/containers/storage/overlay-containers/containers.json', '{"id": 1}');
    put(DOCKER, 'state.json', 'run/runc/one/state.json');
    expect(collect().map(({ key }) => key)).toEqual(['runc:one']);
    expect(problems.map(({ message }) => message)).toEqual([
      '/etc/docker/daemon.json could not be read: containers elsewhere than in /var/lib/docker are not seen',
      '/var/lib/containers/storage/overlay-containers/containers.json: document: expected an array, found an object',
    ]);
  });

  test('ids that are no names of directories lead nowhere', () => {
    write(
      'var/lib/containers/storage/overlay-containers/containers.json',
      '[{"id":"../../../../etc","names":["x"]},{"id":"a/b","names":["y"]}]',
    );
    expect(collect()).toEqual([]);
  });

  test('a prototype’s names as keys', () => {
    write(
      'run/runc/x/state.json',
      '{"__proto__": {"config": {}}, "config": {"cgroups": {"__proto__": {"devices": []}}}}',
    );
    const [container] = collect();
    expect(container?.sources[0]).toMatchObject({ kind: 'runc-state', devices: null });
  });
});
