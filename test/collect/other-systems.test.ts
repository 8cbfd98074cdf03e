/** Files are read on systems without O_PATH and procfs too: a saved host can be asked anywhere. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type * as Files from '../../src/collect/files.js';
import type { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import type * as Library from '../../src/index.js';
import { caseDirectory } from './captured.js';

const DOCKER = caseDirectory('captures/bookworm-docker-20.10.24-runc-1.1.5/default');
const here = process.platform;
let folder: string;
let library: typeof Library;
let files: typeof Files;
let expected: ReturnType<typeof snapshotFromDirectory>;

beforeAll(async () => {
  expected = (await import('../../src/collect/from-dir.js')).snapshotFromDirectory(DOCKER);
  folder = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-elsewhere-'));
  cpSync(DOCKER, path.join(folder, 'case'), { recursive: true });
  writeFileSync(path.join(folder, 'secret'), 'outside');
  symlinkSync('../secret', path.join(folder, 'case/climbing'));
  symlinkSync('/case.json', path.join(folder, 'case/absolute'));
  execFileSync('mkfifo', [path.join(folder, 'fifo')]);
  vi.resetModules();
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  library = await import('../../src/index.js');
  files = await import('../../src/collect/files.js');
  // The whole library is loaded a second time.
}, 60_000);
afterAll(() => {
  Object.defineProperty(process, 'platform', { value: here });
  rmSync(folder, { recursive: true });
});

test('nothing of Linux is used: a handle is the name', async () => {
  const { openHandle } = await import('../../src/collect/handle.js');
  expect(openHandle(DOCKER, true).path).toBe(DOCKER);
});

test('a captured folder, a saved host and single files give the same', () => {
  const snapshot = library.snapshotFromDirectory(DOCKER);
  expect(library.serialiseSnapshot(snapshot)).toBe(library.serialiseSnapshot(expected));
  const saved = path.join(folder, 'host.json');
  writeFileSync(saved, library.serialiseSnapshot(snapshot));
  const run = library.createRun(library.readSnapshotFile(saved));
  expect(run.verify().exitStatus).toBe(0);
  for (const read of [
    () => library.readProgramFile(path.join(DOCKER, 'prog-1.xlated')),
    () => library.readStateFile(path.join(DOCKER, 'state.json')),
    () => library.readConfigFile(path.join(DOCKER, 'config.json')),
  ])
    expect(library.createRun(read()).subjects()).toHaveLength(1);
});

test('no path leads out of a folder, and no FIFO is waited for', () => {
  const tree = new files.FileTree(path.join(folder, 'case'));
  expect(tree.readTextIfThere('/climbing', 100)).toBeNull();
  expect(tree.readText('/absolute', 1 << 20)).toBe(tree.readText('/case.json', 1 << 20));
  expect(() => library.readStateFile(path.join(folder, 'fifo'))).toThrow(/no regular file/);
  expect(() => library.readStateFile(path.join(folder, 'nosuch'))).toThrow(/no such file/);
});

test('only collecting a live host needs Linux, and says so', async () => {
  await expect(library.collectSnapshot()).rejects.toThrow(library.UnsupportedError);
});
