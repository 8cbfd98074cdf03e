/** LXC, Incus and systemd-nspawn: by the names people use; what is enforced, what was meant, and what a reload of systemd leaves. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Referee } from '../kernel/referee.js';
import { labSuites, suitesWithOthers } from './debian-root.js';
import { incusRuns, lxcLists, lxcRuns, makeMachineRoot, startIncus, startLxc, startNspawn } from './machines.js';
import { DOMAINS, JOB, OTHERS_NODES, startDomains, startSlurm } from './others.js';
import { allRight, look, prove, rightAndNotCompared, subjectOf } from './prove.js';
import { SystemdLab } from './systemd.js';

describe.each(labSuites())('%s', (suite) => {
  let lab: SystemdLab;
  let referee: Referee;
  const keys: string[] = [];
  beforeAll(async () => {
    referee = await Referee.start();
    lab = await SystemdLab.start({ suite });
    await makeMachineRoot(lab);
    await startNspawn(lab);
    keys.push('nspawn:by-hand', 'nspawn:service');
    if (lxcRuns(suite)) {
      for (const [name, devices] of lxcLists(suite)) await startLxc(lab, name, devices);
      keys.push(...lxcLists(suite).map(([name]) => `lxc:${name}`));
    }
    if (incusRuns(suite)) {
      await startIncus(lab);
      keys.push('incus:instance', 'incus:open-user');
    }
  });
  afterAll(async () => {
    await lab.stop();
    await referee.stop();
  });

  test('by the names people use', async () => {
    for (const key of keys) {
      const name = key.slice(key.indexOf(':') + 1);
      const { status, stdout, stderr } = await lab.devpolicy(['show', name]);
      expect(`${key} ${String(status)} ${stderr}`).toBe(`${key} 0 `);
      expect(stdout.split(/\s/)[0]).toBe(name);
    }
  });

  test('enforced, meant and foretold', async () => {
    const { proofs, before } = await prove(lab, referee, keys);
    expect(proofs).toEqual(allRight(keys));
    for (const key of keys.filter((each) => each.startsWith('nspawn:')))
      expect(before.programs(subjectOf(before, key))).toHaveLength(1);
  });

  // What a suite has no program for is no test of it: Debian 12 and older have no Incus.
  if (lxcRuns(suite)) {
    // "deny = a" alone leaves LXC's list empty, and LXC then attaches nothing.
    test('LXC that attaches nothing is found', async () => {
      const { status, stdout } = await lab.devpolicy(['verify', 'deny-all-only']);
      expect(status).toBe(1);
      expect(stdout).toContain('DP201');
    });
  }

  if (lxcLists(suite).some(([name]) => name === 'v1-keys')) {
    // LXC reads keys of cgroup v1 and does nothing with them where there is v2 alone.
    test('LXC whose keys are of cgroup v1', async () => {
      const { status, stdout } = await lab.devpolicy(['verify', 'v1-keys']);
      expect(status).toBe(1);
      expect(stdout).toContain('DP201');
      expect(stdout).toContain('lxc.cgroup.devices.allow');
    });
  }

  if (incusRuns(suite)) {
    test('a device plugged into a running instance of Incus, and one taken out', async () => {
      const ask = async (): Promise<number> => (await lab.devpolicy(['can', 'instance', 'c:188:0', 'rw'])).status;
      expect(await ask()).toBe(0);
      await lab.execOk(['incus', 'config', 'device', 'remove', 'instance', 'serial']);
      expect(await ask()).toBe(1);
      const { proofs } = await prove(lab, referee, ['incus:instance']);
      expect(proofs).toEqual(allRight(['incus:instance']));
    });
  }
});

describe.each(suitesWithOthers())('others of $suite', ({ suite, packages }) => {
  let lab: SystemdLab;
  let referee: Referee;
  const withLxd = packages.includes('lxd');
  beforeAll(async () => {
    referee = await Referee.start();
    lab = await SystemdLab.start({ suite, packages, nodes: OTHERS_NODES });
    await startDomains(lab);
    await startSlurm(lab);
    if (withLxd) {
      await makeMachineRoot(lab);
      await startIncus(lab, 'lxd');
    }
  });
  afterAll(async () => {
    await lab.stop();
    await referee.stop();
  });

  test('domains of libvirt: by the names that virsh has, exactly, as not compared', async () => {
    const { stdout } = await lab.devpolicy(['list']);
    const keys = DOMAINS.map((name) => `libvirt:${name}`);
    expect(stdout.match(/^.*libvirt.*$/gm)).toHaveLength(keys.length);
    for (const name of DOMAINS)
      expect(stdout).toMatch(new RegExp(`^${name} +libvirt +\\S+ +1 \\(libvirt\\) +not compared`, 'm'));
    // What qemu.conf has by default (cgroup_device_acl; /dev/kvm is not there), and the terminals.
    const { stdout: shown } = await lab.devpolicy(['show', 'plain-vm', '--rules-as', 'v1']);
    expect(shown).toContain('c 1:3 rw');
    const { proofs } = await prove(lab, referee, keys);
    expect(proofs).toEqual(rightAndNotCompared(keys));
  });

  test('a job of Slurm: exactly, as not compared', async () => {
    const run = await look(lab);
    const keys = run.subjects().flatMap(({ key }) => (key.includes(JOB) ? [key] : []));
    expect(keys).not.toEqual([]);
    const { proofs } = await prove(lab, referee, keys);
    expect(proofs).toEqual(rightAndNotCompared(keys));
    const ask = async (device: string): Promise<number> =>
      (await lab.devpolicy(['can', keys[0]!, device, 'rw'])).status;
    // One of the two GPUs is the job's.
    expect([await ask('c:195:0'), await ask('c:195:1')].sort()).toEqual([0, 1]);
  });

  test('verify: nobody is called broken', async () => {
    const { status, stdout } = await lab.devpolicy(['verify', '--all', '-v', '--expand']);
    expect(status).toBe(0);
    for (const name of DOMAINS) expect(stdout).toMatch(new RegExp(`^NOT-COMPARED  ${name} `, 'm'));
    expect(stdout).toMatch(new RegExp(`^NOT-COMPARED  \\S*${JOB}`, 'm'));
  });

  if (withLxd) {
    test('instances of LXD', async () => {
      const keys = ['lxd:instance', 'lxd:open-user'];
      const { proofs } = await prove(lab, referee, keys);
      expect(proofs).toEqual(allRight(keys));
    });
  }
});
