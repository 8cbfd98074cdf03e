import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { KernelError } from '../errors.js';
import { openDirectory, openHandle, type Handle } from './handle.js';

/** As the kernel's MAXSYMLINKS (include/linux/namei.h). */
const MAX_LINKS = 40;
/** Longest path walked, in components. */
const MAX_DEPTH = 256;

/** How much is read of each kind of file. A file that is larger is not cut but refused: half a policy would be a wrong one. */
export const LIMITS: Record<'json' | 'text' | 'database' | 'proc', number> = {
  /** JSON of runtimes and engines. state.json is 30 kB; a config.json with ten thousand rules 1 MB. */
  json: 16 << 20,
  /** Unit files, LXC configurations, captured command output. */
  text: 1 << 20,
  /** Package databases: Debian's is 5 MB on a large desktop. */
  database: 64 << 20,
  /** Files of /proc. */
  proc: 1 << 20,
};

/** What a file read failed with, as a problem record holds it. */
export interface FileFailure {
  failed: string;
  code: string | null;
}

/** The failure that an exception of this file stands for. Anything that is no file error is thrown on. */
export function fileFailure(error: unknown): FileFailure {
  if (error instanceof KernelError) return { failed: error.message, code: error.code };
  const code = errorCode(error);
  if (code === null) throw error;
  return { failed: (error as Error).message, code };
}

/** errno name of a system error, or null if it is none. */
export function errorCode(error: unknown): string | null {
  if (error instanceof KernelError) return error.code;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return 'syscall' in error ? error.code : null;
}

/** Neither there nor reachable: the ordinary reasons for a file of another engine or of a container that has gone. */
export function isMissing(error: unknown): boolean {
  return isMissingCode(errorCode(error));
}

/** As isMissing, by errno name. */
export function isMissingCode(code: string | null): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH';
}

/**
 * Reads a regular file whole.
 * @param path followed like any path; for paths that somebody else chose use a FileTree
 * @param maxBytes EFBIG if there is more
 * @throws KernelError; EINVAL if it is no regular file. FIFOs, devices and sockets are never opened.
 */
export function readRegularFile(path: string, maxBytes: number): Buffer {
  const handle = openHandle(path, true);
  try {
    return readHandle(handle, path, maxBytes);
  } finally {
    handle.close();
  }
}

/**
 * As readRegularFile for files of procfs, which the kernel makes: opening one runs no driver, so it is looked at only then.
 * @throws KernelError; EINVAL if it is no regular file
 */
export function readProcFile(path: string, maxBytes: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new KernelError('open', 22, 'EINVAL', `${path} is no regular file`);
    return readAll(fd, path, maxBytes, stats.size);
  } finally {
    closeSync(fd);
  }
}

/** A directory tree from which no path leads out: the host's own, one under --host-root, or a container's through /proc/PID/root. */
export class FileTree {
  /** Where it begins, as this process sees it; "/" is the tree that paths of this process mean. */
  readonly root: string;
  /** Mount points inside the tree where a server answers, which may never do so. */
  readonly #blockedMounts: readonly string[];

  /**
   * @param root directory as this process sees it
   * @param mountinfo text of /proc/PID/mountinfo of a process that lives in that tree, so that FUSE, NFS and the like are left alone
   */
  constructor(root: string, mountinfo = '') {
    this.root = root === '' ? '/' : root;
    this.#blockedMounts = remoteMounts(mountinfo);
  }

  /**
   * Reads a regular file whole.
   * @throws KernelError: ENOENT, EFBIG above `maxBytes`, EINVAL if it is no regular file, EREMOTE on a file system that a server backs ...
   */
  read(path: string, maxBytes: number): Buffer {
    return this.#with(path, true, (handle) => readHandle(handle, path, maxBytes));
  }

  readText(path: string, maxBytes: number): string {
    return this.read(path, maxBytes).toString('utf8');
  }

