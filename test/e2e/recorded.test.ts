/**
 * Recordings of `npm run record`, read through `snapshot --from` as a user would read a bug report, against the kernel's verdicts recorded with them; and for the
 * land mines: what was foretold before the reload is what the kernel did after it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, ENVIRONMENT } from './command.js';

const ROOT = path.join(import.meta.dirname, '../..');
const RECORDED = path.join(ROOT, 'test/fixtures/recorded');
const ACCESSES = ['m', 'r', 'w', 'rw', '-'];

function cases(): string[] {
  return readdirSync(RECORDED)
    .filter((emitter) => emitter !== 'try' && statSync(path.join(RECORDED, emitter)).isDirectory())
    .flatMap((emitter) => readdirSync(path.join(RECORDED, emitter)).map((name) => `${emitter}/${name}`))
    .sort();
}

/** Lines `type major minor access`, and the same with the kernel's verdict. */
function oracle(folder: string): { asked: string[]; answered: string[] } {
  const asked: string[] = [];
  const answered: string[] = [];
  for (const row of readFileSync(path.join(RECORDED, folder, 'oracle.tsv'), 'utf8').split('\n')) {
    if (row === '' || row.startsWith('#')) continue;
    const [type, major, minor, ...letters] = row.split('\t');
    ACCESSES.forEach((access, column) => {
      const line = [type, major, minor, access].join('\t');
      asked.push(line);
      answered.push(`${line}\t${letters[column] === 'D' ? 'deny' : 'allow'}`);
    });
  }
  return { asked, answered };
}

function devpolicy(args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [COMMAND, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: ENVIRONMENT,
  });
}

let work: string;
beforeAll(() => {
  work = mkdtempSync(path.join(tmpdir(), 'devpolicy-recorded-'));
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

function snapshotOf(folder: string): string {
  const file = path.join(work, `${folder.replaceAll('/', '_')}.json`);
  if (!existsSync(file))
    expect(devpolicy(['snapshot', '--from', path.join(RECORDED, folder), '-o', file])).toMatchObject({
      status: 0,
      stderr: '',
    });
  return file;
}
function answersOf(folder: string, policy: string, asked: readonly string[]): string[] {
  const { stdout, stderr } = devpolicy(
    ['can', snapshotOf(folder), '--policy', policy, '--requests', '-'],
    `${asked.join('\n')}\n`,
  );
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

/** Recorded with nothing that says what was meant: libvirt's domains, Slurm's jobs. */
function isNotCompared(folder: string): boolean {
  const facts = JSON.parse(readFileSync(path.join(RECORDED, folder, 'case.json'), 'utf8')) as { intended?: string };
  return facts.intended === 'not recorded';
}

const all = cases();

describe.each(all)('%s', (folder) => {
  test('what is enforced is what the kernel answered', () => {
    const { asked, answered } = oracle(folder);
    expect(answersOf(folder, 'enforced', asked)).toEqual(answered);
  });

  if (folder.includes('-1-after-')) return; // a mine that went off: what was intended is no longer enforced
  if (isNotCompared(folder)) {
    test('and nothing tells what was intended: not compared, and not broken', () => {
      const { status, stdout } = devpolicy(['verify', '-v', '--snapshot', snapshotOf(folder)]);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^NOT-COMPARED {2}/m);
    });
    return;
  }
  if (folder.endsWith('/rootless')) {
    test('and it is said that the list is not enforced', () => {
      const { status, stdout } = devpolicy(['verify', '-v', '--snapshot', snapshotOf(folder)]);
      expect(status).toBe(0);
      expect(stdout).toContain('its device list is not enforced by BPF');
    });
    return;
  }
  test('and it is what was intended', () => {
    const { asked, answered } = oracle(folder);
    expect(answersOf(folder, 'intended', asked)).toEqual(answered);
  });
});

/** What verify says of each mine. */
const LOST: Record<string, RegExp> = {
  'any-major': /\*:5|:5\b/,
  'unnamed-major': /188:/,
  denylist: /a list that allows all and\s+denies some cannot be told to systemd/,
};

const mines = all.filter((folder) => folder.endsWith('-0-before'));

test.each(mines)('%s: the reload did what was foretold', (folder) => {
  const after = folder.replace('-0-before', '-1-after-daemon-reload');
  const { asked, answered } = oracle(after);
  expect(answersOf(folder, 'afterReload', asked)).toEqual(answered);
  expect(oracle(folder).answered).not.toEqual(answered);
});

test.each(mines)('%s: verify finds the mine before it goes off, and the loss after', (folder) => {
  for (const state of [folder, folder.replace('-0-before', '-1-after-daemon-reload')]) {
    const { status, stdout } = devpolicy(['verify', '--all', '--snapshot', snapshotOf(state)]);
    expect(status).toBe(1);
    expect(stdout).toMatch(LOST[/mine-(.+)-0-before/.exec(folder)?.[1] ?? ''] ?? /nothing known/);
  }
});
