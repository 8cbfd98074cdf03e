/** What PROG_QUERY says and what the addon makes of it; links, and the flags that some kernels know. */
import { strict as assert } from 'node:assert';
import { loadBinding } from '../../../src/collect/binding.js';
import { KernelError } from '../../../src/errors.js';
import { ALLOW, DENY } from '../../kernel/atoms.js';
import { type Cgroup, FLAGS, type Handle, type Referee } from '../../kernel/referee.js';
import { read } from './reading.js';
import { type Guest, type Suite, errnoOf } from './suite.js';

const { NONE, OVERRIDE, MULTI, REPLACE, BEFORE, AFTER, PREORDER } = FLAGS;
const [EPERM, ENOENT, E2BIG, EINVAL] = [1, 2, 7, 22];

async function loadMany(referee: Referee, count: number): Promise<Handle[]> {
  const programs: Handle[] = [];
  for (let number = 0; number < count; number++) programs.push(await referee.load(ALLOW));
  return programs;
}

function open<T>(cgroup: Cgroup, use: (fd: number) => T): T {
  const binding = loadBinding();
  const fd = binding.openDirectory(cgroup.path);
  try {
    return use(fd);
  } finally {
    binding.close(fd);
  }
}

async function queries({ referee, check, fact }: Guest): Promise<void> {
  const binding = loadBinding();
  await check('64 programs on each of three levels are all listed, a 65th is refused', async () => {
    const a = await referee.createCgroup('many');
    const b = await referee.createCgroup('b', a);
    const c = await referee.createCgroup('c', b);
    const programs = await loadMany(referee, 193);
    for (const [index, program] of programs.slice(0, 192).entries())
      await referee.attach([a, b, c][index % 3] ?? a, program);
    const extra = programs[192] ?? { fd: -1, id: 0 };
    assert.equal(await errnoOf(referee.attach(a, extra)), E2BIG);
    const effective = open(c, (fd) => binding.queryPrograms(fd, true));
    assert.deepEqual(effective.programIds, (await referee.query(c, true)).programIds);
    assert.equal(effective.programIds.length, 192);
    const ids = (at: number): number[] =>
      programs
        .slice(0, 192)
        .filter((_, index) => index % 3 === at)
        .map(({ id }) => id);
    assert.deepEqual(effective.programIds, [...ids(2), ...ids(1), ...ids(0)]);
    const local = open(b, (fd) => binding.queryPrograms(fd, false));
    assert.deepEqual([local.programIds, local.attachFlags], [ids(1), MULTI]);
    const scan = await binding.scan(a.path);
    assert.equal(scan.programs.length, 192);
    assert.equal(scan.truncated, false);
    for (const cgroup of [c, b, a]) await referee.removeCgroup(cgroup);
    for (const program of programs) await referee.close(program);
  });

  await check('flags of a level', async () => {
    const cgroup = await referee.createCgroup('flags');
    const program = await referee.load(ALLOW);
    for (const flags of [NONE, OVERRIDE, MULTI]) {
      await referee.attach(cgroup, program, { flags });
      const local = open(cgroup, (fd) => binding.queryPrograms(fd, false));
      assert.deepEqual([local.attachFlags & 3, local.programIds], [flags, [program.id]]);
      if (local.programAttachFlags !== null)
        assert.deepEqual(
          local.programAttachFlags.map((each) => each & 3),
          [flags],
        );
      if (flags === MULTI) {
        const { attachFlags } = open(cgroup, (fd) => binding.queryPrograms(fd, true));
        fact('attach flags of an EFFECTIVE query', attachFlags === MULTI ? 'the cgroup’s own' : String(attachFlags));
        fact('prog_attach_flags', local.programAttachFlags === null ? 'unknown' : 'known');
        fact('revision', local.revision === 0 ? 'none' : 'counted');
      }
      await referee.detach(cgroup, program);
    }
    assert.deepEqual(open(cgroup, (fd) => binding.queryPrograms(fd, false)).programIds, []);
    await referee.removeCgroup(cgroup);
  });

  await check('a cgroup that was removed', async () => {
    const cgroup = await referee.createCgroup('gone');
    const fd = binding.openDirectory(cgroup.path);
    await referee.removeCgroup(cgroup);
    assert.throws(
      () => binding.queryPrograms(fd, false),
      (error) => error instanceof KernelError && error.errno === ENOENT,
    );
    binding.close(fd);
  });

  await check('a program that is gone, and ids that never were', async () => {
    const program = await referee.load(ALLOW);
    await referee.close(program);
    for (const id of [program.id, 0, 0xffffffff])
      assert.throws(
        () => binding.getProgramFd(id),
        (error) => error instanceof KernelError && error.errno === ENOENT,
      );
    await Promise.resolve();
  });
}

