/**
 * The story's land mine on real engines: containers whose device lists systemd knows only in part are found before, the reload is foretold, it happens, and
 * what the kernel then answers is what was foretold. With the packages of each Debian suite, with and without the /dev/char links that udev makes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Run } from '../../src/pipeline.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { policyText } from '../../src/policy/policy-text.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import type { Subject } from '../../src/verify/subjects.js';
import type { Examined } from '../../src/verify/types.js';
import { Referee } from '../kernel/referee.js';
import { Random } from '../property/random.js';
import { biasedRequests } from '../property/requests.js';
import { DEVICE_LISTS } from './device-lists.js';
import { type Suite, labSuites } from './debian-root.js';
import { MINES, goneOffAtStart, setOff } from './mines.js';
import { allRight, prove, subjectOf } from './prove.js';
import { type Container, type OciRule, startContainer } from './runc.js';
import { SystemdLab } from './systemd.js';

const REQUESTS = 1500;

/** Over the whole request space: the printed form is canonical, equal sets print equally (test/policy). */
function sameAllowed(foretold: Examined, came: Examined): boolean {
  if (foretold.status !== 'known' || came.status !== 'known') return false;
  const [one, other] = [foretold, came].map(({ policy }) => policyText(policy.allowed).join('\n'));
  return one === other && foretold.policy.undecided.length === 0;
}

const DOCKER: Record<string, string[]> = {
  plain: [],
  fuse: ['--device', '/dev/fuse'],
  gpu: ['--device', '/dev/nvidia0', '--device', '/dev/nvidiactl:/dev/nvidiactl:rw'],
  disks: ['--device-cgroup-rule', 'b 8:* r', '--device', '/dev/sda:/dev/sda:rm'],
  ...Object.fromEntries(Object.entries(MINES).map(([name, options]) => [`mine-${name}`, options])),
};

/** c 10:200 is among crun's built-in devices up to 1.4 and from 1.20: 0.17, 1.8.1, 1.21 and 1.28 are in these suites. */
const CRUN_HAS_TUN: Record<Suite, boolean> = { bullseye: true, bookworm: false, trixie: true, sid: true };

