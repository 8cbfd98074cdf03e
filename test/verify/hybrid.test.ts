import { expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { createRun } from '../../src/pipeline.js';
import type { Snapshot, V1DevicesRecord } from '../../src/snapshot/types.js';
import { DOCKER } from '../cli/run.js';

const captured = snapshotFromDirectory(DOCKER);
const cgroup = captured.containers[0]?.cgroup ?? '';
const NULL_RW = { type: 'c', major: 1, minor: 3, access: 6 } as const;
const TUN_RW = { type: 'c', major: 10, minor: 200, access: 6 } as const;

function verdicts(v1Devices: V1DevicesRecord[]): string[] {
  const snapshot: Snapshot = { ...captured, host: { ...captured.host, cgroupLayout: 'hybrid', v1Devices } };
  const run = createRun(snapshot);
  const subject = run.subjects()[0]!;
  return [NULL_RW, TUN_RW].map((request) => run.decide(subject, request).verdict);
}

test('the v1 list of the same cgroup must allow too', () => {
  expect(verdicts([{ path: cgroup, list: 'c 1:3 rwm\n' }])).toEqual(['allow', 'deny']);
});

test('in the root of v1 everything is allowed there', () => {
  expect(verdicts([{ path: '/', list: 'a *:* rwm\n' }])).toEqual(['allow', 'allow']);
});

test('a list that allows all may hide denials, and a list of unknown belonging decides nothing', () => {
  expect(verdicts([{ path: cgroup, list: 'a *:* rwm\n' }])).toEqual(['undecided', 'undecided']);
  expect(
    verdicts([
      { path: '/other', list: 'c 1:3 rwm\n' },
      { path: '/', list: 'a *:* rwm\n' },
    ]),
  ).toEqual(['undecided', 'undecided']);
});
