/** Versions of installed runtimes, from a package database. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileTree } from '../../src/collect/files.js';
import { runtimeVersions } from '../../src/collect/versions.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'devpolicy-versions-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

// Incus and LXD depend on LXC's library and not on its package of commands, as seen on Debian 12 (liblxc1) and 13 (liblxc1t64).
test.each(['lxc', 'liblxc1', 'liblxc1t64'])('LXC by the package %s', (name) => {
  mkdirSync(path.join(root, 'var/lib/dpkg'), { recursive: true });
  const status = `Package: ${name}\nStatus: install ok installed\nVersion: 1:6.0.4-4+deb13u4\n\n`;
  writeFileSync(path.join(root, 'var/lib/dpkg/status'), status);
  expect(runtimeVersions(new FileTree(root), 'brief', () => undefined)['lxc']).toMatchObject({
    version: '1:6.0.4-4+deb13u4',
    source: 'dpkg',
  });
});
