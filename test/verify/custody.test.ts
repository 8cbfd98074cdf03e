import { join } from 'node:path';
import { expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { onlySubject } from '../../src/cli/targets.js';
import { createRun } from '../../src/pipeline.js';
import { custodyLines } from '../../src/report/custody-text.js';
import { custodyOf } from '../../src/verify/custody.js';
import { analysisOf, intended, known, partition, rules } from './subject-builder.js';
import { emptySnapshot } from '../../src/collect/empty.js';

const CAPTURES = join(import.meta.dirname, '../fixtures/captures/bookworm-landmine-systemd-252.39');

test("the story's land mine: lost on the way from the runtime to systemd, before and after", () => {
  const before = snapshotFromDirectory(join(CAPTURES, 'SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before'));
  const run = createRun(before);
  const custody = custodyOf(before, run.analyse(onlySubject(before)));
  const hop = custody.changes.find(({ from, to }) => from === 'runtime' && to === 'systemd');
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
