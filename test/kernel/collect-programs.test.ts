/** Maps, helper names and tail-call targets of programs that the collector met in the running kernel; bpftool is the second witness for names. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectSnapshot } from '../../src/collect/index.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { Referee } from './referee.js';

let referee: Referee;
let snapshot: Snapshot;
let ids: { gate: number; target: number; hash: number; slots: number };
const code = (...lines: string[]): Buffer => Buffer.from(lines.join('').replaceAll(' ', ''), 'hex');
const littleEndian = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes.toString('hex');
};

beforeAll(async () => {
  referee = await Referee.start();
  const target = await referee.load(code('b700 0000 01000000', '9500 0000 00000000'), { name: 'target' });
  const hash = await referee.createMap('hash', 8, 4, 16, 0);
  const slots = await referee.createMap('prog_array', 4, 4, 4, 0);
  await referee.updateMap(hash, code('0100000003000000'), code('06000000'));
  await referee.updateMap(slots, code('02000000'), Buffer.from(littleEndian(target.fd), 'hex'));
  const gate = await referee.load(
    code(
      'bf16 0000 00000000', // r6 = context
      '8500 0000 0f000000', // bpf_get_current_uid_gid
      `1812 0000 ${littleEndian(slots.fd)}`, // r2 = slots
      '0000 0000 00000000',
      'b703 0000 02000000', // r3 = 2
      'bf61 0000 00000000',
      '8500 0000 0c000000', // tail call
      `1811 0000 ${littleEndian(hash.fd)}`, // r1 = hash
      '0000 0000 00000000',
      '7a0a f8ff 00000000', // key on the stack
      'bfa2 0000 00000000',
      '0702 0000 f8ffffff',
      '8500 0000 01000000', // bpf_map_lookup_elem
      'b700 0000 01000000',
      '9500 0000 00000000',
    ),
    { name: 'gate' },
  );
  const cgroup = await referee.createCgroup('collect');
  await referee.attach(cgroup, gate);
  ids = {
    gate: (await referee.info(gate)).id,
    target: (await referee.info(target)).id,
    hash: hash.id,
    slots: slots.id,
  };
  snapshot = await collectSnapshot();
});
afterAll(async () => {
  await referee.stop();
});

const program = (id: number): Snapshot['programs'][number] => {
  const found = snapshot.programs.find((each) => each.id === id);
  if (found === undefined) throw new Error(`program ${String(id)} is not in the snapshot`);
  return found;
};

test('a hash map with its contents', () => {
  expect(snapshot.maps.find(({ id }) => id === ids.hash)).toMatchObject({
    type: 'hash',
    keySize: 8,
    valueSize: 4,
    maxEntries: 16,
    frozen: false,
    entries: [{ key: code('0100000003000000').toString('base64'), value: code('06000000').toString('base64') }],
  });
});

test('a map of programs leads to its programs, which are not attached anywhere', () => {
  const slots = snapshot.maps.find(({ id }) => id === ids.slots);
  const value = Buffer.from(littleEndian(ids.target), 'hex').toString('base64');
  expect(slots).toMatchObject({ type: 'prog_array', entries: [{ key: code('02000000').toString('base64'), value }] });
  expect(program(ids.target)).toMatchObject({ name: 'target', unreadable: null });
  expect(snapshot.cgroups.flatMap(({ attached }) => ('failed' in attached ? [] : attached.programIds))).not.toContain(
    ids.target,
  );
});

test('helpers have the names that bpftool finds too, by their call’s immediate', () => {
  const listing = execFileSync('bpftool', ['prog', 'dump', 'xlated', 'id', String(ids.gate)], { encoding: 'utf8' });
  const calls = [...listing.matchAll(/\(85\) call (\S+)#(-?\d+)/g)].filter(([, name]) => name !== 'bpf_tail_call');
  const named = calls.flatMap(([, name, immediate]) => (immediate === '12' ? [] : [[immediate, name]]));
  expect(named.map(([, name]) => name)).toContain('bpf_get_current_uid_gid');
  expect({ ...program(ids.gate).helpers }).toEqual(Object.fromEntries(named) as Record<string, string>);
});

test('a program without BTF cannot have been replaced in part', () => {
  expect(program(ids.gate)).toMatchObject({ btfId: 0, freplaced: 'no', jited: true, uid: 0, name: 'gate' });
  expect(program(ids.gate).loadedAtNs).toBeGreaterThan(0);
  expect(program(ids.gate).loadedAtNs).toBeLessThanOrEqual(snapshot.bootTimeNs ?? 0);
});
