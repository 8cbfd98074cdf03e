import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHECKS } from '../../../src/verify/checks/index.js';

/** A finding is code, test and page; one of them alone is of no use. Codes no check raises yet have a page only when they are planned by number. */
const ROOT = join(import.meta.dirname, '../../..');
const codesIn = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(ROOT, folder))
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map((digits) => `DP${digits}`)
    .sort();

const checks = CHECKS.map(({ code }) => code);

test('every check file is registered, once, in order', () => {
  expect(checks).toEqual(codesIn('src/verify/checks', /^dp([0-9]{3})\.ts$/));
});

test('every check has a test of its own', () => {
  expect(codesIn('test/verify/checks', /^dp([0-9]{3})\.test\.ts$/)).toEqual(checks);
});

test('every check has a page, every page a check', () => {
  expect(codesIn('docs/findings', /^DP([0-9]{3})\.md$/)).toEqual(checks);
});

test.each(CHECKS)('the page of $code has its title, severity and what to do', ({ code, severity }) => {
  const page = readFileSync(join(ROOT, 'docs/findings', `${code}.md`), 'utf8');
  expect(page).toMatch(new RegExp(`^# ${code}: [^\n]+\n\nSeverity: ${severity}\n`));
  expect(page).toContain('\n## Meaning\n');
  expect(page).toContain('\n## What to do\n');
});
