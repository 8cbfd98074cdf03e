/** Reading what somebody else made: nothing blocks, nothing leads out, nothing is cut short. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileTree, readRegularFile, unescapeMount } from '../../src/collect/files.js';

let work: string;
let tree: FileTree;
beforeAll(() => {
  work = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-files-'));
  const root = path.join(work, 'root');
  mkdirSync(path.join(root, 'etc/sub'), { recursive: true });
  writeFileSync(path.join(work, 'secret'), 'outside');
  writeFileSync(path.join(root, 'secret'), 'inside');
  writeFileSync(path.join(root, 'etc/plain'), 'plain');
  symlinkSync('/secret', path.join(root, 'etc/absolute'));
  symlinkSync('../../../../../../../../secret', path.join(root, 'etc/sub/climbing'));
  symlinkSync('/etc', path.join(root, 'directory'));
  symlinkSync('loop', path.join(root, 'loop'));
  symlinkSync('nowhere', path.join(root, 'dangling'));
  execFileSync('mkfifo', [path.join(root, 'fifo')]);
  writeFileSync(path.join(root, 'huge'), '');
  truncateSync(path.join(root, 'huge'), 2 ** 40);
  writeFileSync(path.join(root, 'empty'), '');
  tree = new FileTree(root);
});
afterAll(() => {
  rmSync(work, { recursive: true });
});

describe('a tree', () => {
  test.each([
    ['/etc/plain', 'plain'],
    ['etc/../etc/./plain', 'plain'],
    ['/directory/plain', 'plain'],
    ['/etc/absolute', 'inside'],
    ['/etc/sub/climbing', 'inside'],
    ['/../../secret', 'inside'],
    ['/empty', ''],
  ])('%s is read inside the root', (name, content) => {
    expect(tree.readText(name, 100)).toBe(content);
  });

  test.each([
    ['/fifo', 'EINVAL'],
    ['/etc', 'EINVAL'],
    ['/huge', 'EFBIG'],
    ['/loop', 'ELOOP'],
    ['/dangling', 'ENOENT'],
    ['/etc/plain/below', 'ENOTDIR'],
    ['/nothing', 'ENOENT'],
    [`/${'a/'.repeat(5000)}b`, 'ENOENT'],
  ])('%.20s is refused at once: %s', (name, code) => {
    expect(() => tree.read(name, 1 << 20)).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('a file of one byte more than allowed is refused, not cut', () => {
    expect(tree.readText('/etc/plain', 5)).toBe('plain');
    expect(() => tree.readText('/etc/plain', 4)).toThrow(expect.objectContaining({ code: 'EFBIG' }) as Error);
  });

  test('what is not there is null or empty where that is ordinary', () => {
    expect(tree.readTextIfThere('/nothing', 10)).toBeNull();
    expect(tree.list('/nothing')).toEqual([]);
    expect(tree.stat('/dangling')).toBeNull();
    expect(tree.exists('/dangling')).toBe(true);
    expect(tree.readLink('/dangling')).toBe('nowhere');
    expect(tree.readLink('/etc/plain')).toBeNull();
    expect(tree.list('/etc')).toEqual(['absolute', 'plain', 'sub']);
  });

  test('a server’s file system is not touched: it may never answer', () => {
    const mounted = new FileTree(
      tree.root,
      '36 35 0:50 / /etc/sub rw - fuse.sshfs host: rw\n37 35 0:51 / /directory\\040x rw - nfs4 h:/ rw\n',
    );
    expect(() => mounted.readText('/etc/sub/climbing', 10)).toThrow(
      expect.objectContaining({ code: 'EREMOTE' }) as Error,
    );
    expect(() => mounted.readText('/directory/sub/climbing', 10)).toThrow(
      expect.objectContaining({ code: 'EREMOTE' }) as Error,
    );
    expect(mounted.readText('/etc/plain', 10)).toBe('plain');
  });

  test('no descriptor is left open, whatever went wrong', () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (const name of ['/etc/plain', '/fifo', '/loop', '/huge', '/etc/sub/climbing', '/nothing/at/all', '/../..']) {
      for (let round = 0; round < 50; round++) {
        try {
          tree.read(name, 100);
        } catch {
          // refused, as above
        }
      }
    }
    expect(open()).toBe(before);
  });
});

describe('a file by its path', () => {
  test('devices, sockets and pipes are refused unopened', async () => {
    const socket = path.join(work, 'socket');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    for (const special of ['/dev/zero', '/dev/tty', socket, path.join(work, 'root/fifo')]) {
      expect(() => readRegularFile(special, 100), special).toThrow(
        expect.objectContaining({ code: 'EINVAL' }) as Error,
      );
    }
    server.close();
  });

  test('files of procfs, which say size 0, are read to the end', () => {
    expect(readRegularFile('/proc/self/status', 1 << 20).toString()).toMatch(/^Name:[^]*NSpid:/);
    expect(() => readRegularFile('/proc/self/status', 100)).toThrow(
      expect.objectContaining({ code: 'EFBIG' }) as Error,
    );
  });
});

test('mount points as the kernel escapes them', () => {
  expect(unescapeMount('/a\\040b\\134c\\011')).toBe('/a b\\c\t');
});
