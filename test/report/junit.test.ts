import { expect, test } from 'vitest';
import { verifyJunit } from '../../src/report/junit.js';
import { capturedReport, healthyReport, sampleReport, unsafeIn, type Sample } from './sample-report.js';
import { parseXml, type XmlElement } from './xml.js';

const ARMED = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';

function suiteOf({ report, snapshot }: Sample): XmlElement {
  const root = parseXml(verifyJunit(report, snapshot, { seconds: 0.25 }));
  expect(root.name).toBe('testsuites');
  const [suite] = root.children;
  if (suite === undefined) throw new Error('no test suite');
  return suite;
}

function outcome(testCase: XmlElement): string {
  return testCase.children.find(({ name }) => name !== 'system-out')?.name ?? 'passed';
}

test('one test case for each subject, with one outcome; the host has its own', () => {
  const suite = suiteOf(sampleReport());
  expect(suite.children.map(outcome)).toEqual([
    'failure',
    'failure',
    'error',
    'passed',
    'passed',
    'skipped',
    'skipped',
    'error',
  ]);
  expect(suite.attributes).toMatchObject({
    name: 'devpolicy verify',
    tests: '8',
    failures: '2',
    errors: '2',
    skipped: '2',
    hostname: 'host"1',
    timestamp: '2026-11-22T06:00:00',
    time: '0.250',
  });
});

test('--fail-on warning makes a warning a failure', () => {
  expect(suiteOf(sampleReport('warning')).children.map(outcome)[3]).toBe('failure');
});

test('the failure says what is lost', () => {
  const [broken, mine] = suiteOf(sampleReport()).children;
  expect(broken?.children[0]?.attributes['message']).toContain('c 1:3 rw');
  expect(mine?.children[0]?.attributes['type']).toBe('DP101');
  expect(mine?.children[0]?.text).toContain('DP101 error: Works now.');
});

test('a healthy host has no failure, error or skipped case', () => {
  const suite = suiteOf(healthyReport());
  expect(suite.attributes).toMatchObject({ tests: '1', failures: '0', errors: '0', skipped: '0' });
  expect(suite.children.map(outcome)).toEqual(['passed']);
});

test('names are unique and hostile ones are data', () => {
  const sample = sampleReport();
  const text = verifyJunit(sample.report, sample.snapshot, { seconds: 1 });
  expect(unsafeIn(text)).toEqual([]);
  const names = suiteOf(sample).children.map(({ attributes }) => attributes['name'] ?? '');
  expect(new Set(names).size).toBe(names.length);
  expect(names[0]).toContain(`a"b'c<d>&|e\\x0af\\x1b]0;owned\\x07\\u{202e}`);
});

test('a captured land mine fails', () => {
  const suite = suiteOf(capturedReport(ARMED));
  expect(suite.attributes['failures']).toBe('1');
  expect(suite.children[0]?.children[0]?.attributes['type']).toContain('DP101');
});

test('the reader of these tests refuses what is not well-formed', () => {
  for (const bad of ['<a>', '<a></b>', '<a b="<"/>', '<a>&nope;</a>', '<a>\x1b</a>', '<a/><b/>', '<a b="1" b="2"/>'])
    expect(() => parseXml(bad), bad).toThrow();
});
