import { statSync, statfsSync } from 'node:fs';
import { InputError } from '../errors.js';
import type { HostRecord, ProblemRecord } from '../snapshot/types.js';
import { noteOnce } from './attempt.js';
import { CgroupNames } from './cgroup-names.js';
import { FileTree, errorCode, fileFailure } from './files.js';
import type { Mount } from './proc.js';
import { Proc, parseMounts } from './proc.js';

/** Where a process was found: its number on the outermost host, and its cgroup there. */
export interface Located {
  pid: number;
  cgroup: string | null;
}

/** A host as engines' files describe it: the machine itself, or a container that is one. */
export interface HostView {
  tree: FileTree;
  /** Key of the container that is this host; null for the machine. */
  nestedIn: string | null;
  /** Its cgroup "/" in the names of the machine: "" for the machine itself. */
  cgroupPrefix: string;
  /**
   * Finds the process that a state file names.
   * @param pid in this host's numbers
   * @param startTicks as the file has it; another start time is another process
   * @param cgroup as the file has it, in this host's names; a help for nested hosts
   * @returns null if it does not run (any more)
   */
  locate(pid: number, startTicks: number | null, cgroup: string | null): Located | null;
}

/** The machine: its files, its procfs, and where its cgroups are. */
export class Machine {
  readonly tree: FileTree;
  readonly proc: Proc;
  readonly names: CgroupNames;
  readonly layout: HostRecord['cgroupLayout'];
  /** Mount point of cgroup v2 as this process sees it; null if there is none. */
  readonly cgroupMount: string | null;
  /** Mount point of the v1 devices controller. */
  readonly devicesMount: string | null;
  /** True where the files seen are the ones this process lives among, so that the machine's own systemctl may be asked. */
  readonly isOwnRoot: boolean;
  /** What could not be looked at on the way. */
  readonly problems: ProblemRecord[];
  #byCgroup: Map<string, number[]> | null = null;

  /**
   * Looks at where things are.
   * @param hostRoot directory in which the host's "/" is seen: "/" unless this runs in a container of its own
   * @param problems where to note what could not be looked at
   * @throws InputError if there is no such directory
   */
  constructor(hostRoot = '/', problems: ProblemRecord[] = []) {
    this.problems = problems;
    const root = hostRoot.length > 1 ? hostRoot.replace(/\/+$/, '') : '/';
    if (!isDirectory(root)) throw new InputError(`--host-root ${root}: no such directory`);
    const below = root === '/' ? '' : root;
    // The host's procfs comes along with its root; where it does not, pids are of this process's own namespace, which --pid=host makes the host's.
    this.proc = new Proc(isDirectory(`${below}/proc/1`) ? `${below}/proc` : '/proc');
    this.tree = new FileTree(root, root === '/' ? this.proc.mountinfo('self') : '');
    this.isOwnRoot = root === '/';
    const mounts = mountsBelow(below, this.proc);
    const cgroup = shortest(mounts, (mount) => mount.type === 'cgroup2');
    this.names = new CgroupNames(cgroup?.root ?? '/');
    this.cgroupMount = cgroup?.point ?? null;
    this.devicesMount =
      shortest(mounts, (mount) => mount.type === 'cgroup' && mount.options.includes('devices'))?.point ?? null;
    this.layout = layoutOf(this.cgroupMount, this.devicesMount);
  }

  get view(): HostView {
    return {
      tree: this.tree,
      nestedIn: null,
      cgroupPrefix: '',
      locate: (pid, startTicks) => this.#locate(pid, startTicks),
    };
  }

  /** cgroup v2 path of a process or thread from the root of the hierarchy; null if it is gone or outside of what can be seen. */
  cgroupOf(pid: number, thread?: number): string | null {
    const seen = this.proc.cgroup(pid, thread);
    return seen === null ? null : this.names.resolve(seen);
  }

