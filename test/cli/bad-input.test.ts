import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ARMED, devpolicy, DOCKER, type Outcome } from './run.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devpolicy-bad-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** One line (and perhaps a hint), status 2, no stack, nothing on standard output. */
function expectRefused(outcome: Outcome, message: RegExp): void {
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr).toMatch(/^devpolicy: [^\n]+\n(?: {2}[^\n]*\n)*$/);
  expect(outcome.stderr).not.toMatch(/\n\s+at |internal error|unexpected error/);
  expect(outcome.stdout).toBe('');
  expect(outcome.status).toBe(2);
}

const program = readFileSync(join(DOCKER, 'prog-1.xlated'));

test.each([
  ['a length not divisible by 8', program.subarray(0, 13)],
  ['a program cut in the middle', program.subarray(0, 24)],
  ['nothing', new Uint8Array(0)],
  ['zeros', new Uint8Array(16)],
  ['random bytes', Uint8Array.from({ length: 64 }, (_, index) => (index * 37 + 11) % 256)],
  ['a picture', Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(40, 7), Buffer.alloc(8)])],
])('decode and can refuse %s', async (_what, bytes) => {
  const path = file('bad.xlated', bytes);
  expectRefused(await devpolicy(['decode', path]), /bad\.xlated/);
  expectRefused(await devpolicy(['can', `program:${path}`, 'c:1:3', 'rw']), /bad\.xlated/);
  expectRefused(
    await devpolicy(['can', `program:${path}`, '--requests', '-'], { input: 'c\t1\t3\trw\n' }),
    /bad\.xlated/,
  );
});

test('a program of the other byte order: the message says so', async () => {
  const swapped = Buffer.from(program);
  for (let at = 0; at < swapped.length; at += 8) {
    const registers = swapped[at + 1] ?? 0;
    swapped[at + 1] = (registers >> 4) | ((registers & 15) << 4);
    swapped.subarray(at + 2, at + 4).swap16();
    swapped.subarray(at + 4, at + 8).swap32();
  }
  const path = file('big.xlated', swapped);
  expectRefused(await devpolicy(['decode', path, '--byte-order', 'little']), /other byte order/);
  const right = await devpolicy(['decode', path, '--byte-order', 'big']);
  expect(right.status).toBe(0);
  expect(right.stdout).toBe(
    (await devpolicy(['decode', join(DOCKER, 'prog-1.xlated'), '--byte-order', 'little'])).stdout,
  );
});

test.each([
  ['garbage', '{"a":'],
  ['other JSON', '{"hello": [1, 2, 3]}'],
  ['an array', '[]'],
  ['a newer snapshot', '{"schema":"devpolicy/snapshot","schemaVersion":[99,0]}'],
  ['a prototype', '{"schema":"devpolicy/snapshot","schemaVersion":[1,0],"__proto__":{"containers":[]}}'],
])('a snapshot that is %s', async (_what, text) => {
  const path = file('host.json', text);
  expectRefused(await devpolicy(['--snapshot', path, 'verify', '--all']), /host\.json/);
  expectRefused(await devpolicy(['show', `${path}#web`]), /host\.json/);
});

test.each([
  [['--snapshot', 'ARMED', 'show', 'nosuch'], /no container, unit or cgroup matches "nosuch"/],
  [['--snapshot', 'ARMED', 'show', 'seed-defualt'], /did you mean seed-default\?/],
  [['--snapshot', 'ARMED', 'show', 'lxc:seed-default'], /lxc:seed-default/],
  [['--snapshot', '/nonexistent/file.json', 'show'], /no such file/],
  [['--snapshot', '/dev/zero', 'show'], /\/dev\/zero/],
  [['show'], /which target/],
  [['show', 'program:/nonexistent'], /no such file/],
  [['show', 'state:/etc/hostname'], /\/etc\/hostname/],
  [['show', 'pid:0'], /no process id/],
  [['show', 'cgroup:relative'], /no cgroup path/],
  [['frobnicate'], /unknown command/],
  [['shwo', 'x'], /did you mean show/i],
  [['verify', '--fail-on', 'nothing'], /fail-on/],
  [['verify', '--nosuch'], /unknown option/],
  [['--snapshot', 'ARMED', 'verify', 'seed-default', '--all'], /either targets or --all/],
  [['--snapshot', 'ARMED', 'can', 'seed-default', 'c:1'], /no device/],
  [['--snapshot', 'ARMED', 'can', 'seed-default', 'c:4096:0'], /4095/],
  [['--snapshot', 'ARMED', 'can', 'seed-default', 'c:1:3', 'x'], /not an access/],
  [['--snapshot', 'ARMED', 'can', 'seed-default', '/dev/nosuch'], /no such device/],
  [['--snapshot', 'ARMED', 'can'], /needs a target and a device/],
  [['--snapshot', 'ARMED', 'can', '--requests', '/nonexistent'], /no such file/],
  [['--snapshot', 'ARMED', 'can', '--requests', '/tmp'], /not a regular file/],
  [['explain', 'DP999'], /no finding "DP999"/],
  [['snapshot', '--from', '/nonexistent'], /\/nonexistent/],
  [['snapshot', '--from', '/etc/hostname'], /\/etc\/hostname/],
] as [string[], RegExp][])('%j', async (args, message) => {
  expectRefused(await devpolicy(args.map((word) => (word === 'ARMED' ? ARMED : word))), message);
});

test('hostile names are escaped in messages', async () => {
  const { stderr, status } = await devpolicy(['--snapshot', ARMED, 'show', '\u001b]0;owned\u0007\u202e']);
  expect(status).toBe(2);
  expect(stderr).toContain('\\x1b]0;owned\\x07\\u{202e}');
  expect(stderr).not.toMatch(/[\u001b\u0007\u202e]/);
});

test('a damaged state file: incomplete, and nothing else is lost', async () => {
  const target = mkdtempSync(join(folder, 'case-'));
  for (const name of [
    'case.json',
    'cgroup-show.json',
    'prog-1.json',
    'prog-1.xlated',
    'proc-devices.txt',
    'systemctl-show.txt',
    'systemctl-cat.txt',
  ]) {
    copyFileSync(join(DOCKER, name), join(target, name));
  }
  writeFileSync(join(target, 'state.json'), '{"config": {');
  const { status, stdout } = await devpolicy(['--snapshot', target, 'verify']);
  expect(status).toBe(3);
  expect(stdout).toMatch(/DP306|UNREAD/);
  const shown = await devpolicy(['--snapshot', target, 'show', '--json']);
  const document = JSON.parse(shown.stdout) as {
    enforced: unknown;
    intended: unknown;
    reasons: { intended?: { status: string } };
  };
  expect(document.enforced).not.toBeNull();
  expect(document.intended).toBeNull();
  expect(document.reasons.intended?.status).toBe('unread');
});
