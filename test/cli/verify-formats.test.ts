import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../src/cli/program.js';
import { replaceFile } from '../../src/cli/replace-file.js';
import { fakeIo, type FakeIo } from './fake-io.js';

const CAPTURES = join(import.meta.dirname, '../fixtures/captures/bookworm-landmine-systemd-252.39');
const ARMED = join(CAPTURES, 'SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before');
const BROKEN = join(CAPTURES, 'SEED-docker-20.10.24-runc-1.1.4-nochar-default-1-after-daemon-reload');

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'devpolicy-formats-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function verify(host: string, ...args: string[]): Promise<{ status: number; io: FakeIo }> {
  const io = fakeIo();
  const status = await runCli(['--snapshot', host, 'verify', '--all', ...args], io);
  return { status, io };
}

test.each([
  ['text', /^LAND-MINE /],
  ['json', /^\{\n {2}"schema": "devpolicy\/verify"/],
  ['ndjson', /^\{"schema":"devpolicy\/verify-line"/],
  ['junit', /^<\?xml version="1.0"/],
  ['sarif', /"version": "2.1.0"/],
  ['prometheus', /^# HELP devpolicy_/],
])('--format %s has its own form and the common exit status', async (format, form) => {
  const { status, io } = await verify(ARMED, '--format', format);
  expect(io.stderr).toBe('');
  expect(io.stdout).toMatch(form);
  expect(status).toBe(1);
});

test('--format nagios has the status of its guidelines', async () => {
  const armed = await verify(ARMED, '--format', 'nagios');
  expect(armed.io.stdout).toMatch(/^DEVPOLICY WARNING - 1 with a land mine/);
  expect(armed.status).toBe(1);
  const broken = await verify(BROKEN, '--format', 'nagios');
  expect(broken.io.stdout).toMatch(/^DEVPOLICY CRITICAL - 1 broken/);
  expect(broken.status).toBe(2);
});

test('--format nagios: a host that cannot be read is UNKNOWN on standard output', async () => {
  const { status, io } = await verify(join(directory, 'nothing.json'), '--format', 'nagios');
  expect(io.stdout).toMatch(/^DEVPOLICY UNKNOWN - .*nothing\.json/);
  expect(status).toBe(3);
});

test.each([
  [['--bogus'], /unknown option '--bogus'/],
  [['--all', 'web'], /either targets or --all/],
  [['--fail-on', 'never'], /fail-on.*never.*invalid/],
  [['--textfile', '/nonexistent/x.prom'], /cannot write/],
])('--format nagios %j: wrong usage is UNKNOWN too, in one line', async (args, words) => {
  const { status, io } = await verify(ARMED, '--format', 'nagios', ...args);
  expect(status).toBe(3);
  expect(io.stdout).toMatch(/^DEVPOLICY UNKNOWN - [^|\n]+\n$/);
  expect(io.stdout).toMatch(words);
});

test('--textfile leaves metrics that others may read, and nothing beside them', async () => {
  const file = join(directory, 'devpolicy.prom');
  writeFileSync(file, 'old');
  const { status, io } = await verify(ARMED, '--textfile', file);
  expect(status).toBe(1);
  expect(io.stdout).toMatch(/^LAND-MINE /);
  expect(readFileSync(file, 'utf8')).toContain('devpolicy_containers{state="land-mine"} 1\n');
  expect(statSync(file).mode & 0o777).toBe(0o644);
  expect(readdirSync(directory)).toEqual(['devpolicy.prom']);
});

test('--textfile into a directory that is not there: one line, exit 2', async () => {
  const { status, io } = await verify(ARMED, '--textfile', join(directory, 'no/x.prom'));
  expect(status).toBe(2);
  expect(io.stderr).toMatch(/^devpolicy: cannot write .*x\.prom/);
  expect(io.stderr.trim().split('\n')).toHaveLength(1);
});

test('a failed replacement leaves the old file and no other', () => {
  const target = join(directory, 'taken');
  mkdirSync(join(target, 'in'), { recursive: true });
  expect(() => {
    replaceFile(target, 'new', 0o644);
  }).toThrow(/cannot write/);
  expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('an unknown format is refused with the known ones', async () => {
  const { status, io } = await verify(ARMED, '--format', 'yaml');
  expect(status).toBe(2);
  expect(io.stderr).toContain('text, json, ndjson, junit, sarif, nagios, prometheus');
});
