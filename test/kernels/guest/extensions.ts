/** Replaced functions, blinded constants, hidden dumps: what the dump does not tell must not become a verdict. */
import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BddManager } from '../../../src/bdd/manager.js';
import { composeEffective } from '../../../src/effective/compose.js';
import type { DeviceRequest } from '../../../src/policy/types.js';
import { Evaluator } from '../../../src/symbolic/evaluate.js';
import { listProgram } from '../../kernel/assemble.js';
import { setting } from '../../kernel/atoms.js';
import { evaluator, interpreter } from '../../kernel/judges.js';
import { LoaderError, projectRoot } from '../../kernel/loader-process.js';
import type { Cgroup, Referee } from '../../kernel/referee.js';
import { Random } from '../../property/random.js';
import { biasedRequests } from '../../property/requests.js';
import { recordOf } from './programs.js';
import { only, pathOf, read } from './reading.js';
import type { Guest, Suite } from './suite.js';

const HARDEN = '/proc/sys/net/core/bpf_jit_harden';
const KPTR = '/proc/sys/kernel/kptr_restrict';
const LIST = listProgram([
  { type: 'c', major: 1, minor: 3, access: 7 },
  { type: 'c', major: 5, access: 6 },
  { type: 'c', major: 136, access: 7 },
  { type: 'b', major: 8, minor: 0, access: 2 },
]);

async function withSetting(file: string, value: string, body: () => Promise<void>): Promise<void> {
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, value);
  try {
    await body();
  } finally {
    writeFileSync(file, before);
  }
}

/** Undecided regions of the list as a whole. */
async function reasons(referee: Referee, cgroup: Cgroup, release: string): Promise<string[]> {
  const { entries } = await read(referee, cgroup);
  return composeEffective(new Evaluator(new BddManager()), entries, release).undecided.map(({ reason }) => reason);
}

async function freplace({ referee, check, fact, release }: Guest): Promise<void> {
  await check('a replaced function', async () => {
    const { programs } = await referee.loadElf(path.join(projectRoot, 'objects/extended.bpf.o'));
    const program = programs.get('program');
    if (program === undefined) throw new Error('no program');
    const cgroup = await referee.createCgroup('extended');
    await referee.attach(cgroup, program);
    const requests: DeviceRequest[] = [1, 2].map((major) => ({ type: 'c', access: 2, major, minor: 3 }));
    assert.deepEqual(await referee.verdicts(cgroup, requests), ['allow', 'deny']);
    const before = await referee.info(program);
    assert.deepEqual(await reasons(referee, cgroup, release), []);
    const link = await referee.replaceFunction(program, 'allowed', path.join(projectRoot, 'objects/extension.bpf.o'));
    assert.deepEqual(await referee.verdicts(cgroup, requests), ['deny', 'allow'], 'the kernel runs the replacement');
    assert.deepEqual((await referee.info(program)).xlated, before.xlated, 'the dump stays as it was');
    const { snapshot } = await read(referee, cgroup);
    const record = snapshot.programs.find(({ id }) => id === program.id);
    assert(record?.freplaced === 'yes' || record?.freplaced === 'unknown', `freplaced: ${String(record?.freplaced)}`);
    fact('target of a replacement', record.freplaced === 'yes' ? 'named' : 'not named');
    assert.deepEqual(await reasons(referee, cgroup, release), ['freplace']);
    await referee.close(link);
    await referee.removeCgroup(cgroup);
  });
}

async function hidden(guest: Guest): Promise<void> {
  const { referee, check, fact, release } = guest;
  await check('blinded constants', () =>
    withSetting(HARDEN, '2', async () => {
      const program = await referee.load(LIST);
      const plain = LIST.length;
      const cgroup = await referee.createCgroup('blinded');
      await referee.attach(cgroup, program);
      const { xlated } = await referee.info(program);
      fact('blinding in the dump', xlated.length > plain ? 'yes' : 'no');
      const listed = [5, 136].flatMap((major) =>
        [0, 1, 2, 4, 6].map((access): DeviceRequest => ({ type: 'c', access, major, minor: 7 })),
      );
      const requests = [...listed, ...biasedRequests([LIST], 300, new Random(3))];
      const answers = await referee.probe(cgroup, requests);
      const kernel = answers.map((answer) => (answer === 0 ? 'allow' : 'deny'));
      const { entries, snapshot } = await read(referee, cgroup);
      const { program: decoded, environment } = only(entries);
      assert.deepEqual(requests.map(interpreter.prepare(decoded, environment)), kernel);
      assert.deepEqual(requests.map(evaluator().prepare(decoded, environment)), kernel);
      assert(kernel.includes('allow') && kernel.includes('deny'));
      if (process.env['DEVPOLICY_RECORD'] === '1')
        guest.record('blinded-list', recordOf(snapshot, pathOf(referee, cgroup), requests, answers));
      await referee.removeCgroup(cgroup);
      await referee.close(program);
    }),
  );
  await check('blinded constants that the reader may not see: unreadable, never an empty program', () =>
    withSetting(HARDEN, '2', () =>
      withSetting(KPTR, '2', async () => {
        const program = await referee.load(LIST);
        const cgroup = await referee.createCgroup('hidden');
        await referee.attach(cgroup, program);
        const { entries } = await read(referee, cgroup);
        assert.deepEqual(
          entries.map(({ kind }) => kind),
          ['unreadable'],
        );
        assert.deepEqual(await reasons(referee, cgroup, release), ['unreadable']);
        await referee.removeCgroup(cgroup);
        await referee.close(program);
      }),
    ),
  );
  await check('a hidden helper makes the whole list undecided, where it may be bpf_set_retval', () =>
    withSetting(KPTR, '2', async () => {
      const cgroup = await referee.createCgroup('nameless');
      try {
        await referee.attach(cgroup, await referee.load(setting(0, 1)));
      } catch (error) {
        if (!(error instanceof LoaderError) || error.log === '') throw error;
        await referee.removeCgroup(cgroup);
        return; // up to 5.17 there is no such helper, and the composition suite has said so
      }
      assert.deepEqual(await reasons(referee, cgroup, release), ['helper:unresolved']);
      await referee.removeCgroup(cgroup);
    }),
  );
}

async function run(guest: Guest): Promise<void> {
  await freplace(guest);
  await hidden(guest);
}

export const extensions: Suite = { name: 'extensions', run };
