import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ARMED, devpolicy, DOCKER } from './run.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devpolicy-report-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('a page of a saved host, for its owner alone, and nothing beside it; findings are no failure', async () => {
  const file = join(folder, 'report.html');
  expect(await devpolicy(['--snapshot', ARMED, 'report', '-o', file])).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['report.html']);
  expect(readFileSync(file, 'utf8')).toMatch(/^<!DOCTYPE html>[^]*LAND-MINE[^]*<\/html>\n$/);
});

test('to a pipe without -o, but not onto a terminal', async () => {
  expect((await devpolicy(['--snapshot', DOCKER, 'report'])).stdout).toMatch(/^<!DOCTYPE html>/);
  const refused = await devpolicy(['--snapshot', DOCKER, 'report'], { terminal: true });
  expect(refused).toMatchObject({
    status: 2,
    stdout: '',
    stderr: 'devpolicy: where to write the page?\n  devpolicy report -o report.html\n',
  });
});

test('--json is refused with what to use instead; so is a folder that is not there', async () => {
  const { status, stderr } = await devpolicy(['--snapshot', DOCKER, '--json', 'report']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('devpolicy verify --all --json')]);
  const missing = await devpolicy(['--snapshot', DOCKER, 'report', '-o', join(folder, 'no/r.html')]);
  expect([missing.status, missing.stderr]).toEqual([2, expect.stringMatching(/^devpolicy: cannot write /)]);
});
