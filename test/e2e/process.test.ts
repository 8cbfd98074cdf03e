/** The built command as a process: pipes, start-up, and what reaches a terminal. Needs `npm run build:ts`. */
import { spawn, spawnSync } from 'node:child_process';
import { mkfifoSync } from './mkfifo.js';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMAND, ENVIRONMENT } from './command.js';

const ROOT = join(import.meta.dirname, '../..');
const DOCKER = join(ROOT, 'test/fixtures/captures/bookworm-docker-20.10.24-runc-1.1.5/default');

function shell(script: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('bash', ['-o', 'pipefail', '-c', script], {
    encoding: 'utf8',
    env: { ...ENVIRONMENT, NODE: process.execPath, COMMAND, DOCKER },
  });
}

test('a reader that goes away is no error', () => {
  const { stderr, stdout } = shell('"$NODE" "$COMMAND" explain | head -n 1');
  expect(stdout).toMatch(/^DP101/);
  expect(stderr).toBe('');
});

test.each(['show "$DOCKER#"', 'can "$DOCKER#" c:1:3 r', 'snapshot --from "$DOCKER"'])(
  '%s: answers that cannot be written are no answer, whatever they were',
  (command) => {
    const { status, stderr } = shell(`"$NODE" "$COMMAND" ${command} > /dev/full`);
    expect(stderr).toBe('devpolicy: no space left on device\n');
    expect(status).toBe(2);
  },
);

test('a snapshot is written whole, for its owner only, and to what is no file as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'devpolicy-output-'));
  try {
    const take = `"$NODE" "$COMMAND" snapshot --from "$DOCKER" -o`;
    const { status, stdout } = shell(
      `cd ${folder} && ${take} - > piped && echo old > file && chmod 644 file && ${take} file && ln -s file link && ${take} link &&
       ${take} /dev/stdout | cmp - file && cmp piped file; stat -c '%a %F' file link; ls -A`,
    );
    expect(stdout).toBe('600 regular file\n777 symbolic link\nfile\nlink\npiped\n');
    expect(status).toBe(0);
    const full = shell(`${take} /dev/full`);
    expect(full).toEqual(expect.objectContaining({ status: 2, stdout: '' }));
    expect(full.stderr).toMatch(/^devpolicy: cannot write \/dev\/full: ENOSPC[^\n]*\n$/);
    expect(shell(`${take} ${folder}/nosuch/x`).stderr).toMatch(/^devpolicy: cannot write [^\n]*\n$/);
    expect(shell(`${take} ${folder}`)).toEqual(expect.objectContaining({ status: 2 }));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an endless stream of requests ends when nobody reads the answers', () => {
  const { stdout, stderr } = shell(
    `yes $'c\\t1\\t3\\trw' | timeout 20 "$NODE" "$COMMAND" can "program:$DOCKER/prog-1.xlated" --requests - | head -n 3`,
  );
  expect(stdout).toBe('c\t1\t3\trw\tallow\n'.repeat(3));
  expect(stderr).toBe('');
});

test('200,000 answers through a slow pipe are all delivered', () => {
  const count = 200_000;
  const script = `for ((i=0;i<${String(count)};i+=10)); do printf 'c\\t%d\\t3\\trw\\n' 0 1 2 3 4 5 6 7 8 9; done | "$NODE" "$COMMAND" can "program:$DOCKER/prog-1.xlated" --requests - | (sleep 1; cat) | wc -l`;
  const { stdout, stderr } = shell(script);
  expect(stdout.trim()).toBe(String(count));
  expect(stderr).toBe('');
});

test('answers come as the questions do, not at the end', async () => {
  const child = spawn(
    process.execPath,
    [COMMAND, 'can', `program:${join(DOCKER, 'prog-1.xlated')}`, '--requests', '-'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const answer = new Promise<string>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => {
      resolve(chunk.toString());
    }),
  );
  child.stdin.write('c\t1\t3\trw\n');
  expect(await answer).toBe('c\t1\t3\trw\tallow\n');
  child.stdin.end();
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
});

test('a FIFO in place of a file is refused at once, not waited for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'devpolicy-fifo-'));
  try {
    const fifo = join(folder, 'pipe');
    mkfifoSync(fifo);
    for (const args of [
      ['decode', fifo],
      ['--snapshot', fifo, 'list'],
      ['show', `state:${fifo}`],
    ]) {
      const { status, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
        encoding: 'utf8',
        timeout: 20_000,
        env: ENVIRONMENT,
      });
      expect(stderr).toMatch(/^devpolicy: .*pipe/);
      expect(status).toBe(2);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Files that are read before any command runs: the entry and what it imports at once. */
function loadedAtStart(): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const match of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\b[^;]*?from\s*"(\.[^"]+)"|^import\s*"(\.[^"]+)"/gm,
    )) {
      visit(join(dirname(file), match[1] ?? match[2] ?? ''));
    }
  };
  visit(COMMAND);
  return [...seen];
}

test('starting loads the command line and nothing of the analysis', () => {
  expect(existsSync(COMMAND)).toBe(true);
  const texts = loadedAtStart().map((file) => readFileSync(file, 'utf8'));
  expect(texts.join('').length).toBeLessThan(300_000);
  for (const text of texts) expect(text).not.toMatch(/class BddManager|class Evaluator|INSTRUCTION_FORMS =/);
});

test('--version says the version of package.json', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(spawnSync(process.execPath, [COMMAND, '--version'], { encoding: 'utf8' }).stdout).toBe(
    `devpolicy ${version}\n`,
  );
});