async function attaching({ referee, check }: Guest): Promise<void> {
  await check('what may be attached where', async () => {
    const a = await referee.createCgroup('rules');
    const b = await referee.createCgroup('b', a);
    const [one, other] = [await referee.load(ALLOW), await referee.load(DENY)];
    await referee.attach(a, one, { flags: NONE });
    assert.equal(await errnoOf(referee.attach(b, other)), EPERM);
    await referee.detach(a, one);
    await referee.attach(b, other);
    assert.equal(await errnoOf(referee.attach(b, one, { flags: OVERRIDE })), EPERM);
    assert.equal(await errnoOf(referee.attach(b, other)), EINVAL);
    assert.equal(await errnoOf(referee.attach(b, one, { flags: MULTI | REPLACE, replace: one })), ENOENT);
    await referee.attach(b, one, { flags: MULTI | REPLACE, replace: other });
    assert.deepEqual((await referee.query(b, true)).programIds, [one.id]);
    await referee.removeCgroup(b);
    await referee.removeCgroup(a);
  });
}

async function links({ referee, check, fact }: Guest): Promise<void> {
  const binding = loadBinding();
  await check('links: repeat a program, show as its id, are found with their cgroup', async () => {
    const a = await referee.createCgroup('links');
    const b = await referee.createCgroup('b', a);
    const program = await referee.load(ALLOW);
    const other = await referee.load(DENY);
    await referee.attach(b, program);
    const link = await referee.link(b, program);
    const above = await referee.link(a, program);
    assert.deepEqual(
      (await read(referee, b)).entries.map(({ id }) => id),
      [program.id, program.id, program.id],
    );
    assert.equal(await errnoOf(referee.link(b, program, { flags: OVERRIDE })), EINVAL);
    const fd = binding.getLinkFd(link.id);
    const info = binding.linkInfo(fd);
    binding.close(fd);
    assert.deepEqual([info.programId, info.cgroupId, info.attachType], [program.id, b.id, 6]);
    await referee.updateLink(link, other);
    assert.deepEqual((await referee.query(b, true)).programIds, [program.id, other.id, program.id]);
    await referee.close(link);
    await referee.close(above);
    assert.deepEqual((await referee.query(b, true)).programIds, [program.id]);
    await referee.removeCgroup(b);
    await referee.removeCgroup(a);
  });

  await check('before and after', async () => {
    const cgroup = await referee.createCgroup('order');
    const [first, second, third] = await loadMany(referee, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three programs');
    await referee.attach(cgroup, first);
    const errno = await errnoOf(referee.attach(cgroup, second, { flags: MULTI | BEFORE, relative: first }));
    fact('BPF_F_BEFORE, BPF_F_AFTER', errno === 0 ? 'known' : `errno ${String(errno)}`);
    if (errno === 0) {
      await referee.attach(cgroup, third, { flags: MULTI | AFTER, relative: second });
      assert.deepEqual(
        (await read(referee, cgroup)).entries.map(({ id }) => id),
        [second.id, third.id, first.id],
      );
    } else {
      assert.equal(errno, EINVAL);
    }
    await referee.removeCgroup(cgroup);
  });

  await check('preorder does not show in a level’s flags', async () => {
    const cgroup = await referee.createCgroup('preorder');
    const program = await referee.load(ALLOW);
    const errno = await errnoOf(referee.attach(cgroup, program, { flags: MULTI | PREORDER }));
    assert(errno === 0 || errno === EINVAL, `errno ${String(errno)}`);
    if (errno === 0) {
      const { attachFlags } = open(cgroup, (fd) => binding.queryPrograms(fd, false));
      fact('flags shown for PREORDER', String(attachFlags));
      assert.equal(attachFlags & 3, MULTI);
    }
    await referee.removeCgroup(cgroup);
  });
}

async function run(guest: Guest): Promise<void> {
  await queries(guest);
  await attaching(guest);
  await links(guest);
}

export const query: Suite = { name: 'query', run };
