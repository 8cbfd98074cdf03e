/** LXC, Incus and systemd-nspawn: by the names people use; what is enforced, what was meant, and what a reload of systemd leaves. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Referee } from '../kernel/referee.js';
import { labSuites } from './debian-root.js';
import { LXC_LISTS, incusRuns, lxcRuns, makeMachineRoot, startIncus, startLxc, startNspawn } from './machines.js';
import { allRight, prove, subjectOf } from './prove.js';
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
      for (const [name, devices] of Object.entries(LXC_LISTS)) await startLxc(lab, name, devices);
      keys.push(...Object.keys(LXC_LISTS).map((name) => `lxc:${name}`));
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