  /** Processes in exactly that cgroup, in the numbers of the host's procfs. */
  processesIn(cgroup: string, directory: string): number[] {
    // cgroup.procs has numbers of the reader's pid namespace, which may be another than the procfs that is looked at.
    if (this.proc.isOwnNamespace) return this.#listedProcesses(directory);
    this.#byCgroup ??= this.#indexProcesses();
    return this.#byCgroup.get(cgroup) ?? [];
  }

  #listedProcesses(directory: string): number[] {
    try {
      const text = this.tree.readTextIfThere(`${this.hostPath(directory)}/cgroup.procs`, 4 << 20) ?? '';
      return text
        .split('\n')
        .filter((line) => line !== '' && line !== '0')
        .map(Number);
    } catch (error) {
      const { failed, code } = fileFailure(error);
      // Threaded cgroups answer EOPNOTSUPP; one that just went away, ENODEV.
      if (code !== 'EOPNOTSUPP' && code !== 'ENODEV')
        noteOnce(this.problems, 'host', `the processes of a cgroup could not be listed: ${failed}`, code);
      return [];
    }
  }

  #indexProcesses(): Map<string, number[]> {
    const index = new Map<string, number[]>();
    for (const pid of this.proc.pids()) {
      const cgroup = this.cgroupOf(pid);
      if (cgroup !== null) index.set(cgroup, [...(index.get(cgroup) ?? []), pid]);
    }
    return index;
  }

  /** A path of this process, below the host's root, as the host's own path. */
  hostPath(path: string): string {
    return this.isOwnRoot ? path : path.slice(this.tree.root.length);
  }

  #locate(pid: number, startTicks: number | null): Located | null {
    if (pid <= 0) return null;
    const process = this.proc.process(pid);
    // Not allowed to know is not the same as gone: it may run, and its cgroup is unknown.
    if (process === null) return this.proc.failures.has(`${String(pid)}/stat`) ? { pid, cgroup: null } : null;
    if (startTicks !== null && startTicks !== process.startTicks) return null;
    return { pid, cgroup: this.cgroupOf(pid) };
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}

/**
 * Mounts of cgroup hierarchies below a root, their points as this process reaches them: those of its own mount namespace, else those of the host's
 * first process (for a root that is /proc/PID/root, or whose mounts did not come along).
 */
function mountsBelow(root: string, proc: Proc): Mount[] {
  const own = parseMounts(new Proc().mountinfo('self')).filter((mount) => mount.type.startsWith('cgroup'));
  const below = own.filter(({ point }) => root === '' || point.startsWith(`${root}/`));
  if (root === '' || below.length > 0) return below;
  return parseMounts(proc.mountinfo(1))
    .filter((mount) => mount.type.startsWith('cgroup'))
    .map((mount) => ({ ...mount, point: root + mount.point }))
    .filter(({ point }) => isCgroupFileSystem(point));
}

/** CGROUP2_SUPER_MAGIC and CGROUP_SUPER_MAGIC (include/uapi/linux/magic.h). */
const CGROUP_TYPES: readonly number[] = [0x6367_7270, 0x0027_e0eb];

function isCgroupFileSystem(path: string): boolean {
  try {
    return CGROUP_TYPES.includes(statfsSync(path).type);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}

/** The mount nearest to the root: others are bound elsewhere for containers. A whole hierarchy goes before a part of one. */
function shortest(mounts: Mount[], wanted: (mount: Mount) => boolean): Mount | null {
  const isPart = (mount: Mount): number => (/^(\/\.\.)*\/?$/.test(mount.root) ? 0 : 1);
  const found = mounts.filter(wanted).sort((a, b) => isPart(a) - isPart(b) || a.point.length - b.point.length);
  return found[0] ?? null;
}

function layoutOf(cgroupMount: string | null, devicesMount: string | null): HostRecord['cgroupLayout'] {
  if (cgroupMount === null) return devicesMount === null ? 'none' : 'v1';
  return devicesMount === null ? 'unified' : 'hybrid';
}
