/** `npm run try` as a person runs it: live, interrupted, and without root. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { cgroup2Mount } from '../kernel/loader-process.js';

const ROOT = path.join(import.meta.dirname, '../..');
const SCRIPT = path.join(ROOT, 'scripts/try.mjs');

const ours = (): string[] => readdirSync(cgroup2Mount()).filter((name) => name.startsWith('devpolicy-'));

/** Cgroups that were not there before are gone, if need be after a moment. Those of other runs beside this one are told by their maker, who lives. */
async function expectNothingLeft(before: readonly string[]): Promise<void> {
  const lives = (name: string): boolean => existsSync(`/proc/${/-(\d+)(?:-\d+)?$/.exec(name)?.[1] ?? 'nobody'}`);
  const left = (): string[] => ours().filter((name) => !before.includes(name) && !lives(name));
  for (let attempt = 0; attempt < 100 && left().length > 0; attempt++) await sleep(100);
  expect(left()).toEqual([]);
}

test('live: real containers, every command as promised, nothing left behind', async () => {
  const before = ours();
  const result = spawnSync(process.execPath, [SCRIPT], { cwd: ROOT, encoding: 'utf8' });
  expect(result.stdout + result.stderr).not.toMatch(/RECORDED|NOT AS EXPECTED/);
  expect(result.stdout).toContain('BROKEN  web');
  // The verdict that names the program and instruction that take the device away.
  expect(result.stdout).toMatch(/DENY {3}c 1:3 rw[^]*systemd\s+DENIES\s+insn \d+/);
  expect(result.status).toBe(0);
  await expectNothingLeft(before);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle: cleans up behind itself', async (signal) => {
  const before = ours();
  const child = spawn(process.execPath, [SCRIPT], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  for (let attempt = 0; attempt < 600 && !said.includes('$ devpolicy show web'); attempt++) await sleep(50);
  expect(said).toContain('$ devpolicy show web');
  const labs = ours().filter((name) => name.startsWith(`devpolicy-lab-${String(child.pid)}-`));
  expect(labs).toHaveLength(1);
  process.kill(-(child.pid ?? 0), signal); // the whole foreground group, as a terminal does
  expect(await ended).toBe(signal === 'SIGINT' ? 130 : 143);
  await expectNothingLeft(before);
  expect(existsSync(path.join(cgroup2Mount(), labs[0] ?? ''))).toBe(false);
});

test('without root: says RECORDED first and shows the recording', () => {
  // In a user namespace without a mapping this process is nobody to the program and still may read the checkout.
  const argv = process.getuid?.() === 0 ? ['unshare', '--user', process.execPath, SCRIPT] : [process.execPath, SCRIPT];
  const result = spawnSync(argv[0] ?? '', argv.slice(1), { cwd: ROOT, encoding: 'utf8' });
  expect(result.stdout).toMatch(/^RECORDED: /);
  expect(result.stdout).not.toContain('NOT AS EXPECTED');
  expect(result.stdout).toContain('BROKEN  web');
  expect(result.status).toBe(0);
});
