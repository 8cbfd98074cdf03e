/** The addon reads what the kernel has: lists, flags, bytes, maps, links. bpftool is the second opinion. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble, type Row } from '../assemble.js';
import { FLAGS, Referee, type Cgroup, type Handle } from '../referee.js';
import { EXIT, binding, constant, openDescriptors } from './addon.js';

let referee: Referee;
let before = 0;
beforeAll(async () => {
  referee = await Referee.start();
  before = openDescriptors(referee.mount);
});
afterAll(async () => {
  expect(openDescriptors(referee.mount)).toBe(before);
  await referee.stop();
});

function query(cgroup: Cgroup, effective: boolean): ReturnType<typeof binding.queryPrograms> {
  const fd = binding.openDirectory(cgroup.path);
  try {
    return binding.queryPrograms(fd, effective);
  } finally {
    binding.close(fd);
  }
}
function withFd<T>(fd: number, call: (fd: number) => T): T {
  try {
    return call(fd);
  } finally {
    binding.close(fd);
  }
}

describe('queryPrograms', () => {
  it('lists what is attached in list order, duplicates included, and what applies from above', async () => {
    const outer = await referee.createCgroup('native-query');
    const inner = await referee.createCgroup('inner', outer);
    const [first, second] = [await referee.load(constant(1)), await referee.load(constant(0))];
    await referee.attach(outer, first);
    await referee.attach(outer, second);
    const link = await referee.link(outer, first);
    const ids = [first.id, second.id, first.id];
    const attached = query(outer, false);
    expect(attached.programIds).toEqual(ids);
    expect(attached.attachFlags).toBe(FLAGS.MULTI);
    if (attached.programAttachFlags !== null) {
      expect(attached.programAttachFlags.map((flags) => flags & 3)).toEqual([2, 2, 2]);
    }
    expect(attached.revision === 0 || attached.revision === 4).toBe(true);
    expect(query(inner, false).programIds).toEqual([]);
    expect(query(inner, true).programIds).toEqual(ids);
    expect(query(inner, true).programAttachFlags).toBeNull();
    expect(await referee.query(inner, true)).toMatchObject({ programIds: ids });
    await referee.close(link);
    await referee.removeCgroup(inner);
    await referee.removeCgroup(outer);
  });

  it('follows a list that is longer than the first buffer', async () => {
    const program = await referee.load(constant(1));
    const levels: Cgroup[] = [];
    const expected: number[] = [];
    for (let level = 0; level < 3; level += 1) {
      const cgroup = await referee.createCgroup(`native-long-${String(level)}`, levels[level - 1]);
      levels.push(cgroup);
      for (let i = 0; i < 60; i += 1) {
        await referee.link(cgroup, program);
        expected.push(program.id);
      }
    }
    const [top, , leaf] = levels as [Cgroup, Cgroup, Cgroup];
    expect(query(leaf, true).programIds).toEqual(expected);
    expect(query(leaf, false).programIds).toHaveLength(60);
    expect(query(top, true).programIds).toHaveLength(60);
    for (const cgroup of levels.reverse()) await referee.removeCgroup(cgroup);
  });
});

describe('programInfo', () => {
  it('gives the bytes that bpftool writes, for short and long programs', async () => {
    // The long one needs a buffer that grows twice: 10,000 distinct tests of the minor number.
    const rows: Row[] = [[0x61, 0x12, 8, 0]];
    for (let i = 0; i < 10_000; i += 1) rows.push([0x55, 0x02, 2, i], [0xb7, 0, 0, i & 1], EXIT);
    const long = await referee.load(assemble(...rows, [0xb7, 0, 0, 0], EXIT), { name: 'long_one' });
    const short = await referee.load(constant(1), { name: 'short_one' });
    const directory = mkdtempSync(join(tmpdir(), 'devpolicy-native-'));
    for (const { id } of [long, short]) {
      const file = join(directory, String(id));
      execFileSync('bpftool', ['prog', 'dump', 'xlated', 'id', String(id), 'file', file]);
      const info = withFd(binding.getProgramFd(id), (fd) => binding.programInfo(fd));
      expect(Buffer.from(info.xlated ?? []).equals(readFileSync(file))).toBe(true);
      expect(info.xlatedLength).toBe(info.xlated?.length);
    }
    rmSync(directory, { recursive: true });
  });

  it('gives the description that bpftool gives', async () => {
    const program = await referee.load(constant(1), { name: 'described' });
    const info = withFd(binding.getProgramFd(program.id), (fd) => binding.programInfo(fd));
    const shown = JSON.parse(
      execFileSync('bpftool', ['-j', 'prog', 'show', 'id', String(program.id)], { encoding: 'utf8' }),
    ) as Record<string, unknown>;
    expect(info).toMatchObject({ type: 15, id: program.id, name: 'described', createdByUid: shown['uid'], mapIds: [] });
    expect(Buffer.from(info.tag).toString('hex')).toBe(shown['tag']);
    expect(info.gplCompatible).toBe(shown['gpl_compatible']);
    expect(info.xlatedLength).toBe(shown['bytes_xlated']);
    expect(info.functionCount).toBe(1);
    const age = binding.bootTimeNs() - info.loadTimeNs;
    expect(age).toBeGreaterThan(0);
    expect(age).toBeLessThan(60e9);
  });

  it('is among the ids of the walk over all programs', async () => {
    const program = await referee.load(constant(1));
    const ids: number[] = [];
    for (let id = binding.nextProgramId(0); id !== null; id = binding.nextProgramId(id)) ids.push(id);
    expect(ids).toContain(program.id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });
});

describe('maps', () => {
  const u32 = (value: number): Uint8Array => Uint8Array.from([value & 255, (value >> 8) & 255, 0, 0]);
  const entries = (fd: number): [string, string][] => {
    const found: [string, string][] = [];
    for (let key = binding.mapNextKey(fd, null); key !== null; key = binding.mapNextKey(fd, key)) {
      found.push([Buffer.from(key).toString('hex'), Buffer.from(binding.mapLookup(fd, key) ?? []).toString('hex')]);
    }
    return found.sort();
  };

  it('are named by the program and read by key', async () => {
    const hash = await referee.createMap('hash', 4, 3, 8);
    await referee.updateMap(hash, u32(7), Uint8Array.from([1, 2, 3]));
    await referee.updateMap(hash, u32(9), Uint8Array.from([4, 5, 6]));
    const program = await referee.load(assemble([0x18, 0x11, 0, hash.fd], [0, 0, 0, 0], [0xb7, 0, 0, 1], EXIT));
    const { mapIds } = withFd(binding.getProgramFd(program.id), (fd) => binding.programInfo(fd));
    expect(mapIds).toEqual([hash.id]);
    withFd(binding.getMapFd(hash.id), (fd) => {
      expect(binding.mapInfo(fd)).toMatchObject({
        type: 1,
        id: hash.id,
        keySize: 4,
        valueSize: 3,
        maxEntries: 8,
        frozen: false,
      });
      expect(entries(fd)).toEqual([
        ['07000000', '010203'],
        ['09000000', '040506'],
      ]);
      expect(binding.mapLookup(fd, u32(8))).toBeNull();
      expect(() => binding.mapLookup(fd, Uint8Array.from([1]))).toThrow(TypeError);
      expect(() => binding.mapNextKey(fd, new Uint8Array(5))).toThrow(TypeError);
    });
  });

  it('per CPU give the values of all possible CPUs', async () => {
    const map: Handle = await referee.createMap('percpu_array', 4, 12, 2);
    const last = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim().split('-').at(-1);
    withFd(binding.getMapFd(map.id), (fd) => {
      expect(binding.mapLookup(fd, u32(1))).toHaveLength(16 * (Number(last) + 1));
      expect(entries(fd)).toHaveLength(2);
    });
  });

  it('say when they are frozen', async () => {
    const map = await referee.createMap('array', 4, 8, 1);
    await referee.freezeMap(map);
    withFd(binding.getMapFd(map.id), (fd) => {
      expect(binding.mapInfo(fd).frozen).toBe(true);
      expect(binding.mapLookup(fd, u32(0))).toEqual(new Uint8Array(8));
    });
  });
});

describe('links', () => {
  it('name program and cgroup', async () => {
    const cgroup = await referee.createCgroup('native-link');
    const program = await referee.load(constant(1));
    await referee.link(cgroup, program);
    const found: unknown[] = [];
    for (let id = binding.nextLinkId(0); id !== null; id = binding.nextLinkId(id)) {
      const link = withFd(binding.getLinkFd(id), (fd) => binding.linkInfo(fd));
      if (link.programId === program.id) found.push({ ...link, id: 0 });
    }
    expect(found).toEqual([
      { type: 3, id: 0, programId: program.id, cgroupId: cgroup.id, attachType: 6, targetObjectId: 0 },
    ]);
    await referee.removeCgroup(cgroup);
  });
});
