/** Random programs, and random hierarchies of programs that set and read retval, against this kernel. */
import { strict as assert } from 'node:assert';
import { decode } from '../../../src/ebpf/decode.js';
import { generateProgram } from '../../property/generate-program.js';
import { Random, seedOf } from '../../property/random.js';
import { biasedRequests } from '../../property/requests.js';
import { NO_ENVIRONMENT } from '../../kernel/fuzz.js';
import { evaluator, interpreter } from '../../kernel/judges.js';
import { LoaderError } from '../../kernel/loader-process.js';
import { FLAGS, type Handle, type Referee } from '../../kernel/referee.js';
import { ALLOW, IF_NOT_DENIED, denyMajor, setting } from '../../kernel/atoms.js';
import { listProgram } from '../../kernel/assemble.js';
import { compareWithKernel } from './composition.js';
import { read, pathOf } from './reading.js';
import { recordOf } from './programs.js';
import type { Guest, Suite } from './suite.js';

const PROGRAMS = 24;
const REQUESTS = 80;
const HIERARCHIES = 10;
const RECORDED = 5;
/** Without hardware virtualisation a product of two inputs would take minutes. */
const QUICK = { steps: 400_000, nodes: 400_000, instructionSteps: 200_000 };

async function loadOrNull(referee: Referee, bytes: Uint8Array): Promise<Handle | null> {
  try {
    return await referee.load(bytes);
  } catch (error) {
    if (error instanceof LoaderError && error.log !== '') return null;
    throw error;
  }
}

async function randomPrograms({ referee, check, fact, record }: Guest, first: number): Promise<void> {
  const cgroup = await referee.createCgroup('random');
  let [refused, judged, budget] = [0, 0, 0];
  for (let seed = first; judged < PROGRAMS && refused < PROGRAMS * 20; seed++) {
    const { bytes } = generateProgram(seed);
    const program = await loadOrNull(referee, bytes);
    if (program === null) {
      refused++; // instructions of a later version, mostly
      continue;
    }
    judged++;
    await check(`random program, seed ${String(seed)}`, async () => {
      await referee.attach(cgroup, program, { flags: FLAGS.OVERRIDE });
      const requests = biasedRequests([bytes], REQUESTS, new Random(seed));
      const answers = await referee.probe(cgroup, requests);
      const kernel = answers.map((answer) => (answer === 0 ? 'allow' : 'deny'));
      const decoded = decode((await referee.info(program)).xlated, 'little');
      assert.deepEqual(requests.map(interpreter.prepare(decoded, NO_ENVIRONMENT)), kernel, 'interpreter');
      const symbolic = requests.map(evaluator(QUICK).prepare(decoded, NO_ENVIRONMENT));
      if (symbolic.includes('undecided: budget')) budget++;
      assert.deepEqual(
        symbolic.map((answer, index) => (answer === 'undecided: budget' ? kernel[index] : answer)),
        kernel,
        'evaluator',
      );
      if (process.env['DEVPOLICY_RECORD'] === '1' && judged <= RECORDED) {
        const { snapshot } = await read(referee, cgroup);
        record(`random-${String(seed)}`, recordOf(snapshot, pathOf(referee, cgroup), requests, answers));
      }
    });
    await referee.close(program);
  }
  await check('enough random programs load', () => {
    assert.equal(judged, PROGRAMS);
    return Promise.resolve();
  });
  fact('random programs judged (refused)', `${String(judged)} (${String(refused)})`);
  fact('of them beyond the small budget', String(budget));
  await referee.removeCgroup(cgroup);
}

function randomProgram(random: Random): Uint8Array {
  const roll = random.below(10);
  if (roll === 0) return ALLOW;
  if (roll === 1) return setting(random.pick([0, -6, -13]), random.pick([0, 1]));
  if (roll === 2) return IF_NOT_DENIED;
  if (roll < 6) return denyMajor(random.pick([1, 5, 8, 136, 195]));
  return listProgram(
    Array.from({ length: 1 + random.below(5) }, () => ({
      type: random.pick(['b', 'c']),
      access: random.pick([7, 7, 6, 2, 1]),
      ...(random.chance(80) ? { major: random.pick([1, 5, 8, 136, 195]) } : {}),
      ...(random.chance(50) ? { minor: random.below(10) } : {}),
    })),
  );
}

async function randomHierarchies({ referee, check, release }: Guest, seed: number): Promise<void> {
  const random = new Random(seed);
  for (let number = 0; number < HIERARCHIES; number++) {
    await check(`random hierarchy ${String(number)}, seed ${String(seed)}`, async () => {
      const cgroups = [await referee.createCgroup(`hierarchy-${String(number)}`)];
      for (let depth = random.below(4); depth > 0; depth--)
        cgroups.unshift(await referee.createCgroup('inner', cgroups[0]));
      const loaded: { handle: Handle; bytes: Uint8Array }[] = [];
      for (let count = 1 + random.below(6); count > 0; count--) {
        const bytes = randomProgram(random);
        const handle = await loadOrNull(referee, bytes);
        const cgroup = random.pick(cgroups);
        const flags = random.pick([FLAGS.MULTI, FLAGS.MULTI, FLAGS.MULTI | FLAGS.PREORDER, FLAGS.OVERRIDE, FLAGS.NONE]);
        if (handle === null) continue;
        loaded.push({ handle, bytes });
        // What the kernel's own rules refuse to attach stays away; what stands is what counts.
        await referee.attach(cgroup, handle, { flags }).catch((error: unknown) => {
          if (!(error instanceof LoaderError)) throw error;
        });
      }
      const requests = biasedRequests([ALLOW, ...loaded.map(({ bytes }) => bytes)], 60, random);
      for (const cgroup of cgroups) await compareWithKernel(referee, cgroup, requests, release);
      for (const cgroup of cgroups) await referee.removeCgroup(cgroup);
      for (const { handle } of loaded) await referee.close(handle);
    });
  }
}

async function run(guest: Guest): Promise<void> {
  const seed = seedOf(1);
  await randomPrograms(guest, seed);
  await randomHierarchies(guest, seed);
}

export const randomSuite: Suite = { name: 'random', run };
