import { expect, test } from 'vitest';
import { nagiosCannotRun, verifyNagios } from '../../src/report/nagios.js';
import type { SubjectStatus } from '../../src/verify/types.js';
import { healthyReport, sampleReport, unsafeIn } from './sample-report.js';

/** Monitoring Plugins guidelines: 'label'=value[UOM];[warn];[crit];[min];[max], separated by blanks. */
const PERFORMANCE = /^(?:[a-z]+=\d+(?:\.\d+)?s?(?:;\d*){0,4})(?: [a-z]+=\d+(?:\.\d+)?s?(?:;\d*){0,4})*$/;

test('one line, performance data after the only bar, details below', () => {
  const { text, status } = verifyNagios(sampleReport().report, { seconds: 0.084 });
  const [first = '', ...details] = text.trimEnd().split('\n');
  expect(status).toBe(2);
  expect(first).toMatch(/^DEVPOLICY CRITICAL - 1 broken \(/);
  const [words = '', data = '', ...more] = first.split('|');
  expect(more).toEqual([]);
  expect(words).toContain('1 with a land mine (mine)');
  expect(data).toMatch(PERFORMANCE);
  expect(data).toContain('broken=1;;0;0');
  expect(data).toContain('landmine=1;0;;0');
  expect(data).toContain('containers=6;;;0');
  expect(data).toContain('time=0.08s');
  expect(details.some((line) => line.startsWith('DP101 mine: Works now.'))).toBe(true);
  expect(details.join('')).not.toContain('|');
  expect(unsafeIn(text)).toEqual([]);
});

const only = (status: SubjectStatus, exitStatus: 0 | 1 | 3): ReturnType<typeof verifyNagios> => {
  const { report } = healthyReport();
  const subjects = report.subjects.map((subject) => ({ ...subject, status }));
  return verifyNagios({ ...report, subjects, exitStatus }, { seconds: 0 });
};

test.each([
  ['broken', 1, 2, 'CRITICAL'],
  ['fail-open', 1, 2, 'CRITICAL'],
  ['land-mine', 1, 1, 'WARNING'],
  ['will-widen', 1, 1, 'WARNING'],
  ['unknown', 3, 3, 'UNKNOWN'],
  ['warning', 0, 0, 'OK'],
  ['warning', 1, 1, 'WARNING'],
  ['ok', 3, 3, 'UNKNOWN'],
  ['ok', 0, 0, 'OK'],
  ['not-compared', 0, 0, 'OK'],
] as const)('%s with exit status %i is %i %s', (status, exitStatus, code, word) => {
  const result = only(status, exitStatus);
  expect(result.status).toBe(code);
  expect(result.text).toMatch(new RegExp(`^DEVPOLICY ${word} - `));
});

test('a healthy host says how many', () => {
  const { text } = verifyNagios(healthyReport().report, { seconds: 0 });
  expect(text).toMatch(/^DEVPOLICY OK - 1 as intended, now and after a daemon-reload\|/);
  expect(text.trimEnd().split('\n')).toHaveLength(1);
});

test('many findings stay within what a monitoring server keeps', () => {
  const { report } = sampleReport();
  const subjects = Array.from({ length: 2000 }, () => report.subjects).flat();
  expect(Buffer.byteLength(verifyNagios({ ...report, subjects }, { seconds: 1 }).text)).toBeLessThan(8192);
});

test('not being able to run is UNKNOWN, on one line', () => {
  expect(nagiosCannotRun('no |root\nhere')).toEqual({ text: 'DEVPOLICY UNKNOWN - no \\x7croot here\n', status: 3 });
});
