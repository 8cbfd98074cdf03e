import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { verifyNdjson } from '../../src/report/ndjson.js';
import { HOSTILE_NAME, unsafeIn, capturedReport, healthyReport, sampleReport } from './sample-report.js';

const schema = JSON.parse(
  readFileSync(new URL('../../docs/schemas/verify-line.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

function linesOf(text: string): Record<string, unknown>[] {
  expect(text.endsWith('\n')).toBe(true);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test.each([
  ['every status', sampleReport()],
  ['healthy', healthyReport()],
  [
    'a captured land mine',
    capturedReport('bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before'),
  ],
])('%s: each line is of the schema and names its boot', (_name, { report, snapshot }) => {
  for (const line of linesOf(verifyNdjson(report, snapshot))) {
    validate(line);
    expect(validate.errors, JSON.stringify(line)).toBeNull();
    expect(line['bootId']).toBe(snapshot.host.bootId);
  }
});

test('a line for each subject, finding and problem, and the run last', () => {
  const { report, snapshot } = sampleReport();
  const lines = linesOf(verifyNdjson(report, snapshot));
  const records = lines.map(({ record }) => record);
  expect(records.filter((record) => record === 'subject')).toHaveLength(7);
  expect(records.filter((record) => record === 'problem')).toHaveLength(1);
  expect(lines.at(-1)).toMatchObject({ record: 'run', exitStatus: 1, subjects: 7 });
  const findings = report.subjects.flatMap((subject) => subject.findings);
  expect(records.filter((record) => record === 'finding')).toHaveLength(findings.length);
});

test('a hostile name stays on its line, comes back whole, and no control character is printed', () => {
  const { report, snapshot } = sampleReport();
  const text = verifyNdjson(report, snapshot);
  expect(unsafeIn(text)).toEqual([]);
  const subject = linesOf(text)[0]?.['subject'];
  expect(subject).toMatchObject({ name: HOSTILE_NAME });
});

test('a missing property or a strange one is not of the schema', () => {
  const { report, snapshot } = healthyReport();
  const [line] = linesOf(verifyNdjson(report, snapshot));
  expect(validate({ ...line, record: 'other' })).toBe(false);
  expect(validate({ ...line, status: 'fine' })).toBe(false);
  expect(validate({ ...line, more: 1 })).toBe(false);
});
