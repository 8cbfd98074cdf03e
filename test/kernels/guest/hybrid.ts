/** The devices controller of cgroup v1 beside the programs of v2: a request passes if both let it. */
import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { BddManager } from '../../../src/bdd/manager.js';
import { composeEffective, intersectPartitions } from '../../../src/effective/compose.js';
import { v1Partition } from '../../../src/effective/compose-v1.js';
import { DeviceSpace } from '../../../src/policy/device-set.js';
import type { DeviceRequest } from '../../../src/policy/types.js';
import { Evaluator } from '../../../src/symbolic/evaluate.js';
import { denyMajor } from '../../kernel/atoms.js';
import { read } from './reading.js';
import type { Guest, Suite } from './suite.js';

const MOUNT = '/run/devices';
const PROBER = 'devpolicy-probe';

const LISTS: Readonly<Record<string, readonly string[]>> = {
  'numbers and wildcards': ['c 1:3 rwm', 'c 5:* r', 'b *:* m', 'c 10:200 rw'],
  'two entries that together cover a request do not let it pass': ['c 250:1 r', 'c 250:* w'],
  'two entries of the same numbers are one': ['c 250:1 r', 'c 250:1 w'],
  nothing: [],
};
const REQUESTS: readonly DeviceRequest[] = (['b', 'c'] as const).flatMap((type) =>
  [1, 5, 8, 10, 250].flatMap((major) =>
    [1, 2, 3, 200].flatMap((minor) => [0, 1, 2, 4, 6].map((access) => ({ type, major, minor, access }))),
  ),
);

/** The referee's process that asks; the nodes it asks of are made by another, which stays where it is. */
function proberPid(): string {
  const found = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid) === PROBER);
  const last = found.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (last === undefined) throw new Error('the referee has no process that asks');
  return last;
}
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // gone meanwhile
  }
}

async function run({ referee, check, release }: Guest): Promise<void> {
  mkdirSync(MOUNT);
  execFileSync('mount', ['-t', 'cgroup', '-o', 'devices', 'none', MOUNT]);
  for (const [title, lines] of Object.entries(LISTS)) {
    await check(title, async () => {
      const cgroup = await referee.createCgroup('hybrid');
      await referee.attach(cgroup, await referee.load(denyMajor(10)));
      await referee.probe(cgroup, REQUESTS.slice(0, 1)); // starts the process that is moved below
      const v1 = path.join(MOUNT, 'limited');
      mkdirSync(v1);
      writeFileSync(path.join(v1, 'devices.deny'), 'a');
      for (const line of lines) writeFileSync(path.join(v1, 'devices.allow'), line);
      writeFileSync(path.join(v1, 'cgroup.procs'), proberPid());
      const answers = await referee.probe(cgroup, REQUESTS);
      const list = readFileSync(path.join(v1, 'devices.list'), 'utf8');
      const { entries } = await read(referee, cgroup);
      const manager = new BddManager();
      const partition = intersectPartitions(
        manager,
        composeEffective(new Evaluator(manager), entries, release),
        v1Partition(manager, list, false),
      );
      assert.deepEqual(partition.undecided, []);
      const allowed = new DeviceSpace(manager).fromRef(partition.allowed);
      assert.deepEqual(
        REQUESTS.filter((request, index) => allowed.contains(request) !== (answers[index] === 0)),
        [],
      );
      await referee.removeCgroup(cgroup);
      rmdirSync(v1);
    });
  }
  await check('the unqualified root lets everything pass', async () => {
    const cgroup = await referee.createCgroup('hybrid-root');
    assert.deepEqual(new Set(await referee.probe(cgroup, REQUESTS)), new Set([0]));
    assert.match(readFileSync(path.join(MOUNT, 'devices.list'), 'utf8'), /^a \*:\* rwm$/m);
    await referee.removeCgroup(cgroup);
  });
  execFileSync('umount', [MOUNT]);
}

export const hybrid: Suite = { name: 'hybrid', run };
