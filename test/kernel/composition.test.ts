/**
 * How the running kernel combines programs: which of them apply to a cgroup (kernel/bpf/cgroup.c, compute_effective_progs), and what becomes of their
 * answers (bpf_prog_run_array_cg). The tables are the reference that `src/effective` is tested against.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeviceRequest } from '../../src/policy/types.js';
import { decide } from '../../src/effective/compose-decide.js';
import { read } from '../kernels/guest/reading.js';
import { assemble } from './assemble.js';
import { ALLOW, DENY, IF_NOT_DENIED, denyMajor, setting } from './atoms.js';
import { LoaderError } from './loader-process.js';
import { type Cgroup, FLAGS, type Handle, Referee } from './referee.js';

const { NONE, OVERRIDE, MULTI, REPLACE, BEFORE, AFTER, PREORDER } = FLAGS;
const EPERM = 1;
const ENXIO = 6;
const ENOENT = 2;
const RAW = 1_000_000;
const REQUEST: DeviceRequest = { type: 'c', access: 2, major: 1, minor: 3 };

let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start();
});
afterAll(async () => {
  await referee.stop();
});

/** A fresh chain of cgroups a ⊃ b ⊃ c. */
let serial = 0;
async function chain(): Promise<Record<'a' | 'b' | 'c', Cgroup>> {
  const a = await referee.createCgroup(`chain-${String(++serial)}`);
  const b = await referee.createCgroup('b', a);
  const c = await referee.createCgroup('c', b);

  return { a, b, c };
}
async function errnoOf(action: Promise<unknown>): Promise<number> {
  try {
    await action;
    return 0;
  } catch (error) {
    if (error instanceof LoaderError) return error.errno;
    throw error;
  }
}

/** Attaches; false where the running kernel does not know the flag (PREORDER since 6.15 and 6.12.y, BEFORE and AFTER since 6.17): then EINVAL. */
async function attachIfKnown(cgroup: Cgroup, program: Handle, flags: number, relative?: Handle): Promise<boolean> {
  const errno = await errnoOf(referee.attach(cgroup, program, { flags, ...(relative ? { relative } : {}) }));
  if (errno === 0) return true;
  expect({ errno, newFlag: (flags & (PREORDER | BEFORE | AFTER)) !== 0 }).toEqual({ errno: 22, newFlag: true });
  console.log(`attach flags ${String(flags)} are unknown to this kernel; the case ends here`);
  return false;
}

type Step = [at: 'a' | 'b' | 'c', flags: number, name: string];

