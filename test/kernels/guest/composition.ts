/**
 * How programs combine: for every case the kernel's run array and its answer, and what devpolicy makes of the same cgroups through its own reading of
 * them. The cases are those of compute_effective_progs and bpf_prog_run_array_cg (kernel/bpf/cgroup.c).
 */
import { strict as assert } from 'node:assert';
import { BddManager } from '../../../src/bdd/manager.js';
import { decide } from '../../../src/effective/compose-decide.js';
import { attributeEffective } from '../../../src/effective/compose-levels.js';
import { composeEffective } from '../../../src/effective/compose.js';
import { DeviceSpace } from '../../../src/policy/device-set.js';
import type { DeviceRequest } from '../../../src/policy/types.js';
import { Evaluator } from '../../../src/symbolic/evaluate.js';
import { ALLOW, DENY, IF_NOT_DENIED, denyMajor, setting } from '../../kernel/atoms.js';
import { LoaderError } from '../../kernel/loader-process.js';
import { type Cgroup, FLAGS, type Handle, type Referee } from '../../kernel/referee.js';
import { read } from './reading.js';
import { type Guest, type Suite, errnoOf } from './suite.js';

const { NONE, OVERRIDE, MULTI, PREORDER } = FLAGS;
const EINVAL = 22;
const REQUESTS: readonly DeviceRequest[] = [1, 2, 3].flatMap((major) =>
  [0, 1, 2, 4, 6].map((access): DeviceRequest => ({ type: 'c', access, major, minor: 3 })),
);

type Place = 'a' | 'b' | 'c';
/** Attach to a, b or c of the chain a ⊃ b ⊃ c. */
type Step = [at: Place, flags: number, bytes: Uint8Array];
interface Case {
  title: string;
  steps: Step[];
  /** Indices of steps in running order; where it is absent only the answer counts. */
  order?: number[];
}

const undo = setting(0, 1);
const noDevice = setting(-6, 1);
const noEntry = setting(-2, 0);
const leaf = (...programs: Uint8Array[]): Step[] => programs.map((bytes) => ['c', MULTI, bytes]);

const CASES: readonly Case[] = [
  { title: 'the parent applies where nothing is attached below', steps: [['a', MULTI, denyMajor(1)]], order: [0] },
  {
    title: 'an override yields to one below, a multi above stays',
    steps: [
      ['a', MULTI, denyMajor(1)],
      ['b', OVERRIDE, denyMajor(2)],
      ['c', OVERRIDE, denyMajor(3)],
    ],
    order: [2, 0],
  },
  {
    title: 'a multi child escapes an override parent',
    steps: [
      ['a', OVERRIDE, DENY],
      ['c', MULTI, denyMajor(3)],
    ],
    order: [1],
  },
  {
    title: 'a none child runs before its multi parent',
    steps: [
      ['a', MULTI, DENY],
      ['b', NONE, ALLOW],
    ],
    order: [1, 0],
  },
  {
    title: 'multi all the way, innermost first',
    steps: [
      ['a', MULTI, denyMajor(1)],
      ['b', MULTI, denyMajor(2)],
      ['c', MULTI, denyMajor(3)],
    ],
    order: [2, 1, 0],
  },
  {
    title: 'list order within a level',
    steps: [
      ['c', MULTI, denyMajor(1)],
      ['c', MULTI, denyMajor(2)],
    ],
    order: [0, 1],
  },
  {
    title: 'none is looked at only when something is attached below',
    steps: [
      ['c', MULTI, denyMajor(1)],
      ['a', NONE, DENY],
    ],
    order: [0],
  },
  {
    title: 'a later attachment takes the place of an override',
    steps: [
      ['c', OVERRIDE, DENY],
      ['c', OVERRIDE, denyMajor(2)],
    ],
    order: [1],
  },
  {
    title: 'preorder runs first, outermost level first',
    steps: [
      ['a', MULTI, denyMajor(1)],
      ['a', MULTI | PREORDER, denyMajor(2)],
      ['c', MULTI, ALLOW],
      ['c', MULTI | PREORDER, denyMajor(3)],
    ],
    order: [1, 3, 2, 0],
  },
  { title: 'one denial denies', steps: leaf(ALLOW, denyMajor(2), ALLOW) },
  { title: 'all allow', steps: leaf(ALLOW, ALLOW) },
  { title: 'a later program undoes a denial', steps: leaf(DENY, undo) },
  { title: 'and an even later one denies again', steps: leaf(undo, denyMajor(1)) },
  { title: 'set_retval(0) and return 0 is a denial', steps: leaf(setting(0, 0)) },
  { title: 'set_retval(-ENXIO) and return 1 is a denial', steps: leaf(noDevice) },
  { title: 'set_retval(-ENOENT) and return 0', steps: leaf(noEntry) },
  { title: 'a later denial leaves the errno', steps: leaf(noEntry, DENY) },
  { title: 'a later set_retval changes it', steps: leaf(noEntry, noDevice) },
  { title: 'a program looks at the verdict so far: denied', steps: leaf(denyMajor(1), IF_NOT_DENIED) },
  { title: 'a program looks at the verdict so far: allowed', steps: leaf(ALLOW, IF_NOT_DENIED) },
  { title: 'a positive value', steps: leaf(setting(5, 1)) },
  { title: 'a positive value and a denial', steps: leaf(setting(5, 1), denyMajor(1)) },
  { title: 'a value beyond the errnos', steps: leaf(setting(-5000, 1)) },
  { title: 'a value beyond the errnos and a denial', steps: leaf(setting(-5000, 1), denyMajor(1)) },
  {
    title: 'parents run later and undo',
    steps: [
      ['c', MULTI, DENY],
      ['a', MULTI, undo],
    ],
  },
  {
    title: 'a child does not undo what its parent denies',
    steps: [
      ['c', MULTI, undo],
      ['a', MULTI, denyMajor(1)],
    ],
  },
  {
    title: 'unless the parent runs in preorder',
    steps: [
      ['c', MULTI, undo],
      ['a', MULTI | PREORDER, denyMajor(1)],
    ],
  },
];

