/** Folders of captured files as snapshots. What is expected is bpftool's word in the same folder, or stands in the captured files for everyone to see. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { CASES, caseDirectory } from './captured.js';

interface Shown {
  attached: Record<string, { id: number }[] | { error: string }>;
  effective: { id: number }[] | { error: string };
}
const json = (directory: string, file: string): unknown =>
  JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as unknown;
const ids = (list: { id: number }[] | { error: string } | undefined): number[] =>
  Array.isArray(list) ? list.map(({ id }) => id) : [];

describe.each(CASES)('%s', (name) => {
  const directory = caseDirectory(name);
  const snapshot = snapshotFromDirectory(directory);

  test('is read without a problem', () => {
    expect(snapshot.problems).toEqual([]);
  });

  test('has every program whole', () => {
    for (let n = 1; existsSync(path.join(directory, `prog-${String(n)}.json`)); n++) {
      const captured = json(directory, `prog-${String(n)}.json`) as { prog: { id: number } };
      const program = snapshot.programs.find(({ id }) => id === captured.prog.id);
      expect(program?.unreadable).toBeNull();
      expect(Buffer.from(program?.xlated ?? '', 'base64')).toEqual(
        readFileSync(path.join(directory, `prog-${String(n)}.xlated`)),
      );
    }
  });

  test('has the levels and lists that bpftool showed, and no others', () => {
    if (!existsSync(path.join(directory, 'cgroup-show.json'))) {
      expect(snapshot.cgroups.map((cgroup) => [cgroup.path, cgroup.effective])).toEqual([
        ['/', { programIds: [snapshot.programs[0]?.id] }],
      ]);
      return;
    }
    const shown = json(directory, 'cgroup-show.json') as Shown;
    const leaf = snapshot.cgroups.at(-1);
    expect(leaf?.effective).toEqual({ programIds: ids(shown.effective) });
    for (const [machinePath, list] of Object.entries(shown.attached)) {
      const level = snapshot.cgroups.find(({ path: each }) => each !== '/' && machinePath.endsWith(each));
      if (level !== undefined) expect(level.attached).toMatchObject({ programIds: ids(list) });
      else expect(ids(list)).toEqual([]);
    }
  });

  test('names its subject', () => {
    const keys = [
      ...snapshot.containers.map(({ key }) => key),
      ...snapshot.cgroups.map((cgroup) => `cgroup:${cgroup.path}`),
    ];
    expect(keys).toContain(snapshot.subject);
  });
});

const captures = (name: string): string => caseDirectory(`captures/${name}`);

describe('what each kind of folder is about', () => {
  test.each([
    [
      'bookworm-docker-20.10.24-runc-1.1.5/default',
      'docker:dc-default',
      'runc',
      '1.1.5+ds1-1+deb12u1',
      ['docker', 'oci-config', 'runc-state'],
    ],
    [
      'bookworm-podman-4.3.1-crun-1.8.1/default',
      'podman:p-crun-systemd-default',
      'crun',
      '1.8.1-1+deb12u1',
      ['podman', 'oci-config', 'crun-status'],
    ],
    [
      'bookworm-containerd-1.6.20~ds1-runc-1.1.5/systemd-cgroup-kubepods',
      'containerd:ctr-systemd-cgroup-kubepods',
      'runc',
      '1.1.5+ds1-1+deb12u1',
      ['oci-config', 'runc-state'],
    ],
    [
      'trixie-crun-1.21/cgroupfs-access-empty',
      'crun:b-crun-cgroupfs-access-empty',
      'crun',
      '1.21-1',
      ['oci-config', 'crun-status'],
    ],
    ['trixie-lxc-6.0.4/std', 'lxc:lx-std', null, undefined, ['lxc-config']],
    ['trixie-incus-6.0.4/privileged', 'incus:i-privileged', null, undefined, ['incus-config', 'lxc-config']],
  ])('%s', (name, key, runtime, version, kinds) => {
    const { containers, subject } = snapshotFromDirectory(captures(name));
    expect(subject).toBe(key);
    expect(containers[0]).toMatchObject({ key, runtime, state: 'running' });
    expect(containers[0]?.runtimeVersion?.version).toBe(version);
    expect(containers[0]?.sources.map(({ kind }) => kind)).toEqual(kinds);
  });

  test('a runc that is noted as built by hand stands before the package', () => {
    const folder = captures('bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before');
    const { containers, host } = snapshotFromDirectory(folder);
    expect(containers[0]?.runtimeVersion).toMatchObject({ version: '1.1.4' });
    expect(host.runtimes['runc']).toMatchObject({ version: '1.1.4' });
    expect(host).toMatchObject({ devChar: false, deviceLinks: { devChar: [], devBlock: [], sysDevChar: null } });
    expect(host.systemd).toMatchObject({ version: '252.39-1~deb12u2' });
  });

  test('a unit, with its drop-ins and what systemd showed', () => {
    const folder = captures(
      'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-1-after-daemon-reload',
    );
    const { units, containers } = snapshotFromDirectory(folder);
    expect(units).toHaveLength(1);
    expect(units[0]).toMatchObject({ name: containers[0]?.unit, cgroup: containers[0]?.cgroup });
    expect(units[0]?.files?.flatMap(({ assignments }) => assignments)).toEqual([
      ['Scope', 'Slice', 'system.slice'],
      ['Scope', 'Delegate', 'yes'],
      ['Scope', 'DeviceAllow', ''],
      ['Scope', 'DeviceAllow', 'char-pts rwm'],
      ['Scope', 'DeviceAllow', 'char-* m'],
      ['Scope', 'DeviceAllow', 'block-* m'],
      ['Scope', 'DevicePolicy', 'strict'],
    ]);
    expect(units[0]?.shown?.['DeviceAllow']).toEqual(['block-* m', 'char-* m', 'char-pts rwm']);
  });

  test('a service in a slice that has settings too', () => {
    const { units, cgroups, subject } = snapshotFromDirectory(
      captures('trixie-systemd-257.13/nested-slice-strict-service-closed'),
    );
    expect(units.map(({ name, cgroup, files }) => [name, cgroup, files?.length])).toEqual([
      ['corp-n-slice-strict-service-closed.service', subject?.slice('cgroup:'.length), 1],
      ['corpslicestrictserviceclosed.slice', '/corpslicestrictserviceclosed.slice', 1],
    ]);
    expect(
      cgroups.map(({ path: each, effective }) => [
        each.split('/').at(-1),
        'failed' in effective ? null : effective.programIds,
      ]),
    ).toEqual([
      ['', []],
      ['corpslicestrictserviceclosed.slice', [14791]],
      ['corp-n-slice-strict-service-closed.service', [14792, 14791]],
    ]);
  });

  test('maps with their contents', () => {
    const { maps } = snapshotFromDirectory(captures('clang/rodata_config/clang14.0.6-v1'));
    expect(maps.map(({ id, name, frozen }) => [id, name, frozen])).toEqual([
      [816, 'rodata_c.rodata', true],
      [817, '.rodata.str1.1', true],
    ]);
    const [first] = maps;
    const value = Buffer.from((first?.entries as { value: string }[])[0]?.value ?? '', 'base64');
    expect(value.readUInt32LE(0)).toBe(188);
  });

  test('nodes that were listed; those that are named and were not, do not exist', () => {
    const { nodes } = snapshotFromDirectory(captures('trixie-systemd-257.13/closed'));
    expect(nodes).toContainEqual({ path: '/dev/nvidia0', type: 'c', major: 195, minor: 0 });
    expect(nodes).toContainEqual({ path: '/dev/mapper/vg-lv', type: 'b', major: 252, minor: 3 });
    expect(nodes).toContainEqual({ path: '/dev/tpmrm0', type: null, major: 0, minor: 0 });
  });
});

describe('folders that are not as they should be', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-from-'));
    cpSync(captures('bookworm-docker-20.10.24-runc-1.1.5/default'), folder, { recursive: true });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const at = (name: string): string => path.join(folder, name);
  const load = (): ReturnType<typeof snapshotFromDirectory> => snapshotFromDirectory(folder);

  test('garbage in one file is a problem of that file; a source is unreadable', () => {
    writeFileSync(at('state.json'), '{"id": 7');
    writeFileSync(at('proc-devices.txt'), 'anything');
    const { problems, containers } = load();
    expect(problems).toEqual([{ subject: 'docker:dc-default', message: 'state.json: not valid JSON', code: null }]);
    expect(containers[0]?.sources.map(({ kind }) => kind)).toEqual(['docker', 'oci-config', 'unreadable']);
  });

  test('a program that was cut is unreadable, and so is one that is missing or empty', () => {
    truncateSync(at('prog-1.xlated'), 544);
    expect(load().programs[0]).toMatchObject({
      xlated: null,
      unreadable: 'the captured file has 544 bytes, the kernel said 552',
    });
    truncateSync(at('prog-1.xlated'), 0);
    expect(load().programs[0]).toMatchObject({ xlated: null, unreadable: 'the captured file is empty' });
    rmSync(at('prog-1.xlated'));
    expect(load().programs[0]).toMatchObject({ xlated: null, unreadable: 'the instructions were not captured' });
  });

  test('without bpftool’s lists nothing is made up', () => {
    rmSync(at('cgroup-show.json'));
    rmSync(at('cgroup-show.txt'));
    const leaf = load().cgroups.at(-1);
    expect(leaf?.attached).toMatchObject({ programIds: [11265], attachFlags: 2 });
    expect(leaf?.effective).toEqual({ failed: 'not captured', code: null });
    expect(load().cgroups[0]?.attached).toEqual({ failed: 'not captured', code: null });
  });

  test('bpftool’s text does where its JSON is missing', () => {
    const before = load().cgroups.at(-1);
    rmSync(at('cgroup-show.json'));
    expect(load().cgroups.at(-1)).toEqual(before);
  });

  test('an error that was captured in place of a list is an error', () => {
    writeFileSync(
      at('cgroup-show.json'),
      JSON.stringify({ attached: {}, effective: { error: 'Operation not permitted' } }),
    );
    expect(load().cgroups.at(-1)?.effective).toEqual({ failed: 'Operation not permitted', code: null });
  });

  test('a list and a program that contradict each other are a failure, not a choice', () => {
    const shown = json(folder, 'cgroup-show.json') as Shown;
    const leaf = Object.keys(shown.attached).at(-1) ?? '';
    writeFileSync(
      at('cgroup-show.json'),
      JSON.stringify({ ...shown, attached: { ...shown.attached, [leaf]: { error: '' } } }),
    );
    expect(load().cgroups.at(-1)?.attached).toMatchObject({ failed: expect.stringContaining('disagree') as string });
  });

  test('case.json with fields of wrong kinds: those are missing and noted, the others count', () => {
    const facts = json(folder, 'case.json') as Record<string, unknown>;
    writeFileSync(
      at('case.json'),
      JSON.stringify({ ...facts, time: 7, versions: ['x'], command: 'docker run x', programs: { a: 1 } }),
    );
    const { problems, host, collectedAt, containers } = load();
    expect(problems.map(({ message }) => message)).toEqual([
      'case.json: time: expected a string, found a number',
      'case.json: versions: expected an object, found an array',
      'case.json: programs: expected an array, found an object',
    ]);
    expect([collectedAt, host.systemd, containers[0]?.key]).toEqual([null, null, 'docker:dc-default']);
  });

  test('FIFOs, links out of the folder and giants are problems, and do not hang', () => {
    for (const name of ['config.json', 'hostconfig.json', 'systemctl-show.txt']) rmSync(at(name));
    execFileSync('mkfifo', [at('config.json')]);
    symlinkSync('/etc/hostname', at('hostconfig.json'));
    writeFileSync(at('systemctl-show.txt'), '');
    truncateSync(at('systemctl-show.txt'), 2 ** 40);
    expect(
      load()
        .problems.map(({ code }) => code)
        .sort(),
    ).toEqual(['EFBIG', 'EINVAL', 'ENOENT']);
  });

  test('a folder with nothing of the kind, or none at all, is an error in one line', () => {
    for (const name of readdirSync(folder)) rmSync(at(name));
    const message = 'neither programs nor files of a container or unit that are known here';
    expect(load).toThrow(`${folder}: ${message}`);
    writeFileSync(at('notes.txt'), 'hello');
    writeFileSync(at('case.json'), 'hello');
    expect(load).toThrow(expect.objectContaining({ hint: 'case.json: not valid JSON' }) as Error);
    rmSync(folder, { recursive: true });
    expect(load).toThrow(`${folder}: no such directory`);
    mkdirSync(folder);
  });

  test('a state file alone is a container of which the intent is known', () => {
    for (const name of readdirSync(folder).filter((each) => each !== 'state.json')) rmSync(at(name));
    const { subject, containers, cgroups } = load();
    expect(subject).toMatch(/^runc:8cd278b6/);
    expect(containers[0]).toMatchObject({
      runtime: 'runc',
      state: 'unknown',
      cgroup: null,
      sources: [{ kind: 'runc-state' }],
    });
    expect(cgroups).toEqual([]);
  });

  test('programs that say where they are attached need no case.json; several that do not say are in no order', () => {
    for (const name of readdirSync(folder).filter((each) => !each.startsWith('prog-'))) rmSync(at(name));
    expect(load().subject).toMatch(/^cgroup:\/cbw\/system.slice\/docker-8cd278b6/);
    const { prog } = json(folder, 'prog-1.json') as { prog: { id: number } };
    writeFileSync(at('prog-1.json'), JSON.stringify({ prog }));
    expect(load()).toMatchObject({
      subject: 'cgroup:/',
      cgroups: [{ path: '/', effective: { programIds: [prog.id] } }],
    });
    writeFileSync(at('prog-2.json'), JSON.stringify({ prog: { ...prog, id: 7 } }));
    expect(load().cgroups[0]?.effective).toEqual({ failed: 'not captured', code: null });
  });

  test('a /proc/devices that was copied as empty is unknown', () => {
    writeFileSync(at('proc-devices.txt'), '');
    expect(load().host.procDevices).toBeNull();
  });
});

test('programs above a lab’s own cgroup keep the machine’s names for all levels', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-from-'));
  cpSync(captures('trixie-systemd-257.13/nested-slice-strict-service-closed'), folder, { recursive: true });
  const shown = json(folder, 'cgroup-show.json') as Shown;
  const list = [{ id: 14000, attach_type: 'cgroup_device', attach_flags: 'multi' }];
  writeFileSync(
    path.join(folder, 'cgroup-show.json'),
    JSON.stringify({ ...shown, attached: { ...shown.attached, '/sys/fs/cgroup/unified': list } }),
  );
  const { cgroups, units } = snapshotFromDirectory(folder);
  rmSync(folder, { recursive: true });
  expect(cgroups.map(({ path: each }) => each)).toEqual([
    '/',
    '/ctx3',
    '/ctx3/corpslicestrictserviceclosed.slice',
    '/ctx3/corpslicestrictserviceclosed.slice/corp-n-slice-strict-service-closed.service',
  ]);
  expect(units.map(({ cgroup }) => cgroup)).toEqual([
    '/ctx3/corpslicestrictserviceclosed.slice/corp-n-slice-strict-service-closed.service',
    '/ctx3/corpslicestrictserviceclosed.slice',
  ]);
});
