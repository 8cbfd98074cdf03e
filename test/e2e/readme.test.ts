import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

test('the library example of the README runs as it stands', () => {
  const example = /<!-- test\/e2e\/readme\.test\.ts runs this in docs\/examples -->\n\n```js\n(.*?)```/s.exec(
    README,
  )?.[1];
  expect(example).toBeDefined();
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  // Inside the package, so that `import 'devpolicy'` is this package by its own name.
  const folder = mkdtempSync(join(ROOT, 'build', 'readme-'));
  try {
    const script = join(folder, 'example.mjs');
    writeFileSync(script, example ?? '');
    const { stdout, stderr, status } = spawnSync(process.execPath, [script], {
      cwd: join(ROOT, 'docs/examples'),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    // Rules as in bpftool's listing of the recording (test/fixtures/captures/bookworm-docker-20.10.24-runc-1.1.5/default/xlated.txt).
    expect(stdout).toContain('c 1:3,5,7-9 rwm\n');
    expect(stdout).toContain('c 136:* rwm\n');
    expect(stdout).toContain('everything else is denied\n');
    expect(stdout).toContain('c 1:3 rw: allow\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