describe('which programs apply to the innermost cgroup, in running order', () => {
  const cases: [title: string, steps: Step[], effective: string][] = [
    ['nothing attached below: the parent applies', [['a', MULTI, 'A']], 'A'],
    [
      'an override yields, a multi above it stays',
      [
        ['a', MULTI, 'A'],
        ['b', OVERRIDE, 'B'],
        ['c', OVERRIDE, 'C'],
      ],
      'C A',
    ],
    [
      'a multi child escapes an override parent',
      [
        ['a', OVERRIDE, 'A'],
        ['c', MULTI, 'C'],
      ],
      'C',
    ],
    [
      'a none child runs before its multi parent',
      [
        ['a', MULTI, 'A'],
        ['b', NONE, 'B'],
      ],
      'B A',
    ],
    [
      'multi all the way: leaf first',
      [
        ['a', MULTI, 'A'],
        ['b', MULTI, 'B'],
        ['c', MULTI, 'C'],
      ],
      'C B A',
    ],
    [
      'list order inside one level',
      [
        ['c', MULTI, 'C1'],
        ['c', MULTI, 'C2'],
      ],
      'C1 C2',
    ],
    [
      'none is only looked at when something is attached',
      [
        ['c', MULTI, 'C'],
        ['a', NONE, 'A'],
      ],
      'C',
    ],
    [
      'preorder programs run first, outermost first',
      [
        ['a', MULTI | PREORDER, 'A'],
        ['c', MULTI, 'C'],
        ['b', MULTI | PREORDER, 'B'],
      ],
      'A B C',
    ],
    [
      'preorder and ordinary mixed in one level',
      [
        ['c', MULTI, 'C1'],
        ['c', MULTI | PREORDER, 'C2'],
        ['a', MULTI, 'A'],
      ],
      'C2 C1 A',
    ],
    [
      'override replaces what it held',
      [
        ['b', OVERRIDE, 'B1'],
        ['b', OVERRIDE, 'B2'],
      ],
      'B2',
    ],
  ];
  test.each(cases)('%s', async (_title, steps, effective) => {
    const cgroups = await chain();
    const names = new Map<number, string>();
    for (const [at, flags, name] of steps) {
      const program = await referee.load(ALLOW, { name });
      names.set(program.id, name);
      if (!(await attachIfKnown(cgroups[at], program, flags))) return;
    }
    const { programIds } = await referee.query(cgroups.c, true);
    expect(programIds.map((id) => names.get(id) ?? `foreign ${String(id)}`).join(' ')).toBe(effective);
  });

  test('before and after place a program anywhere in its level', async () => {
    const { a } = await chain();
    const [first, second, third] = [await referee.load(ALLOW), await referee.load(ALLOW), await referee.load(ALLOW)];
    await referee.attach(a, first);
    if (!(await attachIfKnown(a, second, MULTI | BEFORE, first))) return;
    expect(await attachIfKnown(a, third, MULTI | AFTER, second)).toBe(true);
    expect((await referee.query(a, true)).programIds).toEqual([second.id, third.id, first.id]);
  });

  test('links are multi, may repeat a program, and show as its id', async () => {
    const { a, c } = await chain();
    const program = await referee.load(ALLOW);
    await referee.attach(c, program);
    const link = await referee.link(c, program);
    await referee.link(a, program);
    expect((await referee.query(c, true)).programIds).toEqual([program.id, program.id, program.id]);
    expect(await errnoOf(referee.link(c, program, { flags: OVERRIDE }))).toBe(22);
    await referee.close(link);
    expect((await referee.query(c, true)).programIds).toEqual([program.id, program.id]);
  });

  test('replace takes the place of the old program', async () => {
    const { a } = await chain();
    const [first, second, third] = [await referee.load(ALLOW), await referee.load(ALLOW), await referee.load(ALLOW)];
    await referee.attach(a, first);
    await referee.attach(a, second);
    await referee.attach(a, third, { flags: MULTI | REPLACE, replace: first });
    expect((await referee.query(a, true)).programIds).toEqual([third.id, second.id]);
    expect(await errnoOf(referee.attach(a, first, { flags: MULTI | REPLACE, replace: first }))).toBe(ENOENT);
  });
});

test('what may be attached where', async () => {
  const { a, b } = await chain();
  const [one, other] = [await referee.load(ALLOW), await referee.load(ALLOW)];
  await referee.attach(a, one, { flags: NONE });
  expect(await errnoOf(referee.attach(b, other))).toBe(EPERM); // below NONE nothing
  await referee.detach(a, one);
  await referee.attach(b, other);
  expect(await errnoOf(referee.attach(b, one, { flags: OVERRIDE }))).toBe(EPERM); // one kind of flags per level
  expect(await errnoOf(referee.attach(b, other))).toBe(22); // the same program twice in one level
});

