/**
 * C programs in every instruction set level that the host's clang writes, with maps, helpers, functions, global data, callbacks and tail calls: read by the
 * collector as on any host, and judged by interpreter and evaluator against the kernel. With devpolicy.record=1 also recorded.
 */
import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { DeviceRequest } from '../../../src/policy/types.js';
import { serialiseSnapshot } from '../../../src/snapshot/serialise.js';
import type { Snapshot } from '../../../src/snapshot/types.js';
import { evaluator, interpreter } from '../../kernel/judges.js';
import { LoaderError, projectRoot } from '../../kernel/loader-process.js';
import type { Cgroup, Handle, Referee } from '../../kernel/referee.js';
import { Random } from '../../property/random.js';
import { only, pathOf, read } from './reading.js';
import type { Guest, Suite } from './suite.js';

type Maps = ReadonlyMap<string, Handle>;
type Programs = ReadonlyMap<string, Handle>;
type Fill = (
  put: (map: string, key: Uint8Array, value: Uint8Array) => Promise<void>,
  programs: Programs,
) => Promise<void>;

/** Both types, small and some large numbers, every access. */
const REQUESTS: readonly DeviceRequest[] = (['b', 'c'] as const).flatMap((type) =>
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 188, 4095].flatMap((major) =>
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 17, 19, 31, 32, 255, 256, 259, 1000, 65535, 65536, 66051, 1048575].flatMap(
      (minor) => [0, 1, 2, 4, 6].map((access) => ({ type, major, minor, access })),
    ),
  ),
);
/** Each takes a while without hardware virtualisation. */
const REQUESTS_PER_PROGRAM = 150;
/** Hundreds of steps for each request. */
const REQUESTS_PER_LOOP = 120;
const LIMITS = { nodes: 1_000_000, steps: 500_000, instructionNodes: 100_000 };

