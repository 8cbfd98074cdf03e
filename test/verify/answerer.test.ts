import { expect, test } from 'vitest';
import { snapshotOfProgram } from '../../src/collect/program-file.js';
import { createRun } from '../../src/pipeline.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { bytesOf, type Row } from '../ebpf/bytes.js';
import { isEqual, LOAD_MINOR, reference } from '../symbolic/transfer/judged.js';

/** Stores 1 at one of 8192 places of an array, which the minor tells, and allows where the value with index 4096 is 1. */
const COUNTER: readonly Row[] = [
  LOAD_MINOR,
  [0x57, 3, 0, 8191],
  [0x67, 3, 0, 3],
  ...reference(4, 2, 7),
  [0x0f, 0x34, 0, 0],
  [0x7a, 4, 0, 1],
  ...reference(4, 2, 7, 8 * 4096),
  [0x61, 0x45, 0, 0],
  ...isEqual(5, 1),
];

function host(): Snapshot {
  const snapshot = snapshotOfProgram(bytesOf(COUNTER, 'little'), 'counter', { byteOrder: 'little' });
  const values = Array.from({ length: 8192 }, (_, index) => ({
    key: Buffer.from(Uint32Array.of(index).buffer).toString('base64'),
    value: Buffer.alloc(8).toString('base64'),
  }));
  return {
    ...snapshot,
    programs: snapshot.programs.map((program) => ({ ...program, mapIds: [7] })),
    maps: [
      {
        id: 7,
        type: 'array',
        name: 'counter',
        keySize: 4,
        valueSize: 8,
        maxEntries: 8192,
        flags: 0,
        frozen: false,
        entries: values,
        asOf: null,
      },
    ],
  };
}

test('many requests have the answers of single ones, also where all at once are too many for the evaluator', () => {
  const run = createRun(host());
  const [subject] = run.subjects();
  const answer = run.answerer(subject!);
  const verdicts = [4095, 4096, 4097, 4096 + 8192].map((minor) => {
    const request: DeviceRequest = { type: 'c', access: 2, major: 7, minor };
    return [run.decide(subject!, request).verdict, answer(request)];
  });
  expect(verdicts).toEqual([
    ['deny', 'deny'],
    ['allow', 'allow'],
    ['deny', 'deny'],
    ['allow', 'allow'],
  ]);
  const { enforced } = run.analyse(subject!);
  expect(enforced.status === 'known' && enforced.policy.undecided.map(({ reason }) => reason)).toEqual([
    'kernel-memory',
  ]);
});
