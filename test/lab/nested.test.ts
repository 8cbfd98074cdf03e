/**
 * Docker inside LXC and inside systemd-nspawn, seen from the outer host: the containers by the names people use, the mine in there found before it goes off,
 * and the policy after the inner systemd's reload the one foretold. Inside the guest, without bpf(2), the mine is still found from files.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Referee } from '../kernel/referee.js';
import { labSuites } from './debian-root.js';
import { lxcRuns } from './machines.js';
import { MINES, goneOffAtStart } from './mines.js';
import { type Guest, devpolicyWithoutBpf, dockerRunIn, startLxcGuest, startNspawnGuest } from './nested.js';
import { allRight, prove, subjectOf } from './prove.js';
import { SystemdLab } from './systemd.js';

const CONTAINERS: Readonly<Record<string, string[]>> = {
  web: [],
  fuse: ['--device-cgroup-rule', 'c 10:229 rw'],
  mine: MINES['any-major']!,
};

describe.each(
  labSuites().flatMap((suite) => [...(lxcRuns(suite) ? [[suite, 'lxc'] as const] : []), [suite, 'nspawn'] as const]),
)('%s, Docker in %s', (suite, kind) => {
  let lab: SystemdLab;
  let referee: Referee;
  let guest: Guest;
  beforeAll(async () => {
    referee = await Referee.start();
    lab = await SystemdLab.start({ suite });
    await lab.startDocker();
    guest = await (kind === 'lxc' ? startLxcGuest : startNspawnGuest)(lab);
    for (const [name, options] of Object.entries(CONTAINERS)) await dockerRunIn(guest, name, options);
  });
  afterAll(async () => {
    await lab.stop();
    await referee.stop();
  });

  const keys = Object.keys(CONTAINERS).map((name) => `${kind}:guest/docker:${name}`);

  test('by the names people use, from the outer host', async () => {
    for (const [typed, name] of [
      ['guest', 'guest'],
      ['web', 'web'],
      ['docker:web', 'web'],
      [`${kind}:guest/docker:mine`, 'mine'],
    ] as const) {
      const { stdout, stderr, status } = await lab.devpolicy(['show', typed]);
      expect(`${typed} ${String(status)} ${stderr}`).toBe(`${typed} 0 `);
      expect(stdout.split(/\s/)[0]).toBe(name);
    }
  });

  test('found from inside without bpf(2)', async () => {
    const { stdout, stderr, status } = await devpolicyWithoutBpf(guest, ['verify', '--all']);
    expect(stdout + stderr).toMatch(/LAND-MINE +mine /);
    expect(stdout).not.toMatch(/LAND-MINE +(web|fuse) /);
    expect(stdout).toContain('BPF_PROG_QUERY');
    expect(status).toBe(1);
  });

  test('found, foretold, set off inside, found after', async () => {
    const early = await lab.devpolicy(['verify', '--all']);
    expect(early.status, early.stdout + early.stderr).toBe(1);
    expect(early.stdout).toMatch(goneOffAtStart(suite) ? /BROKEN .*mine/ : /LAND-MINE .*mine/);
    const { proofs, before, after } = await prove(lab, referee, keys, async () => {
      await guest.execOk(['systemctl', 'daemon-reload']);
      await guest.execOk(['systemd-run', '--wait', '--quiet', '/bin/true']);
    });
    const meant = (key: string): boolean => !(goneOffAtStart(suite) && key.endsWith(':mine'));
    expect(proofs).toEqual(allRight(keys).map((proof) => ({ ...proof, meant: meant(proof.key) })));
    const asks = { type: 'c', major: 240, minor: 5, access: 6 } as const;
    const answers = [before, after].map((run) => run.answerer(subjectOf(run, `${kind}:guest/docker:mine`))(asks));
    expect(answers).toEqual([goneOffAtStart(suite) ? 'deny' : 'allow', 'deny']);
  });
});