/** Loads and attaches; the reason where this kernel has no such helper (bpf_set_retval: 5.18), argument (7.x) or flag (PREORDER: 6.15, 6.12.y). */
async function build(
  referee: Referee,
  places: Record<Place, Cgroup>,
  steps: readonly Step[],
  loaded: Handle[],
): Promise<string | null> {
  for (const [at, flags, bytes] of steps) {
    try {
      loaded.push(await referee.load(bytes));
    } catch (error) {
      if (!(error instanceof LoaderError) || error.log === '') throw error;
      return 'the verifier refuses a program';
    }
    const errno = await errnoOf(referee.attach(places[at], loaded.at(-1) ?? { fd: -1, id: 0 }, { flags }));
    if (errno === EINVAL && (flags & PREORDER) !== 0) return 'the kernel does not know the flag';
    assert.equal(errno, 0, 'attach');
  }
  return null;
}

/** Kernel and devpolicy on one chain of cgroups: both of ours must give the kernel's verdict, the concrete one its errno too. */
export async function compareWithKernel(
  referee: Referee,
  cgroup: Cgroup,
  requests: readonly DeviceRequest[],
  release: string,
): Promise<number[]> {
  const ids = (await referee.query(cgroup, true)).programIds;
  const { entries, levels } = await read(referee, cgroup);
  assert.deepEqual(
    entries.map(({ id }) => id),
    ids,
    'run array as the collector reads it',
  );
  assert.notEqual(attributeEffective(ids, levels).matches, 'changed', 'the levels explain the run array');
  const manager = new BddManager();
  const space = new DeviceSpace(manager);
  const composed = composeEffective(new Evaluator(manager), entries, release);
  assert.deepEqual(composed.undecided, []);
  const allowed = space.fromRef(composed.allowed);
  const answers = await referee.probe(cgroup, requests);
  const kernel = answers.map((answer) => (answer === 0 ? 'allow' : `deny ${String(answer)}`));
  const concrete = requests.map((request) => {
    const { verdict, errno } = decide(entries, request, release);
    return verdict === 'allow' ? 'allow' : `${verdict} ${String(errno)}`;
  });
  assert.deepEqual(
    requests.map((request) => (allowed.contains(request) ? 'allow' : 'deny')),
    kernel.map((answer) => answer.slice(0, 5).trim()),
    'symbolic',
  );
  assert.deepEqual(concrete, kernel.map(rawErrno), 'concrete');
  return answers;
}

/** The referee marks a value that is no errno by adding 1,000,000: access(2) gives it back as it is. devpolicy leaves the sign away. */
function rawErrno(answer: string): string {
  const [verdict = '', number] = answer.split(' ');
  if (number === undefined || Number(number) < 500_000) return answer;
  return `${verdict} ${String(Math.abs(Number(number) - 1_000_000))}`;
}

async function run(guest: Guest): Promise<void> {
  const { referee, check, fact, release } = guest;
  const left: string[] = [];
  for (const [index, { title, steps, order }] of CASES.entries()) {
    await check(title, async () => {
      const a = await referee.createCgroup(`case-${String(index)}`);
      const b = await referee.createCgroup('b', a);
      const c = await referee.createCgroup('c', b);
      const loaded: Handle[] = [];
      try {
        const unknown = await build(referee, { a, b, c }, steps, loaded);
        if (unknown !== null) {
          left.push(title);
          return;
        }
        if (order !== undefined) {
          const ids = (await referee.query(c, true)).programIds;
          assert.deepEqual(
            ids,
            order.map((step) => loaded[step]?.id),
            'running order',
          );
        }
        await compareWithKernel(referee, c, REQUESTS, release);
      } finally {
        for (const cgroup of [c, b, a]) await referee.removeCgroup(cgroup);
        for (const program of loaded) await referee.close(program);
      }
    });
  }
  fact('composition cases this kernel cannot build', `${String(left.length)} of ${String(CASES.length)}`);
  fact('bpf_set_retval(5)', left.includes('a positive value') ? 'refused' : 'loads');
  fact('bpf_set_retval(-ENXIO)', left.includes('set_retval(-ENXIO) and return 1 is a denial') ? 'refused' : 'loads');
  fact('BPF_F_PREORDER', left.includes('preorder runs first, outermost level first') ? 'EINVAL' : 'known');
}

export const composition: Suite = { name: 'composition', run };
