import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../../src/cli/program.js';
import { CHECKS } from '../../src/verify/checks/index.js';
import { fakeIo } from './fake-io.js';

const HOST = join(import.meta.dirname, '../fixtures/captures/bookworm-docker-20.10.24-runc-1.1.5/default');

async function complete(...words: string[]): Promise<string[]> {
  const io = fakeIo();
  expect(await runCli(['complete', '--', ...words], io)).toBe(0);
  expect(io.stderr).toBe('');
  return io.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '');
}

test('commands, and nothing hidden', async () => {
  expect(await complete('')).toEqual(
    expect.arrayContaining(['verify', 'show', 'can', 'list', 'explain', 'doctor', 'help']),
  );
  expect(await complete('')).not.toContain('complete');
  expect(await complete('ver')).toEqual(['verify']);
  expect(await complete('-v', 'sho')).toEqual(['show']);
});

test('options of the command and of all commands', async () => {
  const options = await complete('verify', '--');
  expect(options).toEqual(expect.arrayContaining(['--format', '--fail-on', '--textfile', '--json', '--help']));
  expect(await complete('--sn')).toEqual(['--snapshot']);
  expect(await complete('list', '--form')).toEqual([]);
});

test('values of options: choices, files, folders', async () => {
  expect(await complete('verify', '--format', 'n')).toEqual(['ndjson', 'nagios']);
  expect(await complete('verify', '--format=ju')).toEqual(['--format=junit']);
  expect(await complete('--snapshot', '')).toEqual(['@files']);
  expect(await complete('snapshot', '--from', '')).toEqual(['@dirs']);
  expect(await complete('report', '-o', '')).toEqual(['@files']);
  expect(await complete('fleet', 'a.json', '')).toEqual(['@files']);
});

test('finding codes', async () => {
  expect(await complete('explain', '')).toEqual(CHECKS.map(({ code }) => code));
  expect(await complete('explain', 'DP5')).toEqual(['DP501', 'DP502']);
  expect(await complete('explain', 'DP501', '')).toEqual([]);
});

test('targets of the host that the command line names', async () => {
  expect(await complete('--snapshot', HOST, 'show', 'dock')).toContain('docker:dc-default');
  expect(await complete('--snapshot', HOST, 'verify', 'docker:dc-default', 'dc')).toContain('dc-default');
  expect(await complete('--snapshot', HOST, 'can', 'dc-default', 'c:1:3', 'r')).toEqual(['rw', 'r', 'rwm']);
  expect(await complete('--snapshot', '/nonexistent', 'show', '')).toEqual(['@files']);
});

test('a name that means something to a shell is not offered', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'devpolicy-complete-'));
  try {
    const io = fakeIo();
    await runCli(['snapshot', '--from', HOST], io);
    const snapshot = JSON.parse(io.stdout) as { containers: { key: string; names: string[] }[] };
    const [container] = snapshot.containers;
    if (container === undefined) throw new Error('no container');
    container.key = 'docker:$(reboot)';
    container.names = ['`reboot`', 'a b', '-rf', 'ok'];
    const file = join(directory, 'host.json');
    writeFileSync(file, JSON.stringify(snapshot));
    const words = await complete('--snapshot', file, 'show', '');
    expect(words.filter((word) => !/^[\w./:@+][\w./:@+-]*$/.test(word))).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the bash script completes what the program says, colons included', async () => {
  const { spawnSync } = await import('node:child_process');
  const directory = mkdtempSync(join(tmpdir(), 'devpolicy-bash-'));
  try {
    // A stand-in for the program, since only the script is on trial: it prints what it was asked.
    mkdirSync(join(directory, 'bin'));
    const command = join(directory, 'bin/devpolicy');
    writeFileSync(command, '#!/bin/sh\nprintf "%s\\n" "$@" > "$ASKED"\nprintf "docker:web\\tx\\ndocker:db\\ty\\n"\n');
    chmodSync(command, 0o755);
    const script = `source ${JSON.stringify(join(import.meta.dirname, '../../completions/devpolicy.bash'))}
COMP_LINE='devpolicy show docker:'; COMP_POINT=\${#COMP_LINE}; _devpolicy; printf '%s\\n' "\${COMPREPLY[@]}"
COMP_LINE='devpolicy show '; COMP_POINT=\${#COMP_LINE}; _devpolicy; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = {
      ...process.env,
      PATH: `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}`,
      ASKED: join(directory, 'asked'),
    };
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', env });
    expect(stderr).toBe('');
    expect(stdout).toBe('web\ndb\ndocker:web\ndocker:db\n');
    expect(readFileSync(join(directory, 'asked'), 'utf8')).toBe('complete\n--\nshow\n\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
