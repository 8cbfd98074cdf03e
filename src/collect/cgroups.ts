import { fstatSync } from 'node:fs';
import type { AttachedQuery, CgroupRecord, ProblemRecord, ReadFailure } from '../snapshot/types.js';
import type { NativeBinding, NativeCgroup, NativeFailure, NativeProgramInfo, NativeQuery } from './native.js';
import { FileTree } from './files.js';
import { nativeFailure, readProgram } from './native-reads.js';
import type { Machine } from './view.js';

/** How often a cgroup is read again while its programs change under the reader's eyes. */
const ATTEMPTS = 3;

/** Reads cgroups and the programs they refer to, each program once. */
export class CgroupReader {
  readonly #infos = new Map<number, NativeProgramInfo | NativeFailure>();
  readonly #binding: NativeBinding;
  readonly #mount: string;
  /** Every cgroup that was met, by path. */
  readonly #rows = new Map<string, NativeCgroup>();
  #parents: Set<string> | null = null;

  constructor(binding: NativeBinding, mount: string) {
    this.#binding = binding;
    this.#mount = mount;
  }

  /** Walks all cgroups. @throws KernelError if the hierarchy itself cannot be walked */
  async scan(problems: ProblemRecord[]): Promise<void> {
    const scan = await this.#binding.scan(this.#mount);
    for (const row of scan.cgroups) {
      const path = row.path;
      this.#rows.set(path, row);
      if (row.children !== null && row.children.code !== 'ENOENT') {
        problems.push({
          subject: `cgroup:${path}`,
          message: `cgroups below could not be listed: ${row.children.syscall}`,
          code: row.children.code,
        });
      }
    }
    for (const info of scan.programs) this.#infos.set(info.id, info);
    if (scan.truncated)
      problems.push({ subject: 'host', message: 'there are more cgroups than were looked at', code: null });
  }

  /** Directory of a cgroup. */
  directory(path: string): string {
    return path === '/' ? this.#mount : this.#mount + path;
  }

  get paths(): Iterable<string> {
    return this.#rows.keys();
  }

  /** Is there a cgroup below it? */
  hasChildren(path: string): boolean {
    this.#parents ??= new Set([...this.#rows.keys()].map((each) => each.slice(0, each.lastIndexOf('/')) || '/'));
    return this.#parents.has(path);
  }

