/** What cannot be read is said and costs no more than itself: never a shorter list that looks whole, never a whole host for one hostile file. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { containerdContainers } from '../../src/collect/containers/containerd.js';
import { dockerContainers } from '../../src/collect/containers/docker.js';
import type { EngineContext } from '../../src/collect/containers/draft.js';
import { lxcContainers } from '../../src/collect/containers/lxc.js';
import { FileTree } from '../../src/collect/files.js';
import { bpfPins } from '../../src/collect/host.js';
import { lookedAt } from '../../src/collect/nodes.js';
import { Proc } from '../../src/collect/proc.js';
import { processProblems } from '../../src/collect/process-problems.js';
import { UnitReader } from '../../src/collect/units.js';
import { runtimeVersions } from '../../src/collect/versions.js';
import type { ContainerRecord, ProblemRecord, UnitRecord } from '../../src/snapshot/types.js';
import { caseDirectory } from './captured.js';

const DOCKER = caseDirectory('captures/bookworm-docker-20.10.24-runc-1.1.5/dev-multi-perms');
const DOCKER_ID = 'be88c6376df1644c9778f2a75c1838485565b4b3a38ffe05b40721eed2bedf51';
const CONTAINERD = caseDirectory('captures/bookworm-containerd-1.6.20~ds1-runc-1.1.5/systemd-cgroup-kubepods');
const LXC = caseDirectory('captures/trixie-lxc-6.0.4/std');

let root: string;
let tree: FileTree;
let problems: ProblemRecord[];
let context: EngineContext;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-unreadable-'));
  tree = new FileTree(root);
  problems = [];
  context = {
    view: { tree, nestedIn: null, cgroupPrefix: '', locate: () => null },
    detail: 'full',
    wanted: null,
    cgroups: [],
    initIn: () => null,
    firstIn: () => null,
    problem: (subject, message, code) => problems.push({ subject, message, code }),
  };
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function at(file: string): string {
  const full = path.join(root, file);
  mkdirSync(path.dirname(full), { recursive: true });
  return full;
}

/** A named pipe: whoever opens it waits for ever, so it is refused, as root too. */
function fifo(file: string): void {
  execFileSync('mkfifo', [at(file)]);
}

describe('files of engines', () => {
  test('hostconfig.json that is no file: the container is there, what was asked for is unreadable', () => {
    cpSync(path.join(DOCKER, 'config.v2.json'), at(`var/lib/docker/containers/${DOCKER_ID}/config.v2.json`));
    fifo(`var/lib/docker/containers/${DOCKER_ID}/hostconfig.json`);
    const [draft] = dockerContainers(context);
    expect(draft?.names).toEqual(['dc-dev-multi-perms']);
    expect(draft?.sources.find(({ kind }) => kind === 'unreadable')).toMatchObject({
      expected: 'docker',
      path: `/var/lib/docker/containers/${DOCKER_ID}/hostconfig.json`,
      code: 'EINVAL',
    });
  });

  test.each([
    [
      'a FIFO',
      (): void => {
        fifo('run/containerd/io.containerd.runtime.v2.task/k8s.io/one/options.json');
      },
      'EINVAL',
    ],
    [
      'no JSON',
      (): void => {
        writeFileSync(at('run/containerd/io.containerd.runtime.v2.task/k8s.io/one/options.json'), '{');
      },
      null,
    ],
  ])('options.json of a bundle that is %s is a problem, and the container is found', (_what, make, code) => {
    cpSync(
      path.join(CONTAINERD, 'config.json'),
      at('run/containerd/io.containerd.runtime.v2.task/k8s.io/one/config.json'),
    );
    make();
    expect(containerdContainers(context, new Set())).toHaveLength(1);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ subject: 'host', code });
    expect(problems[0]?.message).toContain('options.json');
  });

  test('lxc.conf that is a FIFO: containers in the default directory are still found', () => {
    cpSync(path.join(LXC, 'config'), at('var/lib/lxc/box/config'));
    fifo('etc/lxc/lxc.conf');
    expect(lxcContainers(context).map(({ names }) => names)).toEqual([['box']]);
    expect(problems).toMatchObject([{ subject: 'host', code: 'EINVAL' }]);
  });
});

describe('units', () => {
  test('a unit of which a drop-in cannot be read has no settings at all, and the problem is its own', () => {
    writeFileSync(at('etc/systemd/system/a.service'), '[Service]\nDevicePolicy=closed\n');
    fifo('etc/systemd/system/a.service.d/50-more.conf');
    symlinkSync('50-loop.conf', path.join(root, 'etc/systemd/system/a.service.d/50-loop.conf'));
    const unit = new UnitReader(tree, null, problems).read('a.service', '/system.slice/a.service');
    expect(unit.files).toBeNull();
    expect(problems).toMatchObject([{ subject: 'unit:a.service', code: 'ELOOP' }]);
  });
});

