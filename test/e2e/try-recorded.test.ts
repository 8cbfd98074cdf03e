/** What `npm run try` shows where it cannot run: the embedded snapshots, against the kernel's verdicts recorded at the same moments, and the show itself. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMAND } from './command.js';

const ROOT = path.join(import.meta.dirname, '../..');
const RECORDED = path.join(ROOT, 'test/fixtures/recorded/try');

describe.each(['before', 'after'])('%s', (moment) => {
  test.each(['web', 'gpu', 'admin'])('%s: every recorded verdict of the kernel', (name) => {
    const recorded = readFileSync(path.join(RECORDED, `${moment}-${name}.tsv`), 'utf8');
    const lines = recorded.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const questions = lines.map((line) => line.split('\t').slice(0, 4).join('\t'));
    const result = spawnSync(
      process.execPath,
      [COMMAND, '--snapshot', path.join(RECORDED, `${moment}.json`), 'can', name, '--requests', '-'],
      {
        input: `${questions.join('\n')}\n`,
        encoding: 'utf8',
      },
    );
    expect(result.stderr).toBe('');
    expect(result.stdout.trimEnd().split('\n')).toEqual(lines);
    expect(result.status).toBe(0);
    const verdicts = new Set(lines.map((line) => line.split('\t')[4]));
    expect(verdicts.size).toBe(name === 'admin' ? 1 : 2);
  });
});

test('the show runs from them, and every command ends as promised', () => {
  const script =
    "import { importTypeScript } from './scripts/run-ts.mjs'; process.exitCode = await (await importTypeScript('scripts/try/show.ts')).showRecorded();";
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT, encoding: 'utf8' });
  expect(result.stdout).not.toContain('NOT AS EXPECTED');
  expect(result.stdout).toContain('BROKEN  web');
  expect(result.stdout).toMatch(/systemd\s+DENIES\s+insn \d+/);
  expect(result.status).toBe(0);
});
