/** The referee itself: does it see what the kernel does, and does it leave nothing behind? */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeviceRequest } from '../../src/policy/types.js';
import { assemble } from './assemble.js';
import { LoaderError } from './loader-process.js';
import { FLAGS, Referee } from './referee.js';

let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start();
});
afterAll(async () => {
  await referee.stop();
});

/** Allows exactly one word of the context: `r0 = (*(u32 *)(r1 + offset) == value)`. */
function onlyIf(offset: number, value: number): Uint8Array {
  return assemble([0x61, 0x12, offset, 0], [0xb7, 0, 0, 0], [0x55, 2, 1, value], [0xb7, 0, 0, 1], [0x95, 0, 0, 0]);
}

test('every field of the request reaches the program', async () => {
  const requests: DeviceRequest[] = [];
  for (const type of ['b', 'c'] as const)
    for (const [major, minor] of [
      [1, 3],
      [4095, 1048575],
      [7, 256],
      [0, 1],
    ] as const)
      for (const access of [0, 1, 2, 4, 6]) requests.push({ type, access, major, minor });
  const cases: [Uint8Array, (request: DeviceRequest) => boolean][] = [
    [onlyIf(0, (6 << 16) | 2), ({ type, access }) => type === 'c' && access === 6],
    [onlyIf(0, (1 << 16) | 1), ({ type, access }) => type === 'b' && access === 1],
    [onlyIf(0, 2), ({ type, access }) => type === 'c' && access === 0],
    [onlyIf(4, 4095), ({ major }) => major === 4095],
    [onlyIf(8, 1048575), ({ minor }) => minor === 1048575],
    [onlyIf(8, 256), ({ minor }) => minor === 256],
  ];
  for (const [bytes, allows] of cases) {
    const cgroup = await referee.createCgroup('fields');
    const program = await referee.load(bytes);
    await referee.attach(cgroup, program);
    expect(await referee.verdicts(cgroup, requests)).toEqual(
      requests.map((request) => (allows(request) ? 'allow' : 'deny')),
    );
    await referee.removeCgroup(cgroup);
  }
});

test('errnos set by bpf_set_retval are seen', async () => {
  const cgroup = await referee.createCgroup('errno');
  // r1 = -6 (ENXIO); call bpf_set_retval; r0 = 1; exit
  await referee.attach(
    cgroup,
    await referee.load(assemble([0xb7, 1, 0, -6], [0x85, 0, 0, 187], [0xb7, 0, 0, 1], [0x95, 0, 0, 0])),
  );
  expect(await referee.probe(cgroup, [{ type: 'c', access: 2, major: 1, minor: 3 }])).toEqual([6]);
  await referee.removeCgroup(cgroup);
});

test('a refused program comes with the verifier log', async () => {
  const failure = await referee.load(assemble([0xb7, 0, 0, 2], [0x95, 0, 0, 0])).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(LoaderError);
  expect((failure as LoaderError).log).toMatch(/R0/);
});

test('tail calls, arrays and links work through the loader', async () => {
  const cgroup = await referee.createCgroup('maps');
  const slots = await referee.createMap('prog_array', 4, 4, 2);
  const deny = await referee.load(assemble([0xb7, 0, 0, 0], [0x95, 0, 0, 0]));
  // r2 = map; r3 = 0; tail call; r0 = 1; exit
  const caller = await referee.load(
    assemble(
      [0x18, 0x12, 0, slots.fd],
      [0, 0, 0, 0],
      [0xb7, 3, 0, 0],
      [0x85, 0, 0, 12],
      [0xb7, 0, 0, 1],
      [0x95, 0, 0, 0],
    ),
  );
  const link = await referee.link(cgroup, caller);
  const request: DeviceRequest = { type: 'c', access: 2, major: 1, minor: 3 };
  expect(await referee.verdicts(cgroup, [request])).toEqual(['allow']);
  await referee.updateMap(slots, new Uint8Array(4), Uint8Array.from([deny.fd, 0, 0, 0]));
  expect(await referee.verdicts(cgroup, [request])).toEqual(['deny']);
  expect((await referee.query(cgroup, false)).programIds).toEqual([caller.id]);
  expect((await referee.info(caller)).mapIds).toEqual([slots.id]);
  await referee.close(link);
  expect((await referee.query(cgroup, true)).programIds).not.toContain(caller.id);
  await referee.removeCgroup(cgroup);
});

test('a hundred thousand verdicts take about a second', async () => {
  const cgroup = await referee.createCgroup('speed');
  await referee.attach(cgroup, await referee.load(onlyIf(4, 7)), { flags: FLAGS.OVERRIDE });
  const requests: DeviceRequest[] = [];
  for (let node = 0; node < 25_000; node++)
    for (const access of [0, 2, 4, 6]) requests.push({ type: 'c', access, major: node % 16, minor: 1 + node });
  const start = process.hrtime.bigint();
  const verdicts = await referee.verdicts(cgroup, requests);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  expect(verdicts.filter((verdict) => verdict === 'allow')).toHaveLength(Math.floor((25_000 - 8) / 16 + 1) * 4);
  // A guard against a probe that forks or sleeps per request, not a benchmark.
  expect(seconds).toBeLessThan(10);
  await referee.removeCgroup(cgroup);
});

test('a killed loader leaves no cgroup behind', async () => {
  const other = await Referee.start();
  const cgroup = await other.createCgroup('orphan');
  await other.createCgroup('below', cgroup);
  await other.probe(cgroup, [{ type: 'c', access: 2, major: 1, minor: 3 }]);
  const scratch = cgroup.path.split('/').at(-2) ?? '';
  const pid = Number(scratch.split('-').at(-1));
  expect(readdirSync(other.mount)).toContain(scratch);
  process.kill(pid, 'SIGKILL');
  for (let attempt = 0; attempt < 100 && readdirSync(other.mount).includes(scratch); attempt++) await sleep(50);
  expect(readdirSync(other.mount)).not.toContain(scratch);
});
