/**
 * Random chains of cgroups with random attachments, programs that set and read retval among them: our composition, symbolic and concrete, against what
 * the kernel answers a process in the innermost cgroup.
 */
import os from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import type { LoadedProgram } from '../../src/effective/compose-programs.js';
import { composeEffective } from '../../src/effective/compose.js';
import { decide } from '../../src/effective/compose-decide.js';
import { type Level, attributeEffective } from '../../src/effective/compose-levels.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import { emptyProgram } from '../../src/collect/empty.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { Random, seedOf } from '../property/random.js';
import { biasedRequests } from '../property/requests.js';
import { type ListRule, listProgram } from './assemble.js';
import { ALLOW, IF_NOT_DENIED, denyMajor, setting } from './atoms.js';
import { LoaderError } from './loader-process.js';
import { type Cgroup, FLAGS, type Handle, Referee } from './referee.js';

const HIERARCHIES = 60;
const REQUESTS = 300;
const release = os.release();

let referee: Referee;
let environment: ProgramEnvironment;
beforeAll(async () => {
  referee = await Referee.start();
  // What the helpers' call immediates are on this kernel: read from programs that call nothing else.
  const helpers = new Map<number, string>();
  helpers.set(await firstCall(setting(0, 1)), 'bpf_set_retval');
  helpers.set(await firstCall(IF_NOT_DENIED), 'bpf_get_retval');
  environment = { maps: new Map(), helpers, programs: new Map(), kernelRelease: release, freplaced: 'no' };
});
afterAll(async () => {
  await referee.stop();
});

async function firstCall(bytes: Uint8Array): Promise<number> {
  const { xlated } = await referee.info(await referee.load(bytes));
  const call = decode(xlated, 'little').instructions.find((instruction) => instruction.op === 'call-helper');
  if (call === undefined || call.imm === 0)
    throw new Error('the dump does not show helper calls here (CAP_SYSLOG, kptr_restrict)');
  return call.imm;
}

function randomProgram(random: Random): Uint8Array {
  const roll = random.below(10);
  if (roll === 0) return ALLOW;
  if (roll === 1) return setting(random.pick([0, -6, -13]), random.pick([0, 1]));
  if (roll === 2) return IF_NOT_DENIED;
  if (roll < 6) return denyMajor(random.pick([1, 5, 8, 136, 195]));
  const rules: ListRule[] = Array.from({ length: 1 + random.below(5) }, () => ({
    type: random.pick(['b', 'c']),
    access: random.pick([7, 7, 6, 2, 1]),
    ...(random.chance(80) ? { major: random.pick([1, 5, 8, 136, 195]) } : {}),
    ...(random.chance(50) ? { minor: random.below(10) } : {}),
  }));
  return listProgram(rules);
}

interface Built {
  /** Innermost first. */
  cgroups: Cgroup[];
  programs: Map<number, { handle: Handle; bytes: Uint8Array }>;
}

async function build(random: Random, name: string): Promise<Built> {
  const cgroups: Cgroup[] = [];
  for (let depth = 0; depth < 1 + random.below(4); depth++)
    cgroups.unshift(await referee.createCgroup(`${name}-${String(depth)}`, cgroups[0]));
  const programs: Built['programs'] = new Map();
  for (let attachment = 0; attachment < 1 + random.below(6); attachment++) {
    const bytes = randomProgram(random);
    const handle = await referee.load(bytes);
    programs.set(handle.id, { handle, bytes });
    const flags = random.pick([
      FLAGS.MULTI,
      FLAGS.MULTI,
      FLAGS.MULTI,
      FLAGS.MULTI | FLAGS.PREORDER,
      FLAGS.OVERRIDE,
      FLAGS.NONE,
    ]);
    try {
      await referee.attach(random.pick(cgroups), handle, { flags });
    } catch (error) {
      if (!(error instanceof LoaderError)) throw error; // the kernel's own attach rules; what stands is what counts
    }
  }
  return { cgroups, programs };
}

async function levelsOf(cgroups: readonly Cgroup[]): Promise<Level[]> {
  const levels: Level[] = [];
  for (const cgroup of cgroups) {
    const { programIds, attachFlags } = await referee.query(cgroup, false);
    levels.push({ cgroup: cgroup.path, programIds, attachFlags, failed: null });
  }
  return levels;
}

test('composition agrees with the kernel on random hierarchies', async () => {
  const seed = seedOf(Date.now() % 1_000_000_000);
  const random = new Random(seed);
  const counts = { verdicts: 0, allowed: 0, severalPrograms: 0 };
  const disagreements: string[] = [];
  for (let number = 0; number < HIERARCHIES; number++) {
    const { cgroups, programs } = await build(random, `random-${String(number)}`);
    const leaf = cgroups[0];
    if (leaf === undefined) throw new Error('no cgroup');
    const ids = (await referee.query(leaf, true)).programIds;
    const levels = await levelsOf(cgroups);
    if (attributeEffective(ids, levels).matches === 'changed')
      disagreements.push(`hierarchy ${String(number)}: run array ${ids.join()} not explained by the levels`);
    const entries: LoadedProgram[] = [];
    for (const id of ids) {
      const handle = programs.get(id)?.handle ?? (await referee.programById(id));
      const program = decode((await referee.info(handle)).xlated, 'little');
      entries.push({ kind: 'program', id, record: emptyProgram(id), program, environment });
    }
    const requests = biasedRequests(
      [...programs.values()].map(({ bytes }) => bytes),
      REQUESTS,
      random,
    );
    const answers = await referee.probe(leaf, requests);
    const manager = new BddManager();
    const space = new DeviceSpace(manager);
    const composed = composeEffective(new Evaluator(manager), entries, release);
    const [allowed, denied] = [space.fromRef(composed.allowed), space.fromRef(composed.denied)];
    for (const [index, request] of requests.entries()) {
      const kernel = answers[index] === 0 ? 'allow' : 'deny';
      const symbolic = allowed.contains(request) ? 'allow' : denied.contains(request) ? 'deny' : 'undecided';
      const concrete = decide(entries, request, release);
      counts.verdicts++;
      if (kernel === 'allow') counts.allowed++;
      if (
        symbolic !== kernel ||
        concrete.verdict !== kernel ||
        (kernel === 'deny' && concrete.errno !== answers[index])
      ) {
        disagreements.push(
          `hierarchy ${String(number)} ${JSON.stringify(request)}: kernel ${String(answers[index])}, symbolic ${symbolic}, concrete ${concrete.verdict} ${String(concrete.errno)} ${String(concrete.reason)}`,
        );
        break;
      }
    }
    if (ids.length > 1) counts.severalPrograms++;
    for (const cgroup of cgroups) await referee.removeCgroup(cgroup);
    for (const { handle } of programs.values()) await referee.close(handle);
  }
  console.log(`random hierarchies: FUZZ_SEED=${String(seed)}`, counts);
  expect(disagreements, `repeat with FUZZ_SEED=${String(seed)}`).toEqual([]);
  expect(counts.severalPrograms).toBeGreaterThan(HIERARCHIES / 3);
  expect(counts.allowed).toBeGreaterThan(counts.verdicts / 20);
});