export function words(...numbers: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

const FILL: Readonly<Record<string, Fill>> = {
  'array-map': async (put) => {
    for (let i = 0; i < 16; i++) await put('masks', words(i), words((i * 5) % 8));
    for (let i = 0; i < 5; i++) await put('ranges', words(i), words(i * 3, i * 100, 6 - i));
  },
  'hash-map': async (put) => {
    for (let i = 1; i < 8; i++) await put('rules', words(1 + (i % 2), i, i * 2 - 1), words(i, 0));
    for (let i = 2; i < 8; i++) await put('majors', words(i), Uint8Array.of(i));
  },
  'prefix-map': async (put) => {
    await put('prefixes', Uint8Array.of(24, 0, 0, 0, 0, 0, 1, 0), words(2));
    await put('prefixes', Uint8Array.of(32, 0, 0, 0, 0, 0, 1, 3), words(4));
    await put('prefixes', Uint8Array.of(29, 0, 0, 0, 0, 0, 0, 8), words(6));
    await put('prefixes', Uint8Array.of(15, 0, 0, 0, 0, 0, 0, 0), words(1));
  },
  'bpf-loop': async (put) => {
    for (const [i, minor] of [7, 9, 9, 255, 0, 3].entries()) await put('minors', words(i), words(minor));
  },
  'tail-calls': async (put, programs) => {
    for (const [slot, name] of [
      [2, 'reading'],
      [4, 'writing'],
      [6, 'again'],
    ] as const)
      await put('next', words(slot), words(programs.get(name)?.fd ?? 0));
  },
};

/** Ones that other checks are for: several entry programs, or verdicts that depend on the caller. */
const NOT_ALONE = /^(caller|retval|extended|extension)\./;

function requestsFor(name: string): DeviceRequest[] {
  const random = new Random(Buffer.from(name).reduce((sum, byte) => sum * 31 + byte, 7));
  const nodes = new Set<string>();
  const chosen: DeviceRequest[] = [];
  while (chosen.length < (name.startsWith('bpf-loop') ? REQUESTS_PER_LOOP : REQUESTS_PER_PROGRAM)) {
    const { type, major, minor } = random.pick(REQUESTS);
    const node = `${type} ${String(major)}:${String(minor)}`;
    if (nodes.has(node)) continue;
    nodes.add(node);
    for (const access of [0, 1, 2, 4, 6]) chosen.push({ type, access, major, minor });
  }
  return chosen;
}

/** Loads an object and fills its maps; null if this kernel's verifier, or libbpf, refuses it. */
async function load(
  referee: Referee,
  file: string,
  source: string,
): Promise<{ programs: Programs; maps: Maps } | null> {
  let loaded: { programs: Programs; maps: Maps };
  try {
    loaded = await referee.loadElf(file);
  } catch (error) {
    if (error instanceof LoaderError) return null;
    throw error;
  }
  await FILL[source]?.(async (name, key, value) => {
    const map = loaded.maps.get(name);
    if (map === undefined) throw new Error(`no map ${name}`);
    await referee.updateMap(map, key, value);
  }, loaded.programs);
  return loaded;
}

/** What a test without a kernel needs to judge the program again. */
export function recordOf(
  snapshot: Snapshot,
  cgroup: string,
  requests: readonly DeviceRequest[],
  answers: readonly number[],
): unknown {
  const needed: Snapshot = {
    ...snapshot,
    cgroups: snapshot.cgroups.filter(({ path: each }) => cgroup.startsWith(each) || each === '/'),
    nodes: [],
    units: [],
    containers: [],
  };
  return {
    cgroup,
    snapshot: JSON.parse(serialiseSnapshot(needed)) as unknown,
    /** [type, access, major, minor, errno] */
    verdicts: requests.map((request, index) => [
      request.type,
      request.access,
      request.major,
      request.minor,
      answers[index],
    ]),
  };
}

/** Requests that were decided otherwise than the kernel does. */
function wrong(answers: readonly string[], kernel: readonly string[], requests: readonly DeviceRequest[]): string[] {
  return requests.flatMap((request, index) => {
    const answer = answers[index] ?? '';
    if (answer === kernel[index] || answer.startsWith('undecided')) return [];
    return [`${JSON.stringify(request)}: kernel ${kernel[index] ?? ''}, ours ${answer}`];
  });
}

async function judge(guest: Guest, name: string, cgroup: Cgroup, undecided: string[]): Promise<void> {
  const { referee } = guest;
  const requests = requestsFor(name);
  const answers = await referee.probe(cgroup, requests);
  const kernel = answers.map((answer) => (answer === 0 ? 'allow' : 'deny'));
  const { snapshot, entries } = await read(referee, cgroup);
  const { program, environment } = only(entries);
  const concrete = requests.map(interpreter.prepare(program, environment));
  assert.deepEqual(wrong(concrete, kernel, requests), [], 'interpreter');
  // The upper half of what a map's own function returned, up to 6.3 (src/ebpf/direct-map-call.ts), is the only thing it may not know.
  const open = concrete.filter((answer) => answer.startsWith('undecided'));
  assert.deepEqual(
    open.filter(
      (answer) => !/^undecided: helper:\w+_(delete|update)_elem(, helper:\w+_(delete|update)_elem)*$/.test(answer),
    ),
    [],
    'interpreter: undecided',
  );
  const symbolic = requests.map(evaluator(LIMITS).prepare(program, environment));
  assert.deepEqual(wrong(symbolic, kernel, requests), [], 'evaluator');
  if (symbolic.some((answer) => answer.startsWith('undecided'))) undecided.push(name);
  // Where such a result decides, the kernel may deny everything: an `int` in a register of 64 bits is never -ENOENT.
  if (open.length === 0) assert(kernel.includes('allow') && kernel.includes('deny'), 'both verdicts occur');
  if (process.env['DEVPOLICY_RECORD'] === '1' && /v[13]$/.test(name))
    guest.record(`clang-${name}`, recordOf(snapshot, pathOf(referee, cgroup), requests, answers));
}

async function run(guest: Guest): Promise<void> {
  const { referee, check, fact } = guest;
  const folder = path.join(projectRoot, 'objects');
  const refused: string[] = [];
  const undecided: string[] = [];
  let judged = 0;
  for (const object of readdirSync(folder).sort()) {
    if (NOT_ALONE.test(object)) continue;
    const name = object.replace(/\.o$/, '');
    await check(name, async () => {
      const loaded = await load(referee, path.join(folder, object), name.split('.')[0] ?? '');
      if (loaded === null) {
        refused.push(name);
        return;
      }
      const program = loaded.programs.get('program');
      if (program === undefined) throw new Error('no entry program');
      const cgroup = await referee.createCgroup(name.replace('.', '-'));
      await referee.attach(cgroup, program);
      await judge(guest, name, cgroup, undecided);
      await referee.removeCgroup(cgroup);
      judged++;
    });
  }
  await check('most objects load', () => {
    assert(judged > refused.length * 2, `${String(judged)} judged; refused: ${refused.join(', ')}`);
    return Promise.resolve();
  });
  fact('clang objects judged', String(judged));
  fact('of them not decided entirely by the evaluator', undecided.join(' ') || 'none');
  fact('clang programs refused', [...new Set(refused.map((name) => name.split('.')[0] ?? ''))].join(' ') || 'none');
}

export const programs: Suite = { name: 'programs', run };
