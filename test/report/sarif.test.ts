import { readFileSync, readdirSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Log } from 'sarif';
import { expect, test } from 'vitest';
import type { FindingPage } from '../../src/report/run-facts.js';
import { verifySarif } from '../../src/report/sarif.js';
import { CHECKS } from '../../src/verify/checks/index.js';
import { capturedReport, healthyReport, sampleReport, unsafeIn, type Sample } from './sample-report.js';

const ARMED = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';
const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const schema = JSON.parse(read('test/fixtures/sarif/sarif-schema-2.1.0.json')) as object;
// Formats (uri, date-time) are the schema's own; ajv needs no plugin to check them as strings, the tests below check what matters of them.
const validate = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
const pages: FindingPage[] = CHECKS.map(({ code, severity }) => ({
  code,
  severity,
  title: `Title {0} of ${code}`,
  text: `# ${code}\n[x](y)`,
}));

function logOf({ report, snapshot }: Sample): Log {
  const text = verifySarif(report, snapshot, pages);
  expect(unsafeIn(text)).toEqual([]);
  const log = JSON.parse(text) as Log;
  validate(log);
  expect(validate.errors).toBeNull();
  return log;
}

test('valid by the schema, a rule for each code, a result for each finding', () => {
  const sample = sampleReport();
  const [run] = logOf(sample).runs;
  expect(run?.tool.driver.rules?.map(({ id }) => id)).toEqual(CHECKS.map(({ code }) => code));
  const findings = sample.report.subjects.flatMap((subject) => subject.findings);
  expect(run?.results?.map(({ ruleId }) => ruleId)).toEqual(findings.map(({ code }) => code));
  for (const { ruleId, ruleIndex } of run?.results ?? [])
    expect(run?.tool.driver.rules?.[ruleIndex ?? -1]?.id).toBe(ruleId);
});

test('a result points to the record of the intent; spaces in paths are encoded', () => {
  const result = logOf(sampleReport()).runs[0]?.results?.[0];
  expect(result?.locations?.[0]?.physicalLocation?.artifactLocation?.uri).toBe('file:///run/a%20b/state.json');
});

test('a captured land mine points to a file and the JSON pointer of its device list', () => {
  const results = logOf(capturedReport(ARMED)).runs[0]?.results ?? [];
  const mine = results.find(({ ruleId }) => ruleId === 'DP101');
  expect(mine?.level).toBe('error');
  const location = mine?.locations?.[0];
  expect(location?.physicalLocation?.artifactLocation?.uri).toMatch(/^file:\/\/\/\S+$/);
});

test('what could not be read makes the execution unsuccessful and is told', () => {
  const [run] = logOf(sampleReport()).runs;
  const [invocation] = run?.invocations ?? [];
  expect(invocation).toMatchObject({ executionSuccessful: false, exitCode: 1, endTimeUtc: '2026-11-22T06:00:00.250Z' });
  expect(invocation?.toolExecutionNotifications?.[0]?.message.text).toBe('host: cannot read <\\x1b>');
  const [healthy] = logOf(healthyReport()).runs[0]?.invocations ?? [];
  expect(healthy).toMatchObject({ executionSuccessful: true, exitCode: 0 });
});

test('a hostile name is neither placeholder nor link', () => {
  const text = logOf(sampleReport()).runs[0]?.results?.[0]?.message.text ?? '';
  expect(text).toContain('{{0}}\\[x\\](http://evil)');
  expect(text.replace(/\{\{|\}\}/g, '')).not.toMatch(/[{}]/);
});

test('the schema refuses a result without a message', () => {
  const log = logOf(sampleReport());
  const result = log.runs[0]?.results?.[0] as { message?: unknown } | undefined;
  if (result !== undefined) delete result.message;
  expect(validate(log)).toBe(false);
});

test('the pages that are shipped make valid rules', () => {
  const shipped = readdirSync(new URL('../../docs/findings', import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .map((name): FindingPage => ({
      code: name.slice(0, 5),
      title: name,
      severity: 'error',
      text: read(`docs/findings/${name}`),
    }));
  const { report, snapshot } = healthyReport();
  const log = JSON.parse(verifySarif(report, snapshot, shipped)) as Log;
  expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
});
