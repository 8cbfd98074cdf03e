import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

test('the library example of the README runs as it stands', () => {
  const example = /<!-- test\/e2e\/readme\.test\.ts runs this -->\n\n```js\n(.*?)```/s.exec(README)?.[1];
  expect(example).toBeDefined();
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  // Inside the package, so that `import 'devpolicy'` is this package by its own name.
  const folder = mkdtempSync(join(ROOT, 'build', 'readme-'));
  try {
    writeFileSync(join(folder, 'example.mjs'), example ?? '');
    copyFileSync(
      join(ROOT, 'test/fixtures/captures/bookworm-docker-20.10.24-runc-1.1.5/default/prog-1.xlated'),
      join(folder, 'prog.xlated'),
    );
    const { stdout, stderr, status } = spawnSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    // Rules as in the capture's listing by bpftool (xlated.txt beside the program).
    expect(stdout).toContain('c 1:3,5,7-9 rwm\n');
    expect(stdout).toContain('c 136:* rwm\n');
    expect(stdout).toContain('everything else is denied\n');
    expect(stdout).toContain('c 1:3 rw: allow\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('every file the README points at is there', () => {
  const links = [...README.matchAll(/\]\(([^)#]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !link.startsWith('http'));
  expect(links.length).toBeGreaterThan(4);
  for (const link of links) expect(() => readFileSync(join(ROOT, link))).not.toThrow(/ENOENT/);
});
