import { expect, test } from 'vitest';
import { emptySnapshot } from '../../src/collect/empty.js';
import type { ProgramRecord, Snapshot } from '../../src/snapshot/types.js';
import type { ProgramView } from '../../src/verify/programs.js';
import { triggerOf } from '../../src/verify/trigger.js';
import { container, program, rules } from './subject-builder.js';

const SECOND = 1e9;
const record = (more: Partial<ProgramRecord>): ProgramRecord => ({
  id: 1,
  tag: null,
  name: '',
  loadedAtNs: null,
  loadedAt: null,
  uid: 0,
  gplCompatible: true,
  btfId: null,
  jited: true,
  mapIds: [],
  functionCount: 1,
  xlated: null,
  unreadable: null,
  helpers: {},
  freplaced: 'no',
  ...more,
});
const loaded = (id: number, more: Partial<ProgramRecord>): ProgramView =>
  program(id, rules('c 1:3 rw'), { record: record({ id, ...more }) });

function host(reloadedAtS: number | null): Snapshot {
  const empty = emptySnapshot('little');
  return {
    ...empty,
    collectedAt: '2026-03-04T00:00:00.000Z',
    bootTimeNs: 1000 * SECOND,
    host: {
      ...empty.host,
      systemd: {
        version: '257.13',
        source: 'dpkg',
        unitsLoadTimestampMonotonicUs: reloadedAtS === null ? null : reloadedAtS * 1e6,
      },
    },
  };
}

const first = loaded(1, { loadedAtNs: 100 * SECOND });
const second = loaded(2, { loadedAtNs: 900.2 * SECOND });

test('soon after a reload, long after the start by the programs themselves', () => {
  const trigger = triggerOf(host(900), container, second, [first, second]);
  expect(trigger.secondsAfterReload).toBeCloseTo(0.2);
  expect(trigger.secondsAfterStart).toBeCloseTo(800.2);
});

test('the recorded start counts, by the wall clock', () => {
  const started = { ...container, startedAt: '2026-03-03T23:58:10.000Z' };
  // Loaded 99.8 s before collecting, started 110 s before it.
  expect(triggerOf(host(900), started, second, [first, second]).secondsAfterStart).toBeCloseTo(10.2);
});

test('a program of a capture has only the wall clock', () => {
  const started = { ...container, startedAt: '2026-03-03T23:00:00Z' };
  const captured = loaded(3, { loadedAt: '2026-03-03T23:00:05Z' });
  expect(triggerOf(host(900), started, captured, [captured])).toEqual({
    secondsAfterStart: 5,
    secondsAfterReload: null,
  });
});

test('a reload long before, after it, or not known is no trigger', () => {
  for (const reloaded of [800, 901, null])
    expect(triggerOf(host(reloaded), container, second, [first, second]).secondsAfterReload).toBeNull();
});

test('a start that lies after the program is no start', () => {
  const stepped = { ...container, startedAt: '2027-01-01T00:00:00Z' };
  expect(triggerOf(host(null), stepped, first, [first]).secondsAfterStart).toBeNull();
});
