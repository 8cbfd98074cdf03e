import { expect, test } from 'vitest';
import { emptySnapshot } from '../../src/collect/empty.js';
import { InputError } from '../../src/errors.js';
import { parseIgnores } from '../../src/verify/ignore.js';
import type { VerifyReport } from '../../src/verify/types.js';
import { verifySubjects } from '../../src/verify/verify.js';
import { analysisOf, intended, known, partition, pending, program, rules } from './subject-builder.js';

/** A land mine: /dev/null and /dev/net/tun are lost at the next reload. */
const ARMED = analysisOf({
  programs: [program(1, rules('c 1:3 rw', 'c 10:200 rw'))],
  enforced: known(partition(rules('c 1:3 rw', 'c 10:200 rw'))),
  intended: intended(rules('c 1:3 rw', 'c 10:200 rw')),
  afterReload: pending(rules('c 5:0 rw').intersect(rules('c 1:3 rw'))),
});

const ENTRY = { code: 'DP101', subjects: 'web', reason: 'ticket 42', until: '2027-01-31' };

function verify(entry: object | null, today = '2026-11-22'): VerifyReport {
  const ignores = entry === null ? {} : { ignores: parseIgnores({ version: 1, ignore: [entry] }, 'ignore.yaml') };
  return verifySubjects(emptySnapshot('little'), [ARMED], { ...ignores, today });
}

const codes = (report: VerifyReport): string[] =>
  report.subjects.flatMap(({ findings }) => findings.map(({ code }) => code));

test('without a file the finding counts', () => {
  const report = verify(null);
  expect(codes(report)).toContain('DP101');
  expect(report.exitStatus).toBe(1);
  expect(report.ignores).toEqual([]);
});

test('hidden, counted, with its evidence, and the rest decides status and exit', () => {
  const report = verify(ENTRY);
  expect(codes(report)).not.toContain('DP101');
  expect(report.subjects[0]?.ignored).toMatchObject([{ code: 'DP101', severity: 'error', entry: 0 }]);
  expect(report.subjects[0]?.ignored[0]?.evidence.rules.length).toBeGreaterThan(0);
  expect(report.subjects[0]?.status).toBe('ok');
  expect(report.exitStatus).toBe(0);
  expect(report.ignores).toMatchObject([{ status: 'used', findings: 1, reason: 'ticket 42' }]);
});

test.each([
  ['the last day', '2027-01-31', 0, 'used'],
  ['the day after', '2027-02-01', 1, 'expired'],
])('on %s', (_day, today, exitStatus, status) => {
  const report = verify(ENTRY, today);
  expect(report.exitStatus).toBe(exitStatus);
  expect(report.ignores).toMatchObject([{ status, findings: 1 }]);
});

test.each([
  [{ code: 'DP102' }, 1, 'unused'],
  [{ code: ['DP102', 'DP101'] }, 0, 'used'],
  [{ subjects: 'db' }, 1, 'unused'],
  [{ subjects: ['db', 'docker:w*'] }, 0, 'used'],
  [{ subjects: '*' }, 0, 'used'],
  [{ devices: 'c 1:3 rwm' }, 1, 'unused'],
  [{ devices: ['c 1:3 rwm', 'c 10:200 rw'] }, 0, 'used'],
  [{ devices: 'c *:* rw' }, 0, 'used'],
])('%j', (change, exitStatus, status) => {
  const report = verify({ ...ENTRY, ...change });
  expect(report.exitStatus).toBe(exitStatus);
  expect(report.ignores[0]?.status).toBe(status);
});

test('what is unknown stays: no entry can name it, and one for everything else does not hide it', () => {
  for (const code of ['DP301', 'DP305', 'DP306'])
    expect(() => parseIgnores({ version: 1, ignore: [{ ...ENTRY, code }] }, 'f')).toThrow(/cannot be ignored/);
  const problem = { subject: 'host', message: 'unread', code: null };
  const ignores = parseIgnores({ version: 1, ignore: [ENTRY] }, 'f');
  const report = verifySubjects({ ...emptySnapshot('little'), problems: [problem] }, [ARMED], {
    ignores,
    today: '2026-11-22',
    all: true,
  });
  expect(report.exitStatus).toBe(3);
});

test.each([
  [null, /f: expected a mapping/],
  [{ version: 2, ignore: [] }, /version must be 1/],
  [{ version: 1 }, /ignore: expected a list/],
  [{ version: 1, ignore: {}, more: 1 }, /there are only version, ignore here/],
  [{ version: 1, ignore: ['DP101'] }, /ignore\[0\]: expected a mapping/],
  [{ version: 1, ignore: [{ ...ENTRY, cod: 1 }] }, /ignore\[0\]: there are only/],
  [{ version: 1, ignore: [{ ...ENTRY, code: 'DP999' }] }, /no finding of that code/],
  [{ version: 1, ignore: [{ ...ENTRY, code: '__proto__' }] }, /no finding of that code/],
  [{ version: 1, ignore: [{ ...ENTRY, reason: ' ' }] }, /reason: expected a line of text/],
  [{ version: 1, ignore: [{ ...ENTRY, reason: undefined }] }, /reason: expected/],
  [{ version: 1, ignore: [{ ...ENTRY, until: undefined }] }, /until: expected a day/],
  [{ version: 1, ignore: [{ ...ENTRY, until: '2027-02-30' }] }, /until: expected a day/],
  [{ version: 1, ignore: [{ ...ENTRY, until: 'never' }] }, /until: expected a day/],
  [{ version: 1, ignore: [{ ...ENTRY, subjects: [] }] }, /subjects: expected a text/],
  [{ version: 1, ignore: [{ ...ENTRY, devices: 'fuse' }] }, /ignore\[0\]: devices: /],
])('%j is refused', (document, message) => {
  expect(() => parseIgnores(document, 'f')).toThrow(InputError);
  expect(() => parseIgnores(document, 'f')).toThrow(message);
});