  /** As readText; null if there is no such file. */
  readTextIfThere(path: string, maxBytes: number): string | null {
    try {
      return this.readText(path, maxBytes);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** Sorted names in a directory; [] if there is none. @throws KernelError, E2BIG above `maxEntries` */
  list(path: string, maxEntries = 100_000): string[] {
    try {
      const names = this.#with(path, true, (handle) => readdirSync(handle.path));
      if (names.length > maxEntries) throw new KernelError('readdir', 7, 'E2BIG', path);
      return names.sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** stat of what the path leads to, without opening it; null if it does not exist. */
  stat(path: string): Stats | null {
    return this.#look(path, true);
  }

  /** As stat, but of the last component itself if it is a link. */
  lstat(path: string): Stats | null {
    return this.#look(path, false);
  }

  /**
   * lstat of what is in a directory, by name, but for links and regular files: one walk for all. Empty if there is no such directory; `isWhole` is false
   * where there are more entries than `maxEntries`.
   */
  lstatSpecial(path: string, maxEntries: number): { entries: Map<string, Stats>; isWhole: boolean } {
    const found = new Map<string, Stats>();
    let isWhole = true;
    try {
      this.#with(path, true, (handle) => {
        const names = readdirSync(handle.path, { withFileTypes: true });
        isWhole = names.length <= maxEntries;
        for (const entry of names.slice(0, maxEntries)) {
          if (entry.isSymbolicLink() || entry.isFile()) continue;
          const stats = lstatSync(`${handle.path}/${entry.name}`, { throwIfNoEntry: false });
          if (stats !== undefined) found.set(entry.name, stats);
        }
      });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return { entries: found, isWhole };
  }

  /** Is there something of that name? @throws KernelError where that cannot be seen: "no" and "not allowed to know" are two answers */
  exists(path: string): boolean {
    return this.lstat(path) !== null;
  }

  /** Target of a symbolic link as written; null if there is no such link. */
  readLink(path: string): string | null {
    const names = components(path);
    const last = names.pop();
    if (last === undefined || last === '..') return null;
    try {
      return this.#with(`/${names.join('/')}`, true, (directory) => readlinkSync(`${directory.path}/${last}`));
    } catch (error) {
      if (isMissing(error) || errorCode(error) === 'EINVAL') return null;
      throw error;
    }
  }

  #look(path: string, follow: boolean): Stats | null {
    try {
      return this.#with(path, follow, (handle) => handle.stat());
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  #with<T>(path: string, follow: boolean, use: (handle: Handle) => T): T {
    const handle =
      this.root === '/' && this.#blockedMounts.length === 0 ? openHandle(path, follow) : this.#walk(path, follow);
    try {
      return use(handle);
    } finally {
      handle.close();
    }
  }

  /**
   * Resolves component by component from the root's handle, so that links and ".." stay inside even if somebody exchanges directories meanwhile
   * (what openat2(2) does with RESOLVE_IN_ROOT, which Node.js does not offer). Absolute links begin at the root again.
   */
  #walk(path: string, follow: boolean): Handle {
    const trail = [openHandle(this.root, true)];
    const names: string[] = [];
    const pending = components(path).reverse();
    let links = 0;
    try {
      for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
        if (name === '..') {
          if (trail.length > 1) trail.pop()!.close();
          names.pop();
          continue;
        }
        if (trail.length > MAX_DEPTH) throw new KernelError('open', 36, 'ENAMETOOLONG', path);
        this.#refuseRemote(`/${[...names, name].join('/')}`);
        const parent = trail[trail.length - 1]!;
        const directory = pending.length === 0 ? null : openDirectory(`${parent.path}/${name}`);
        if (directory !== null) {
          trail.push(directory);
          names.push(name);
          continue;
        }
        const next = openHandle(`${parent.path}/${name}`, false);
        if ((follow || pending.length > 0) && next.stat().isSymbolicLink()) {
          next.close();
          const target = readlinkSync(`${parent.path}/${name}`);
          if (++links > MAX_LINKS) throw new KernelError('open', 40, 'ELOOP', path);
          if (target.startsWith('/')) {
            for (const handle of trail.splice(1)) handle.close();
            names.length = 0;
          }
          pending.push(...components(target).reverse());
          continue;
        }
        trail.push(next);
        names.push(name);
      }
      return trail.pop()!;
    } finally {
      for (const handle of trail) handle.close();
    }
  }

  #refuseRemote(path: string): void {
    if (this.#blockedMounts.includes(path)) throw new KernelError('open', 66, 'EREMOTE', path);
  }
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function readHandle(handle: Handle, path: string, maxBytes: number): Buffer {
  const stats = handle.stat();
  if (!stats.isFile()) throw new KernelError('open', 22, 'EINVAL', `${path} is no regular file`);
  if (stats.size > maxBytes) throw tooLarge(path, maxBytes);
  const fd = openFile(handle, path);
  try {
    return readAll(fd, path, maxBytes, stats.size);
  } finally {
    closeSync(fd);
  }
}

/** @throws KernelError that names the path and not the handle */
function openFile(handle: Handle, path: string): number {
  try {
    return openSync(handle.path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === undefined || errno === undefined) throw error;
    throw new KernelError('open', Math.abs(errno), code, path);
  }
}

/** Reads to the end: files of /proc say size 0, and a log may grow meanwhile. */
function readAll(fd: number, path: string, maxBytes: number, expected: number): Buffer {
  let buffer = Buffer.allocUnsafe(Math.min(expected === 0 ? 4096 : expected + 1, maxBytes + 1));
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > maxBytes) throw tooLarge(path, maxBytes);
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(buffer.length * 2, maxBytes + 1));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
  }
}

function tooLarge(path: string, maxBytes: number): KernelError {
  return new KernelError('read', 27, 'EFBIG', `${path} is larger than ${String(maxBytes)} bytes`);
}

/** Mount points of file systems that a process or another machine serves: reading there can block for ever. */
function remoteMounts(mountinfo: string): string[] {
  const remote = /^(fuse|fuseblk|fuse\..*|nfs|nfs4|cifs|smb3|9p|ceph|afs|autofs|lustre|glusterfs|virtiofs)$/;
  const points: string[] = [];
  for (const line of mountinfo.split('\n')) {
    // proc_pid_mountinfo(5): "36 35 98:0 /root /point options - type source super-options"
    const [before, after] = line.split(' - ', 2);
    const point = before?.split(' ')[4];
    const type = after?.split(' ')[0];
    if (point !== undefined && point !== '/' && type !== undefined && remote.test(type))
      points.push(unescapeMount(point));
  }
  return points;
}

/** The kernel writes space, tab, newline and backslash in mountinfo as octal. */
export function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
