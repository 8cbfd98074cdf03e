import { statSync, statfsSync } from 'node:fs';
import { InputError } from '../errors.js';
import type { HostRecord } from '../snapshot/types.js';
import { FileTree, errorCode } from './files.js';
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
export interface Machine {
  view: HostView;
  proc: Proc;
  layout: HostRecord['cgroupLayout'];
  /** Mount point of cgroup v2 as this process sees it; null if there is none. */
  cgroupMount: string | null;
  /** What is mounted there: "" for the whole hierarchy, else the cgroup that is its root. */
  cgroupRoot: string;
  /** Mount point of the v1 devices controller. */
  devicesMount: string | null;
  /** True where the files seen are the ones this process lives among, so that the machine's own systemctl may be asked. */
  isOwnRoot: boolean;
}

/**
 * Looks at where things are.
 * @param hostRoot directory in which the host's "/" is seen: "/" unless this runs in a container of its own
 * @throws InputError if there is no such directory
 */
export function openMachine(hostRoot = '/'): Machine {
  const root = hostRoot.length > 1 ? hostRoot.replace(/\/+$/, '') : '/';
  if (!isDirectory(root)) throw new InputError(`--host-root ${root}: no such directory`);
  const below = root === '/' ? '' : root;
  // The host's procfs comes along with its root; where it does not, pids are of this process's own namespace, which --pid=host makes the host's.
  const proc = new Proc(isDirectory(`${below}/proc/1`) ? `${below}/proc` : '/proc');
  const mounts = parseMounts(new Proc().mountinfo('self'));
  const cgroup =
    mountBelow(mounts, below, (mount) => mount.type === 'cgroup2') ??
    conventionalMount(below, '/sys/fs/cgroup', '/sys/fs/cgroup/unified');
  const devices =
    mountBelow(mounts, below, (mount) => mount.type === 'cgroup' && mount.options.includes('devices')) ??
    conventionalMount(below, '/sys/fs/cgroup/devices');
  const view: HostView = {
    tree: new FileTree(root, root === '/' ? proc.mountinfo('self') : ''),
    nestedIn: null,
    cgroupPrefix: '',
    locate: (pid, startTicks) => locateHere(proc, pid, startTicks),
  };
  return {
    view,
    proc,
    layout: layoutOf(cgroup?.point ?? null, devices?.point ?? null),
    cgroupMount: cgroup?.point ?? null,
    cgroupRoot: cgroup === null || cgroup.root === '/' ? '' : cgroup.root,
    devicesMount: devices?.point ?? null,
    isOwnRoot: root === '/',
  };
}

function locateHere(proc: Proc, pid: number, startTicks: number | null): Located | null {
  if (pid <= 0) return null;
  const process = proc.process(pid);
  if (process === null || (startTicks !== null && startTicks !== process.startTicks)) return null;
  return { pid, cgroup: proc.cgroup(pid) };
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}

/** The shortest mount point of that kind below the host's root: others are bound elsewhere for containers. */
function mountBelow(mounts: Mount[], root: string, wanted: (mount: Mount) => boolean): Mount | null {
  const points = mounts.filter(
    (mount) => wanted(mount) && (root === '' || mount.point === root || mount.point.startsWith(`${root}/`)),
  );
  // A whole hierarchy before one that is bound from a part of it.
  points.sort((a, b) => Number(a.root !== '/') - Number(b.root !== '/') || a.point.length - b.point.length);
  return points[0] ?? null;
}

/** CGROUP2_SUPER_MAGIC and CGROUP_SUPER_MAGIC (include/uapi/linux/magic.h). */
const CGROUP_TYPES: readonly number[] = [0x6367_7270, 0x0027_e0eb];

/** For a root that is another mount namespace's, /proc/PID/root for instance, whose mounts are not in the own list: the usual places. */
function conventionalMount(root: string, ...points: string[]): Mount | null {
  if (root === '') return null;
  const wanted = points.length > 1 ? CGROUP_TYPES[0] : CGROUP_TYPES[1];
  const point = points.find((each) => fileSystemType(root + each) === wanted);
  return point === undefined ? null : { root: '/', point: root + point, type: 'cgroup2', options: [] };
}

function fileSystemType(path: string): number | null {
  try {
    return statfsSync(path).type;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

function layoutOf(cgroupMount: string | null, devicesMount: string | null): HostRecord['cgroupLayout'] {
  if (cgroupMount === null) return devicesMount === null ? 'none' : 'v1';
  return devicesMount === null ? 'unified' : 'hybrid';
}