describe('nodes', () => {
  test('a directory that a server is mounted on is named, and the others are looked at', () => {
    mkdirSync(path.join(root, 'dev/remote'), { recursive: true });
    execFileSync('mkfifo', [at('dev/pipe')]);
    const mountinfo = '36 35 0:40 / /dev/remote rw - fuse.server server rw';
    expect(lookedAt(new FileTree(root, mountinfo), 'docker:web', problems)).toEqual([]);
    expect(problems).toMatchObject([{ subject: 'docker:web', code: 'EREMOTE' }]);
    expect(problems[0]?.message).toContain('/dev/remote');
  });

  test('directories nested deeper than is looked are named', () => {
    mkdirSync(path.join(root, 'dev/a/b/c/d/e/f'), { recursive: true });
    lookedAt(tree, 'docker:web', problems);
    expect(problems).toEqual([
      {
        subject: 'docker:web',
        message: 'the device nodes in /dev/a/b/c/d/e were not all looked at: is nested too deep',
        code: null,
      },
    ]);
  });
});

describe('processes', () => {
  const container = { key: 'docker:web', pid: 12 } as ContainerRecord;

  test('files that are there and cannot be read are a problem of the container, else of the host', () => {
    writeFileSync(at('1/stat'), `1 (init) S ${'0 '.repeat(30)}`);
    fifo('12/cgroup');
    fifo('13/status');
    fifo('14/status');
    const proc = new Proc(root);
    expect(proc.cgroup(12)).toBeNull();
    expect(proc.namespacedPids(13)).toEqual([]);
    expect(proc.namespacedPids(14)).toEqual([]);
    expect(proc.mountinfo(99)).toBe('');
    expect(processProblems(proc, [container])).toMatchObject([
      { subject: 'docker:web', code: 'EINVAL' },
      { subject: 'host', message: '/proc/PID/status of 2 processes could not be read', code: 'EINVAL' },
    ]);
  });

  test('a procfs without its first process hides others', () => {
    mkdirSync(path.join(root, '77'));
    expect(processProblems(new Proc(root), [])).toMatchObject([{ subject: 'host' }]);
    expect(processProblems(new Proc('/proc'), [])).toEqual([]);
  });
});

describe('the host', () => {
  test('a pin that cannot be looked for is unknown, not gone', () => {
    symlinkSync('crun', at('sys/fs/bpf/crun'));
    const unit: UnitRecord = {
      name: 'a.scope',
      nestedIn: null,
      cgroup: '/a.scope',
      files: [
        {
          path: '/run/systemd/transient/a.scope',
          assignments: [
            ['Scope', 'BPFProgram', 'device:/sys/fs/bpf/crun/a_scope'],
            ['Scope', 'BPFProgram', 'device:/sys/fs/bpf/other'],
          ],
        },
      ],
      shown: null,
    };
    const host = { tree, nestedIn: null };
    expect(bpfPins(host, [], [unit], problems)).toEqual([{ path: '/sys/fs/bpf/other', present: false }]);
    expect(problems).toMatchObject([{ subject: 'host', code: 'ELOOP' }]);
  });

  test('the pins of a guest are looked for in the guest, and only there', () => {
    writeFileSync(at('sys/fs/bpf/crun/libpod-1_scope'), '');
    const crun = (nestedIn: string | null, unit: string): ContainerRecord =>
      ({ runtime: 'crun', nestedIn, unit }) as ContainerRecord;
    const containers = [crun(null, 'outer.scope'), crun('lxc:box', 'libpod-1.scope')];
    expect(bpfPins({ tree, nestedIn: 'lxc:box' }, containers, [], problems)).toEqual([
      { path: '/sys/fs/bpf/crun/libpod-1_scope', present: true },
    ]);
    expect(bpfPins({ tree, nestedIn: null }, containers, [], problems)).toEqual([
      { path: '/sys/fs/bpf/crun/outer_scope', present: false },
    ]);
    expect(problems).toEqual([]);
  });

  test('a package database that cannot be read', () => {
    fifo('var/lib/dpkg/status');
    const noted: string[] = [];
    expect(runtimeVersions(tree, 'brief', (message) => noted.push(message))).toEqual({});
    expect(noted).toHaveLength(1);
    expect(noted[0]).toContain('/var/lib/dpkg/status');
  });
});
