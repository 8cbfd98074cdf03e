import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { displayWidth } from '../../src/report/table.js';
import { serialiseSnapshot } from '../../src/snapshot/serialise.js';
import { ARMED, devpolicy } from './run.js';

async function lines(columns: number, ...args: string[]): Promise<string[]> {
  const { stdout } = await devpolicy(['--snapshot', ARMED, '--color', 'never', ...args], { terminal: true, columns });
  return stdout.split('\n');
}

test.each([40, 60, 80, 120, 200])('list fits a terminal of %i columns, and is whole in a pipe', async (columns) => {
  const shown = await lines(columns, 'list');
  expect(Math.max(...shown.map(displayWidth))).toBeLessThanOrEqual(columns);
  expect(shown[1]).toMatch(/^seed-default +docker /);
  expect(shown[1]?.includes('/system.slice/docker-7ba3aed36d69')).toBe(columns >= 120);
  const { stdout } = await devpolicy(['--snapshot', ARMED, 'list']);
  expect(stdout).toMatch(/ \/system\.slice\/docker-[0-9a-f]{64}\.scope\n/);
});

test.each([48, 60, 80])('show breaks what a reload would change at %i columns, and not in a pipe', async (columns) => {
  const shown = await lines(columns, 'show');
  const changes = shown.slice(shown.findIndex((line) => line.startsWith('intent')));
  expect(changes.length).toBeGreaterThan(4);
  expect(Math.max(...changes.map(displayWidth))).toBeLessThanOrEqual(columns);
  const { stdout } = await devpolicy(['--snapshot', ARMED, 'show']);
  expect(stdout).toMatch(/\nreload {8}WILL LOSE [^\n]*\nset-property /);
});

test.each([40, 60, 80])('verify at %i columns: sentences and labels fit', async (columns) => {
  const shown = await lines(columns, 'verify');
  const labelled = shown.filter((line) => /^ {2}(?:\w{3,5} {2,}|\w+ \w+)/.test(line));
  expect(labelled.length).toBeGreaterThan(5);
  expect(Math.max(...labelled.map(displayWidth))).toBeLessThanOrEqual(columns);
});

test('show -v: the age first, then since boot and by the wall clock, which is marked where it may be wrong', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'devpolicy-times-'));
  try {
    const snapshot = snapshotFromDirectory(ARMED);
    snapshot.bootTimeNs = 600e9;
    snapshot.collectedAt = '2026-11-22T06:10:00.000Z';
    for (const program of snapshot.programs) program.loadedAtNs = 512.25e9;
    const show = async (synchronised: boolean): Promise<string> => {
      snapshot.host.clockSynchronised = synchronised;
      const file = join(folder, 'host.json');
      writeFileSync(file, serialiseSnapshot(snapshot));
      return (await devpolicy(['--snapshot', file, 'show', '-v'])).stdout;
    };
    expect(await show(true)).toContain('  1 min 27 s ago, boot+512.3 s, 2026-11-22T06:08:32Z  ');
    expect(await show(false)).toContain('boot+512.3 s, 2026-11-22T06:08:32Z (clock not synchronised)  ');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const COMMANDS = [
  ['show'],
  ['show', '-v'],
  ['show', '--explain'],
  ['verify', '-v'],
  ['can', 'seed-default', '/dev/null', 'rw'],
  ['explain'],
  ['explain', 'DP101'],
  ['explain', 'DP101', '--defuse', 'seed-default'],
  ['doctor'],
  ['decode', 'seed-default'],
  ['--help'],
  ['verify', '--help'],
  ['show', 'sed-default'],
];

describe.each([40, 60, 80])('%i columns', (columns) => {
  test.each(COMMANDS)('%s: nothing is wider than the terminal but what cannot be broken', async (...args) => {
    const { stdout, stderr } = await devpolicy(['--snapshot', ARMED, '--color', 'always', ...args], {
      terminal: true,
      columns,
    });
    const shown = `${stdout}${stderr}`.split('\n');
    expect(shown.length).toBeGreaterThan(2);
    const wide = shown.filter((line) => displayWidth(line) > columns);
    expect(wide.filter((line) => !isCommand(line) && !hasLongWord(line, columns))).toEqual([]);
  });
});

function isCommand(line: string): boolean {
  return /^ *(?:devpolicy|systemctl) /.test(line);
}

/** A cgroup path, the name of a scope: wider than a line that begins where this one does. */
function hasLongWord(line: string, columns: number): boolean {
  const indent = /^ */.exec(line)?.[0].length ?? 0;
  return line.split(' ').some((word) => displayWidth(word) > columns - Math.max(indent, 7));
}