describe('what becomes of the answers', () => {
  const undo = setting(0, 1);
  const cases: [title: string, programs: Uint8Array[], answer: number][] = [
    ['one denial denies', [ALLOW, DENY, ALLOW], EPERM],
    ['all allow', [ALLOW, ALLOW], 0],
    ['a later program undoes a denial', [DENY, undo], 0],
    ['and an even later one denies again', [undo, DENY], EPERM],
    ['set_retval(0) and return 0 is a denial', [setting(0, 0)], EPERM],
    ['set_retval(-ENXIO) and return 1 is a denial', [setting(-ENXIO, 1)], ENXIO],
    ['set_retval(-ENOENT) and return 0', [setting(-ENOENT, 0)], ENOENT],
    ['a later denial does not change the errno', [setting(-ENOENT, 0), DENY], ENOENT],
    ['a later set_retval does', [setting(-ENOENT, 0), setting(-ENXIO, 1)], ENXIO],
    ['a program may look at the verdict so far: denied', [DENY, IF_NOT_DENIED], EPERM],
    ['a program may look at the verdict so far: allowed', [ALLOW, IF_NOT_DENIED], 0],
  ];
  test.each(cases)('%s', async (_title, programs, answer) => {
    const { a } = await chain();
    for (const bytes of programs) await referee.attach(a, await referee.load(bytes));
    expect(await referee.probe(a, [REQUEST])).toEqual([answer]);
  });

  test('a positive value is handed to the caller as it is, where the verifier still lets it through', async () => {
    const { a } = await chain();
    let program: Handle;
    try {
      program = await referee.load(setting(5, 1));
    } catch (error) {
      expect((error as LoaderError).log).toMatch(/retval|R1/); // 7.2 and later restrict the argument to [-4095, 0]
      return;
    }
    await referee.attach(a, program);
    expect(await referee.probe(a, [REQUEST])).toEqual([RAW + 5]);
    await referee.attach(a, await referee.load(DENY));
    expect(await referee.probe(a, [REQUEST])).toEqual([EPERM]);
  });

  const levels: [title: string, steps: [at: 'a' | 'c', flags: number, bytes: Uint8Array][], answer: number][] = [
    [
      'parents run later and may undo',
      [
        ['c', MULTI, DENY],
        ['a', MULTI, undo],
      ],
      0,
    ],
    [
      'a child cannot undo what its parent denies',
      [
        ['c', MULTI, undo],
        ['a', MULTI, DENY],
      ],
      EPERM,
    ],
    [
      'unless the parent runs in preorder',
      [
        ['c', MULTI, undo],
        ['a', MULTI | PREORDER, DENY],
      ],
      0,
    ],
  ];
  test.each(levels)('%s', async (_title, steps, answer) => {
    const cgroups = await chain();
    for (const [at, flags, bytes] of steps)
      if (!(await attachIfKnown(cgroups[at], await referee.load(bytes), flags))) return;
    expect(await referee.probe(cgroups.c, [REQUEST])).toEqual([answer]);
  });
});

test('a skipped override parent is really not asked', async () => {
  const { a, c } = await chain();
  await referee.attach(a, await referee.load(denyMajor(1)), { flags: OVERRIDE });
  await referee.attach(c, await referee.load(denyMajor(2)));
  const requests: DeviceRequest[] = [1, 2, 3].map((major) => ({ ...REQUEST, major }));
  expect(await referee.verdicts(c, requests)).toEqual(['allow', 'deny', 'allow']);
});

test('0:0 is put to the programs only when a block node is made', async () => {
  const { a } = await chain();
  await referee.attach(a, await referee.load(DENY));
  expect(await referee.verdicts(a, [{ type: 'b', access: 1, major: 0, minor: 0 }])).toEqual(['deny']);
});

test('what one program of a list writes to a map, the next one finds there; a reader of both says that it does not know', async () => {
  const map = await referee.createMap('array', 4, 4, 1);
  const value = [
    [0x18, 0x22, 0, map.fd],
    [0, 0, 0, 0],
  ] as const;
  // value = major; allow
  const writer = assemble([0x61, 0x13, 4, 0], ...value, [0x63, 0x32, 0, 0], [0xb7, 0, 0, 1], [0x95, 0, 0, 0]);
  // allow if value is 5
  const reader = assemble(
    ...value,
    [0x61, 0x23, 0, 0],
    [0xb7, 0, 0, 0],
    [0x55, 3, 1, 5],
    [0xb7, 0, 0, 1],
    [0x95, 0, 0, 0],
  );
  const { a } = await chain();
  await referee.attach(a, await referee.load(writer), { flags: MULTI });
  await referee.attach(a, await referee.load(reader), { flags: MULTI });
  const { snapshot, entries } = await read(referee, a);
  const requests: DeviceRequest[] = [6, 5, 6].map((major) => ({ ...REQUEST, major }));
  expect(await referee.verdicts(a, requests)).toEqual(['deny', 'allow', 'deny']);
  const ours = requests.map((request) => decide(entries, request, snapshot.host.kernelRelease).reason);
  expect(ours).toEqual(requests.map(() => `depends:map:${String(map.id)}`));
});
