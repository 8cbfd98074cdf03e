import { join } from 'node:path';
import { expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { onlySubject } from '../../src/cli/targets.js';
import { createRun } from '../../src/pipeline.js';
import { custodyLines, custodyStepTexts } from '../../src/report/custody-text.js';
import { custodyOf } from '../../src/verify/custody.js';
import { analysisOf, container, intended, known, partition, rules } from './subject-builder.js';
import { emptySnapshot } from '../../src/collect/empty.js';
import type { ContainerRecord } from '../../src/snapshot/types.js';

const CAPTURES = join(import.meta.dirname, '../fixtures/captures/bookworm-landmine-systemd-252.39');

test("the story's land mine: lost on the way from the runtime to systemd, before and after", () => {
  const before = snapshotFromDirectory(join(CAPTURES, 'SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before'));
  const run = createRun(before);
  const custody = custodyOf(before, run.analyse(onlySubject(before)));
  const hop = custody.changes.find(({ from, to }) => from.name === 'runtime' && to.name === 'systemd');
  expect(hop?.lost.contains({ type: 'c', access: 2, major: 1, minor: 3 })).toBe(true);
  expect(hop?.lost.contains({ type: 'c', access: 2, major: 136, minor: 3 })).toBe(false);
  const text = custodyLines(custody).join('\n');
  expect(text).toMatch(/systemd .* without .*c 1:3/);
  // The list sleeps: the kernel still allows what it lacks.
  expect(text).toMatch(/kernel .* and .*c 1:3/);
});

test('where every station agrees, each says so', () => {
  const list = rules('c 1:3 rw');
  const custody = custodyOf(
    emptySnapshot('little'),
    analysisOf({ enforced: known(partition(list)), intended: intended(list) }),
  );
  expect(custody.hops.map(({ name }) => name)).toEqual(['runtime', 'kernel']);
  expect(custodyLines(custody)[1]).toMatch(/kernel +no device program +same/);
});

test('one station is no way', () => {
  expect(
    custodyLines(custodyOf(emptySnapshot('little'), analysisOf({ intended: intended(rules('c 1:3 rw')) }))),
  ).toEqual([]);
});

test('the finding about the land mine says between which stations the devices are lost', () => {
  const before = snapshotFromDirectory(join(CAPTURES, 'SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before'));
  const [subject] = createRun(before).verify().subjects;
  const mine = subject?.findings.find(({ code }) => code === 'DP101');
  expect(mine?.evidence.custody).toMatchObject([
    {
      what: 'lost',
      from: { station: 'runtime', source: expect.stringMatching(/state\.json$/) as string },
      to: { station: 'systemd' },
    },
  ]);
  expect(custodyStepTexts(mine?.evidence.custody ?? [])).toEqual([
    "lost between state.json and systemd's DeviceAllow=.",
  ]);
});

test('after it went off: the same two stations, though the kernel refuses now', () => {
  const after = snapshotFromDirectory(
    join(CAPTURES, 'SEED-docker-20.10.24-runc-1.1.4-nochar-default-1-after-daemon-reload'),
  );
  const [subject] = createRun(after).verify().subjects;
  const lost = subject?.findings.find(({ code }) => code === 'DP102');
  expect(lost?.evidence.custody).toMatchObject([
    { what: 'lost', from: { station: 'runtime' }, to: { station: 'systemd' } },
  ]);
});

test('the configuration is a station where it was read: what the runtime adds by itself shows', () => {
  const captured = snapshotFromDirectory(
    join(import.meta.dirname, '../fixtures/captures/bookworm-docker-20.10.24-runc-1.1.5/dev-multi-perms'),
  );
  const custody = custodyOf(captured, createRun(captured).analyse(onlySubject(captured)));
  expect(custody.hops.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['asked', 'config', 'runtime', 'kernel']),
  );
  const given = custody.changes.find(({ from, to }) => from.name === 'asked' && to.name === 'config');
  expect(given?.lost.isEmpty()).toBe(true);
  const merged = custody.changes.find(({ from, to }) => from.name === 'config' && to.name === 'runtime');
  expect(merged?.lost.isEmpty()).toBe(true);
  // 10:200 is in runc's own list and in no configuration.
  expect(merged?.added.contains({ type: 'c', access: 6, major: 10, minor: 200 })).toBe(true);
});

test('what was asked for without a number is listed, with nothing in it that a terminal obeys', () => {
  const base = emptySnapshot('little');
  const asking: ContainerRecord = {
    ...container,
    sources: [
      {
        kind: 'docker',
        path: 'hostconfig.json',
        name: 'web',
        privileged: false,
        devices: [{ pathOnHost: '/dev/\u001b[2Jx', pathInContainer: '/dev/x', cgroupPermissions: 'rwm' }],
        deviceCgroupRules: [],
        deviceRequests: [{ driver: 'cdi', count: 0, deviceIds: ['nvidia.com/gpu=0'], capabilities: [] }],
        runtime: null,
        cgroupParent: null,
      },
    ],
  };
  const analysis = analysisOf({ intended: intended(rules('c 1:3 rw')), container: asking });
  const lines = custodyLines(custodyOf(base, analysis)).join('\n');
  expect(lines).toContain('--device nvidia.com/gpu=0');
  expect(lines).toContain('\\x1b[2Jx');
  expect(lines).not.toContain('\u001b');
});
