import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';

/** Linux O_PATH: a handle of a file that is not opened: no driver runs, no FIFO blocks. Node.js does not name it. */
const O_PATH = 0o10000000;

/** What a path led to at one moment, without having been opened for reading. */
export interface Handle {
  /** Leads to just that file for as long as the handle is held. */
  readonly path: string;
  stat(): Stats;
  close(): void;
}

/**
 * Opens without opening: whatever the path names, nothing runs and nothing blocks. Linux keeps hold of the file whatever becomes of its name; on other
 * systems, where there is no host to inspect and files are somebody's own, the name has to do.
 * @throws Error of Node.js with `code`
 */
export function openHandle(path: string, follow: boolean): Handle {
  return HOLDS_FILES ? heldFile(path, follow) : namedFile(path, follow);
}

/**
 * As openHandle for a directory that is no link, in one system call less: most components of a path are that.
 * @returns null if it is something else, or if this system gives no handles
 */
export function openDirectory(path: string): Handle | null {
  if (!HOLDS_FILES) return null;
  try {
    return heldFile(path, false, constants.O_DIRECTORY);
  } catch (error) {
    // What is no directory, links among them, gives this with O_NOFOLLOW (open(2)).
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return null;
    throw error;
  }
}

/** Other systems give the bit of O_PATH another meaning, and a held file is reached again through procfs. */
const HOLDS_FILES: boolean = process.platform === 'linux' && existsSync('/proc/self/fd');

function heldFile(path: string, follow: boolean, flags = 0): Handle {
  const descriptor = openSync(path, O_PATH | flags | (follow ? 0 : constants.O_NOFOLLOW));
  return {
    path: `/proc/self/fd/${String(descriptor)}`,
    stat: () => fstatSync(descriptor),
    close: () => {
      closeSync(descriptor);
    },
  };
}

function namedFile(path: string, follow: boolean): Handle {
  const stats = follow ? statSync(path) : lstatSync(path);
  return { path, stat: () => stats, close: () => undefined };
}
