/** Containers of a user's own podman: found by their names, said to be enforced by no program, and not called broken. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Referee } from '../kernel/referee.js';
import { labSuites } from './debian-root.js';
import { kernelSays, look, subjectOf } from './prove.js';
import { ROOTLESS, startRootless } from './rootless.js';
import { SystemdLab } from './systemd.js';

describe.each(labSuites())('%s', (suite) => {
  let lab: SystemdLab;
  let referee: Referee;
  const names = Object.keys(ROOTLESS);
  beforeAll(async () => {
    referee = await Referee.start();
    lab = await SystemdLab.start({ suite });
    await startRootless(lab);
  });
  afterAll(async () => {
    await lab.stop();
    await referee.stop();
  });

  test('by their names', async () => {
    const { stdout } = await lab.devpolicy(['list']);
    for (const name of names) {
      expect(stdout).toMatch(new RegExp(`^${name} +podman +[0-9a-f]{12} +none `, 'm'));
      const shown = await lab.devpolicy(['show', name]);
      expect(shown).toMatchObject({ status: 0, stderr: '' });
      expect(shown.stdout).toMatch(new RegExp(`^${name} +podman `));
      expect(shown.stdout).toMatch(/^intent +not enforced by BPF: a rootless container /m);
    }
  });

  test('the kernel asks no program, and what devpolicy answers is so', async () => {
    const run = await look(lab);
    for (const name of names) {
      const subject = subjectOf(run, `podman:${name}`);
      expect(run.programs(subject)).toEqual([]);
      const answer = run.answerer(subject);
      const { requests, verdicts } = await kernelSays(lab, referee, run, subject);
      expect(requests.map(answer)).toEqual(verdicts);
    }
  });

  test('verify: nothing is broken, each is said to be not enforced by BPF', async () => {
    expect(await lab.devpolicy(['verify', ...names])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const { status, stdout } = await lab.devpolicy(['verify', '--all', '-v', '--expand']);
    expect(status).toBe(0);
    expect(stdout).toContain('its device list is not enforced by BPF');
    for (const name of names) expect(stdout).toMatch(new RegExp(`^OK  ${name} .*DP208`, 'm'));
    const findings = await lab.devpolicy(['verify', '--json', ...names]);
    expect(findings.stdout).not.toMatch(/"severity": "(error|warning)"/);
  });
});