  /** Path of the cgroup with that id (st_ino of its directory). */
  pathOfId(id: number): string | null {
    for (const [path, row] of this.#rows) if (row.inode === id) return path;
    return null;
  }

  /** Paths that are or could be worth a record: something is attached, or the cgroup could not be read. */
  interesting(): string[] {
    return [...this.#rows]
      .filter(([, row]) => 'errno' in row.attached || row.attached.programIds.length > 0)
      .map(([path]) => path);
  }

  /** Records of cgroups that are there. */
  records(paths: readonly string[]): CgroupRecord[] {
    return paths.map((path) => this.record(path)).filter((record) => record !== null);
  }

  /** What is known of the programs that records refer to. */
  infosOf(records: readonly CgroupRecord[]): Map<number, NativeProgramInfo | NativeFailure> {
    const lists = records.flatMap(({ attached, effective }) => [attached, effective]);
    const ids = new Set(lists.flatMap((list) => ('failed' in list ? [] : list.programIds)));
    return new Map([...this.#infos].filter(([id]) => ids.has(id)));
  }

  /**
   * The record of one cgroup, consistent in itself: the effective list was the same before and after its programs were read.
   * @returns null if there is no such cgroup (any more)
   */
  record(path: string): CgroupRecord | null {
    let row = this.#rows.get(path) ?? this.#query(path);
    for (let attempt = 1; row !== null; attempt++) {
      this.#readPrograms(row);
      const again = this.#query(path);
      if (again === null) return null;
      if (sameLists(row, again)) return recordOf(path, row);
      if (attempt === ATTEMPTS) return changing(path, again);
      row = again;
    }
    return null;
  }

  #readPrograms(row: NativeCgroup): void {
    for (const list of [row.attached, row.effective]) {
      if ('errno' in list) continue;
      for (const id of list.programIds) {
        const known = this.#infos.get(id);
        // Gone when it was read, and still in a list that is younger: the list decides.
        if (known === undefined || ('errno' in known && known.code === 'ENOENT'))
          this.#infos.set(id, readProgram(this.#binding, id));
      }
    }
  }

  /** Both queries of one cgroup now; null if it is gone. */
  #query(path: string): NativeCgroup | null {
    let fd: number;
    try {
      fd = this.#binding.openDirectory(this.directory(path));
    } catch (error) {
      const failure = nativeFailure(error);
      if (failure.code === 'ENOENT') return null;
      return { path, inode: 0, attached: failure, effective: failure, children: null };
    }
    try {
      const attached = this.#ask(fd, false);
      const effective = this.#ask(fd, true);
      if ([attached, effective].some((answer) => 'errno' in answer && answer.code === 'ENOENT')) return null;
      // A cgroup of the same name that was made anew is another one: the id is the one that was asked.
      return { path, inode: fstatSync(fd).ino, attached, effective, children: null };
    } finally {
      this.#binding.close(fd);
    }
  }

  #ask(fd: number, effective: boolean): NativeQuery | NativeFailure {
    try {
      return this.#binding.queryPrograms(fd, effective);
    } catch (error) {
      return nativeFailure(error);
    }
  }
}

/**
 * Walks the machine's cgroups.
 * @returns null, with a problem noted, where there is no cgroup v2 hierarchy
 */
export async function openCgroups(
  binding: NativeBinding,
  machine: Machine,
  problems: ProblemRecord[],
): Promise<CgroupReader | null> {
  if (machine.cgroupMount === null) {
    problems.push({ subject: 'host', message: 'there is no cgroup v2 hierarchy mounted here', code: null });
    return null;
  }
  const reader = new CgroupReader(binding, machine.cgroupMount);
  try {
    await reader.scan(problems);
  } catch (error) {
    const { syscall, code } = nativeFailure(error);
    problems.push({ subject: 'host', message: `the cgroups could not be walked: ${syscall}`, code });
  }
  placeOwnNamespace(machine, reader);
  return reader;
}

/** From inside a cgroup namespace: its root is what this process's own /sys/fs/cgroup shows, and has the same id on the host. */
function placeOwnNamespace(machine: Machine, reader: CgroupReader): void {
  if (!machine.names.needsOwn) return;
  const inode = new FileTree('/').stat('/sys/fs/cgroup')?.ino;
  const path = inode === undefined ? null : reader.pathOfId(inode);
  if (path !== null) machine.names.setOwn(path);
}

function sameLists(a: NativeCgroup, b: NativeCgroup): boolean {
  return sameList(a.attached, b.attached) && sameList(a.effective, b.effective);
}

function sameList(a: NativeQuery | NativeFailure, b: NativeQuery | NativeFailure): boolean {
  if ('errno' in a || 'errno' in b) return 'errno' in a && 'errno' in b && a.code === b.code;
  return a.programIds.length === b.programIds.length && a.programIds.every((id, index) => id === b.programIds[index]);
}

function recordOf(path: string, row: NativeCgroup): CgroupRecord {
  return {
    path,
    id: row.inode === 0 ? null : row.inode,
    attached: 'errno' in row.attached ? failureOf(row.attached) : attachedOf(row.attached),
    effective: 'errno' in row.effective ? failureOf(row.effective) : { programIds: row.effective.programIds },
  };
}

function attachedOf(query: NativeQuery): AttachedQuery {
  return {
    programIds: query.programIds,
    attachFlags: query.attachFlags,
    programAttachFlags: query.programAttachFlags,
    // The kernel counts from 1 where it counts at all (Linux 6.17 and later).
    revision: query.revision === 0 ? null : query.revision,
  };
}

function failureOf(failure: NativeFailure): ReadFailure {
  return { failed: failure.syscall, code: failure.code };
}

function changing(path: string, row: NativeCgroup): CgroupRecord {
  const failure: ReadFailure = { failed: 'the programs changed each time they were read', code: null };
  return { path, id: row.inode === 0 ? null : row.inode, attached: failure, effective: failure };
}
