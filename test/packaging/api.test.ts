/** The API reference (npm run docs): every type that a public signature names is public, every exported symbol and method has a docstring, every link leads somewhere. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../..');

test('the public library is documented', () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [path.join(ROOT, 'node_modules/typedoc/bin/typedoc'), '--emit', 'none'],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
  );
  expect(stdout + stderr).not.toMatch(/\[(warning|error)\]/);
  expect(status).toBe(0);
});
