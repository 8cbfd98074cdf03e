/**
 * Random requests on live programs: what devpolicy reads from this kernel and concludes, symbolically and concretely, against what the kernel answers, over
 * containers of real runtimes, C programs compiled by clang, and random programs. At least 100,000 distinct requests a run.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectSnapshot } from '../../src/collect/index.js';
import { Run } from '../../src/pipeline.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { cgroupSubject } from '../../src/verify/subjects.js';
import { generateProgram } from '../property/generate-program.js';
import { Random, seedOf } from '../property/random.js';
import { biasedRequests } from '../property/requests.js';
import { compile, levels, sourceNames } from '../kernel/compile.js';
import { type Cgroup, type Handle, Referee } from '../kernel/referee.js';
import { Namespace } from './namespace.js';
import { DEVICE_LISTS } from './device-lists.js';
import { startContainer } from './runc.js';

const WANTED_REQUESTS = 100_000;
const RANDOM_PROGRAMS = 15;
const seed = seedOf(Date.now() % 1_000_000_000);

interface Live {
  name: string;
  /** Cgroup that applies, as the host names it, and a cgroup to ask in. */
  path: string;
  probe: Cgroup;
  /** Regions that may be undecided: the verdict depends on more than the request. */
  mayBeUndecided?: (request: DeviceRequest) => boolean;
}

let referee: Referee;
let lab: Namespace;
beforeAll(async () => {
  referee = await Referee.start({ libbpf: true });
  lab = await Namespace.start();
});
afterAll(async () => {
  await lab.stop();
  await referee.stop();
});

async function containers(): Promise<Live[]> {
  const live: Live[] = [];
  for (const runtime of ['runc', 'crun'] as const) {
    for (const [list, rules] of Object.entries(DEVICE_LISTS)) {
      const container = await startContainer(lab, { runtime, name: `${runtime}-${list}`, ...(rules ? { rules } : {}) });
      const cgroup = await referee.openCgroup(lab.cgroupPath(container.cgroup));
      live.push({
        name: container.name,
        path: cgroup.path,
        probe: await referee.createCgroup('devpolicy-probe', cgroup),
      });
    }
  }
  return live;
}

async function attached(name: string, programs: readonly Handle[], more: Partial<Live> = {}): Promise<Live> {
  const cgroup = await referee.createCgroup(name);
  for (const program of programs) await referee.attach(cgroup, program);
  return { name, path: cgroup.path, probe: cgroup, ...more };
}

const word = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

async function compiled(): Promise<Live[]> {
  const live: Live[] = [];
  for (const name of sourceNames()) {
    for (const level of levels()) {
      const { programs, maps } = await referee.loadElf(compile(name, level));
      const get = (from: Map<string, Handle>, key: string): Handle => {
        const handle = from.get(key);
        if (handle === undefined) throw new Error(`${name}: no ${key}`);
        return handle;
      };
      if (name === 'maps') {
        await referee.updateMap(get(maps, 'devices'), word(10, 200), word(6));
        await referee.updateMap(get(maps, 'devices'), word(195, 255), word(7));
        await referee.updateMap(get(maps, 'majors'), word(136), word(2));
        await referee.updateMap(get(maps, 'majors'), word(8), word(5));
      }
      if (name === 'tailcall') {
        await referee.updateMap(get(maps, 'slots'), word(0), word(get(programs, 'for_block').fd));
        await referee.updateMap(get(maps, 'slots'), word(1), word(get(programs, 'for_char').fd));
      }
      const list = name === 'retval' ? ['deny', 'undo'] : ['decide'];
      const caller =
        name === 'uid' ? { mayBeUndecided: ({ major, minor }: DeviceRequest) => major === 10 && minor === 229 } : {};
      live.push(
        await attached(
          `${name}-${level}`,
          list.map((key) => get(programs, key)),
          caller,
        ),
      );
    }
  }
  return live;
}

async function randomOnes(): Promise<Live[]> {
  const live: Live[] = [];
  for (let index = 0; index < RANDOM_PROGRAMS; index++) {
    const { bytes } = generateProgram(seed + index);
    live.push(await attached(`random-${String(index)}`, [await referee.load(bytes)], { mayBeUndecided: () => true }));
  }
  return live;
}

test('symbolic and concrete answers are the kernel’s on live programs', async () => {
  const all = [...(await containers()), ...(await compiled()), ...(await randomOnes())];
  const inside = (path: string): string => path.slice(referee.mount.length);
  const run = Run.of(await collectSnapshot({ targets: [], cgroups: all.map(({ path }) => inside(path)) }));
  const random = new Random(seed);
  const each = Math.ceil(WANTED_REQUESTS / all.length / 0.98);
  const counts = { programs: all.length, requests: 0, allowed: 0, undecided: 0 };
  const accesses = new Set<number>();
  const disagreements: string[] = [];
  for (const { name, path, probe, mayBeUndecided } of all) {
    const subject = cgroupSubject(run.snapshot, inside(path));
    const effective = (await referee.query(probe, true)).programIds;
    const bytes: Uint8Array[] = [];
    for (const id of effective) bytes.push((await referee.info(await referee.programById(id))).xlated);
    const requests = biasedRequests(bytes, each, random);
    const kernel = await referee.verdicts(probe, requests, new Set([6]));
    const symbolic = run.answerer(subject);
    requests.forEach((request, index) => {
      accesses.add(request.access);
      const answers = [symbolic(request), run.decide(subject, request).verdict];
      const wrong = answers.filter(
        (answer) => answer !== kernel[index] && !(answer === 'undecided' && mayBeUndecided?.(request) === true),
      );
      if (answers.includes('undecided')) counts.undecided++;
      if (wrong.length > 0 && disagreements.length < 20)
        disagreements.push(
          `${name} ${JSON.stringify(request)}: kernel ${String(kernel[index])}, symbolic and concrete ${answers.join(', ')}`,
        );
    });
    counts.requests += requests.length;
    counts.allowed += kernel.filter((verdict) => verdict === 'allow').length;
  }
  console.log(`live programs: FUZZ_SEED=${String(seed)}`, counts);
  expect(disagreements, `repeat with FUZZ_SEED=${String(seed)}`).toEqual([]);
  expect(counts.requests).toBeGreaterThanOrEqual(WANTED_REQUESTS);
  expect(counts.allowed).toBeGreaterThan(counts.requests / 5);
  expect(counts.allowed).toBeLessThan((counts.requests * 4) / 5);
  expect([...accesses].sort()).toEqual([0, 1, 2, 4, 6]);
  expect(counts.undecided).toBeLessThan(counts.requests / 20);
});
