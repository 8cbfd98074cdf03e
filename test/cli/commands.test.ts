import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { ARMED, CAPTURES, DETONATED, devpolicy, DOCKER } from './run.js';

/** Commands on recordings of real hosts, as a person would call them; the expected facts are those of the recordings' own listings and verdicts. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devpolicy-cli-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

test('the land mine before it goes off: what is lost, when, why, and what mends it', async () => {
  const { status, stdout } = await devpolicy(['--snapshot', ARMED, 'verify']);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^LAND-MINE {2}seed-default {3}docker 7ba3aed36d69 +DP101/);
  expect(stdout).toContain('systemctl daemon-reload');
  expect(
    lines(stdout)
      .slice(4, 7)
      .map((line) => line.trim().replace(/ +/g, ' ')),
  ).toEqual([
    'c 1:3,5,7-9 rw null zero full random urandom',
    'c 5:0-2 rw tty console ptmx',
    'c 10:200 rw /dev/net/tun',
  ]);
  expect(stdout).toContain('runc 1.1.4 leaves out rules');
  expect(stdout).toContain('/dev/char: ENOENT');
  expect(stdout).toContain('upgrade runc to 1.1.7 or newer');
});

test('and after: broken, with the program and the instruction that deny', async () => {
  const verify = await devpolicy(['--snapshot', DETONATED, 'verify']);
  expect(verify.status).toBe(1);
  expect(verify.stdout).toMatch(/^BROKEN {2}seed-default .* DP102\n/);
  expect(verify.stdout).toMatch(/program 48341 \(systemd, loaded [0-9.]+ s after the start\)/);
  const can = await devpolicy(['--snapshot', DETONATED, 'can', 'seed-default', 'c:1:3', 'rw']);
  expect(can.status).toBe(1);
  // Slot 17 of systemd's program in the recording's bpftool listing: (55) if r4 != 0x88 goto pc+2
  expect(can.stdout).toMatch(/^DENY {3}c 1:3 rw/);
  expect(can.stdout).toMatch(/48333 +runc +allows/);
  expect(can.stdout).toMatch(/48341 +systemd +DENIES +insn 17: `if r4 != 0x88` \(major is 1, not 136\)/);
  expect((await devpolicy(['--snapshot', DETONATED, 'can', 'c:136:0', 'rw'])).status).toBe(0);
});

test('a healthy host under cron says nothing; on a terminal it says so', async () => {
  expect(await devpolicy(['--snapshot', DOCKER, 'verify', '--all'])).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  });
  const terminal = await devpolicy(['--snapshot', DOCKER, 'verify', '--all'], { terminal: true });
  expect(terminal.status).toBe(0);
  expect(terminal.stdout).toMatch(/^1 checked: 1 as intended, now and after a daemon-reload\. {3}1 program\n$/);
});

test('show: programs, rules with names, intent and what a reload would do', async () => {
  const { status, stdout } = await devpolicy(['--snapshot', ARMED, 'show']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/48333 +this cgroup +runc \(certain\)/);
  expect(stdout).toMatch(/c 1:3,5,7-9 +rwm +null zero full random urandom/);
  expect(stdout).toMatch(/intent +same/);
  expect(stdout).toMatch(/reload +WILL LOSE c 1:3,5,7-9 rw · c 5:0-2 rw · c 10:200 rw/);
});

test('show --rules-as writes what other tools take, or refuses', async () => {
  const systemd = await devpolicy(['--snapshot', DOCKER, 'show', '--rules-as', 'systemd']);
  expect(systemd.status).toBe(0);
  expect(systemd.stdout).toContain('DeviceAllow=/dev/char/1:3 rwm');
  // 0:0, which the kernel allows without asking, is no line of any form.
  expect(systemd.stdout).not.toContain('0:0');
  const hole = await devpolicy(['show', `program:${join(CAPTURES, 'random/random.jsonl')}`, '--rules-as', 'v1']);
  expect(hole.status).toBe(2);
});

test('what list calls by its path is found by it, in --snapshot and behind a file', async () => {
  const folder = 'test/fixtures/recorded/bookworm-slurm-22.05.8-4+deb12u3/job-with-one-gpu-of-two';
  const name = '/system.slice/lab_slurmstepd.scope/job_1';
  expect((await devpolicy(['--snapshot', folder, 'list'])).stdout).toContain(`${name}  `);
  const { status, stdout } = await devpolicy(['--snapshot', folder, 'show', name]);
  expect({ status, shown: stdout.includes(name) }).toEqual({ status: 0, shown: true });
  expect(await devpolicy(['show', `./${folder}#${name}`])).toMatchObject({ status: 0, stdout });
  expect((await devpolicy(['show', `./${folder}#/no/such`])).status).toBe(2);
});

test('a snapshot is written for its owner only, can be read back, and gives the same answers', async () => {
  const file = join(folder, 'host.json');
  expect((await devpolicy(['snapshot', '--from', DETONATED, '-o', file])).status).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const fromFolder = await devpolicy(['--snapshot', DETONATED, 'verify', '--json']);
  for (const args of [
    ['--snapshot', file, 'verify', '--json'],
    ['verify', `${file}#seed-default`, '--json'],
    ['verify', file, '--json'],
  ]) {
    expect((await devpolicy(args)).stdout).toBe(fromFolder.stdout);
  }
});

test('a redacted snapshot has no name of the host in it and the same findings', async () => {
  const file = join(folder, 'redacted.json');
  expect((await devpolicy(['snapshot', '--from', DETONATED, '--redact', '-o', file])).status).toBe(0);
  expect(readFileSync(file, 'utf8')).not.toMatch(/seed-default|7ba3aed36d69/);
  const { status, stdout } = await devpolicy(['--snapshot', file, 'verify']);
  expect(status).toBe(1);
  expect(stdout).toContain('DP102');
});

test('diff: the same container before and after', async () => {
  const { status, stdout } = await devpolicy(['diff', `${ARMED}#`, `${DETONATED}#`]);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^only the first \(seed-default\) allows\n {2}c 1:3,5,7-9 +rw/);
  expect(stdout).not.toContain('only the second');
  expect((await devpolicy(['diff', `${ARMED}#`, `${ARMED}#`])).status).toBe(0);
});

test('decode: rules and listing agree with the recording made by bpftool', async () => {
  const program = join(DOCKER, 'prog-1.xlated');
  const rules = await devpolicy(['decode', program, '--byte-order', 'little']);
  expect(rules.status).toBe(0);
  expect(rules.stdout).toMatch(/^ALLOWED, everything else is denied\n {2}c \*:\* +m /);
  const listing = await devpolicy(['decode', program, '--listing', '--byte-order', 'little']);
  const recorded = readFileSync(join(DOCKER, 'xlated.txt'), 'utf8')
    .split('\n')
    .filter((line) => /^ *[0-9]+: \(/.test(line));
  expect(recorded.length).toBeGreaterThan(60);
  expect(listing.stdout.split('\n').filter((line) => /^ *[0-9]+: \(/.test(line))).toEqual(recorded);
});

test('decode reads standard input', async () => {
  const hex = readFileSync(join(DOCKER, 'prog-1.xlated')).toString('hex');
  const { status, stdout } = await devpolicy(['decode', '-', '--byte-order', 'little'], { input: hex });
  expect(status).toBe(0);
  expect(stdout).toContain('c 136:*');
});

test('can asks the policy that is meant', async () => {
  const ask = async (policy: string): Promise<number> =>
    (await devpolicy(['--snapshot', ARMED, 'can', 'c:1:3', 'rw', '--policy', policy])).status;
  expect([await ask('enforced'), await ask('intended'), await ask('afterReload'), await ask('afterApply')]).toEqual([
    0, 0, 1, 1,
  ]);
});

test('0:0 is never asked, but for making a block node', async () => {
  const { status, stdout } = await devpolicy(['--snapshot', DETONATED, 'can', 'c:0:0', 'rw']);
  expect(status).toBe(0);
  expect(stdout).toContain('the kernel asks no device program');
  expect((await devpolicy(['--snapshot', DETONATED, 'can', 'b:0:0', 'm'])).stdout).not.toContain(
    'asks no device program',
  );
});

test.each([
  [{ NO_COLOR: '' }, true, true],
  [{ NO_COLOR: '1', CLICOLOR_FORCE: '1' }, true, false],
  [{ CLICOLOR: '0' }, true, false],
  [{ CLICOLOR: '1' }, false, false],
  [{ CLICOLOR_FORCE: '1' }, false, true],
  [{ CLICOLOR_FORCE: '0' }, true, true],
  [{ TERM: 'dumb' }, true, false],
])('%j, at a terminal %s: colour %s', async (environment, terminal, coloured) => {
  const { stdout } = await devpolicy(['--snapshot', DETONATED, 'verify'], { terminal, environment });
  expect(stdout.includes('\u001b')).toBe(coloured);
});

test('who waits is told what is going on, unless they asked for quiet', async () => {
  const { steps } = await devpolicy(['--snapshot', DETONATED, 'verify', '--all']);
  expect(steps).toEqual([`reading ${DETONATED}`, 'analysing', 'analysing 1 of 1']);
  expect((await devpolicy(['--snapshot', DETONATED, '-q', 'verify', '--all'])).steps).toEqual([]);
});

test('a mistyped option leads to the help of its command', async () => {
  const { status, stderr } = await devpolicy(['verify', '--al']);
  expect(status).toBe(2);
  expect(stderr).toContain('did you mean --all?');
  expect(stderr).toContain('see: devpolicy verify --help');
});

test('colour only where it is wanted', async () => {
  const escape = '\u001b';
  expect((await devpolicy(['--snapshot', DETONATED, 'verify'], { terminal: true })).stdout).toContain(escape);
  expect((await devpolicy(['--snapshot', DETONATED, 'verify'])).stdout).not.toContain(escape);
  expect(
    (await devpolicy(['--snapshot', DETONATED, 'verify'], { terminal: true, environment: { NO_COLOR: '1' } })).stdout,
  ).not.toContain(escape);
  expect(
    (await devpolicy(['--snapshot', DETONATED, 'verify', '--color', 'never'], { terminal: true })).stdout,
  ).not.toContain(escape);
  expect((await devpolicy(['--snapshot', DETONATED, 'verify', '--color', 'always'])).stdout).toContain(escape);
});

test('help begins with examples, for the whole and for every command', async () => {
  const { stdout, status } = await devpolicy(['--help']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Examples:\n {2}devpolicy verify --all/);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) (?:\[options\] )?.*$/gm)].map((match) => match[1] ?? '');
  for (const command of COMMANDS.map(({ name }) => name)) {
    expect(commands).toContain(command);
    expect((await devpolicy([command, '--help'])).stdout).toMatch(/^Examples:\n/);
  }
});