describe.each(labSuites().flatMap((suite) => [[suite, true] as const, [suite, false] as const]))(
  '%s, links in /dev/char: %s',
  (suite, deviceLinks) => {
    let lab: SystemdLab;
    let referee: Referee;
    beforeAll(async () => {
      referee = await Referee.start();
      lab = await SystemdLab.start({ suite, deviceLinks });
      await lab.startDocker();
      for (const [name, options] of Object.entries({ ...DOCKER, open: lab.privileged }))
        await lab.dockerRun(name, options);
      await lab.preparePodman();
      for (const runtime of ['runc', 'crun'] as const)
        await lab.podmanRun(`box-${runtime}`, runtime, ['--device', '/dev/fuse']);
    });
    afterAll(async () => {
      await lab.stop();
      await referee.stop();
    });

    async function look(): Promise<Run> {
      const { status, stdout, stderr } = await lab.devpolicy(['snapshot']);
      expect(`${String(status)} ${stderr}`).toBe('0 ');
      return Run.of(parseSnapshot(stdout));
    }
    const named = (run: Run, name: string): Subject => {
      const subject = run.subjects().find(({ container }) => container?.names.includes(name) === true);
      if (subject === undefined)
        throw new Error(
          `no subject for ${name}: ${run
            .subjects()
            .map(({ key }) => key)
            .join(' ')}`,
        );
      return subject;
    };

    test('found before, foretold, set off, found after', async () => {
      const before = await look();
      const containers = [...Object.keys(DOCKER), 'open', 'box-runc', 'box-crun'];
      const early = await lab.devpolicy(['verify', '--all']);
      expect(early.status, early.stdout + early.stderr).toBe(1);
      expect(early.stdout).toContain(`${goneOffAtStart(suite) ? 'BROKEN' : 'LAND-MINE'}  mine-any-major`);

      await setOff(lab);

      const after = await look();
      const random = new Random(1);
      const foretold: string[] = [];
      const happened: string[] = [];
      const lost: string[] = [];
      const never: string[] = [];
      const differing: string[] = [];
      for (const name of containers) {
        const [was, is] = [named(before, name), named(after, name)];
        const path = lab.namespace.cgroupPath(is.cgroup ?? '');
        const programs = after.programs(is).flatMap(({ program }) => (program === null ? [] : [program.bytes]));
        const requests = biasedRequests(programs, REQUESTS, random);
        const kernel = await referee.verdictsBelow(path, requests);
        const prediction = before.answerer(was, 'afterReload');
        if (!sameAllowed(before.analyse(was).afterReload, after.analyse(is).enforced)) differing.push(name);
        const held = before.answerer(was);
        const meant = before.answerer(was, 'intended');
        if (requests.some((request) => meant(request) === 'allow' && held(request) === 'deny')) never.push(name);
        const now = after.answerer(is);
        const difference = requests.find((request, index) => prediction(request) !== kernel[index]);
        foretold.push(`${name}: ${difference === undefined ? 'as foretold' : JSON.stringify(difference)}`);
        const misread = requests.find((request, index) => now(request) !== kernel[index]);
        happened.push(`${name}: ${misread === undefined ? 'read right' : JSON.stringify(misread)}`);
        if (requests.some((request, index) => held(request) === 'allow' && kernel[index] === 'deny')) lost.push(name);
      }
      expect(foretold).toEqual(containers.map((name) => `${name}: as foretold`));
      expect(differing, 'the policy foretold and the one that came, over the whole request space').toEqual([]);
      expect(happened).toEqual(containers.map((name) => `${name}: read right`));
      console.log(
        `${suite}, links ${String(deviceLinks)}: lost devices: ${lost.join(' ')}; never had them: ${never.join(' ')}`,
      );
      expect(goneOffAtStart(suite) ? never : lost).toContain('mine-any-major');
      expect(goneOffAtStart(suite) ? lost : never).toEqual([]);

      const late = await lab.devpolicy(['verify', 'mine-any-major']);
      expect(late.status).toBe(1);
      expect(late.stdout).toContain('mine-any-major');
      const denied = await lab.devpolicy(['can', 'mine-any-major', 'c:240:5', 'rw']);
      expect(denied.status).toBe(1);
      expect(denied.stdout).toMatch(/systemd\s+DENIES\s+insn \d+/);
    });

    if (!deviceLinks) return;
    test('plain runc and crun: a list of what is denied, which systemd cannot be told, and the lists they start from', async () => {
      const plain = (runtime: 'runc' | 'crun', name: string, rules?: OciRule[]): Promise<Container> =>
        startContainer(lab.namespace, {
          ...{ runtime, name, systemdCgroup: true, cgroupsPath: `system.slice:${runtime}:${name}` },
          ...(rules === undefined ? {} : { rules }),
        });
      await plain('runc', 'runc-bare');
      await plain('crun', 'crun-bare');
      const keys = ['runc:runc-bare', 'crun:crun-bare'];
      // With runc before 1.0.0-rc94 systemd denies everything from the start: the container cannot open its /dev/null and does not come up.
      if (!goneOffAtStart(suite)) {
        await plain('runc', 'denylist', DEVICE_LISTS['denylist']);
        keys.push('runc:denylist');
        const { status, stdout } = await lab.devpolicy(['verify', 'denylist']);
        expect(status).toBe(1);
        expect(stdout).toContain('LAND-MINE  denylist');
      }
      const { proofs, before } = await prove(lab, referee, keys);
      expect(proofs).toEqual(allRight(keys));
      const tun: DeviceRequest = { type: 'c', major: 10, minor: 200, access: 6 };
      const has = (key: string): string => before.answerer(subjectOf(before, key))(tun);
      expect([has('runc:runc-bare'), has('crun:crun-bare')]).toEqual(['allow', CRUN_HAS_TUN[suite] ? 'allow' : 'deny']);
      const late = await lab.devpolicy(['can', 'denylist', 'c:1:3', 'rw']);
      expect(late.status).toBe(goneOffAtStart(suite) ? 2 : 1);
    });
  },
);
