import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { changeJson, changeText } from '../../src/report/watch.js';
import { PLAIN } from '../../src/report/style.js';
import { displayWidth } from '../../src/report/table.js';
import type { Change } from '../../src/verify/changes.js';
import { program, rules } from '../verify/subject-builder.js';
import { regionRules } from '../../src/verify/region-rules.js';
import { HOSTILE_NAME, sampleReport, unsafeIn } from './sample-report.js';

function schema(name: string): object {
  return JSON.parse(readFileSync(new URL(`../../docs/schemas/${name}`, import.meta.url), 'utf8')) as object;
}
const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': true } });
for (const name of ['verify-line.schema.json', 'list.schema.json', 'diff.schema.json']) ajv.addSchema(schema(name));
const validate = ajv.compile(schema('watch.schema.json'));

const { report, snapshot } = sampleReport();
const [hostile] = report.subjects.filter(({ subject }) => subject.name === HOSTILE_NAME);
if (hostile === undefined) throw new Error('no such subject');
const { subject, findings } = hostile;
const [finding] = findings;
if (finding === undefined) throw new Error('no finding');
const view = program(7, rules('c 1:3 rwm'));
const region = { ...regionRules(rules('c 1:3 rw')), witness: { type: 'c', access: 6, major: 1, minor: 3 } } as const;

/** One of each kind. */
const CHANGES: Change[] = [
  { kind: 'appeared', subject, programs: [view] },
  { kind: 'vanished', subject, programs: [] },
  { kind: 'program-attached', subject, program: view },
  { kind: 'program-detached', subject, program: view },
  { kind: 'program-replaced', subject, program: view, before: { ...view, id: 6 } },
  { kind: 'policy-changed', subject, lost: region, gained: null },
  { kind: 'finding-appeared', subject, finding },
  { kind: 'finding-cleared', subject, finding },
  { kind: 'problem-appeared', problem: { subject: 'host', message: HOSTILE_NAME, code: 'EACCES' } },
  { kind: 'problem-cleared', problem: { subject: 'host', message: 'x', code: null } },
];

test.each(CHANGES)('$kind: one safe line of text, one of JSON by the schema', (change) => {
  const text = changeText(change, snapshot, PLAIN, null);
  expect(text).toMatch(/^2026-11-22T06:00:00Z {2}\S[^\n]*\n$/);
  expect(unsafeIn(text.slice(0, -1))).toEqual([]);
  const json = changeJson(change, snapshot);
  expect(json.indexOf('\n')).toBe(json.length - 1);
  validate(JSON.parse(json));
  expect(validate.errors).toBeNull();
});

test('a line that lacks what its kind has, or has what none has, is not of the schema', () => {
  const [attached] = CHANGES.filter(({ kind }) => kind === 'program-attached');
  if (attached === undefined) throw new Error('no such change');
  const line = JSON.parse(changeJson(attached, snapshot)) as Record<string, unknown>;
  expect(validate({ ...line, program: undefined })).toBe(false);
  expect(validate({ ...line, surprise: 1 })).toBe(false);
  expect(validate({ ...line, change: 'other' })).toBe(false);
});

test('lines say what happened in words', () => {
  const say = (kind: Change['kind']): string => {
    const [change] = CHANGES.filter((each) => each.kind === kind);
    return change === undefined ? '' : changeText(change, snapshot, PLAIN, null);
  };
  expect(say('program-replaced')).toContain('program replaced  6 (runc) by 7 (runc) on /system.slice/docker-web.scope');
  expect(say('policy-changed')).toContain('policy changed  no longer allowed: c 1:3 rw');
  expect(say('finding-appeared')).toContain(`  ${finding.code}  `);
  expect(say('finding-cleared')).toContain(`  cleared  ${finding.code}  `);
});

test('a terminal gets the line in several, broken between words', () => {
  const [change] = CHANGES.filter(({ kind }) => kind === 'finding-appeared');
  if (change === undefined) throw new Error('no such change');
  const lines = changeText(change, snapshot, PLAIN, 70).split('\n');
  expect(lines.length).toBeGreaterThan(2);
  expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(70);
});

test('where the clock is not synchronised a line has the time since boot', () => {
  const adrift = { ...snapshot, bootTimeNs: 512_340_000_000, host: { ...snapshot.host, clockSynchronised: false } };
  const [change] = CHANGES;
  if (change === undefined) throw new Error('no change');
  expect(changeText(change, adrift, PLAIN, null)).toMatch(/^boot\+512\.3s {2}/);
});
