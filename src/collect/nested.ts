import type { ContainerRecord } from '../snapshot/types.js';
import type { CgroupReader } from './cgroups.js';
import { attemptNoted } from './attempt.js';
import { FileTree } from './files.js';
import { parseMounts } from './proc.js';
import type { HostView, Located, Machine } from './view.js';

/** Processes looked at when a nested container's init is searched for in its cgroup. */
const MAX_PROCESSES = 4096;

/**
 * The containers that are hosts themselves: something is below their cgroup, and systemd or an engine of containers has left its directories. Everything of
 * theirs is read through /proc/PID/root, and no path leads out of it.
 */
export function nestedHosts(
  machine: Machine,
  reader: CgroupReader,
  containers: readonly ContainerRecord[],
): HostView[] {
  return containers.flatMap((container) => {
    const { pid, cgroup } = container;
    if (pid === null || cgroup === null || !mayBeHost(reader, cgroup)) return [];
    const tree = new FileTree(`${machine.proc.directory}/${String(pid)}/root`, machine.proc.mountinfo(pid));
    if (!isHost(machine, container.key, tree)) return [];
    const root = namespaceRoot(machine, reader, container, pid, tree) ?? cgroup;
    return [nestedView(machine, reader, container.key, pid, root === '/' ? '' : root, tree)];
  });
}

/** A host has cgroups for what runs on it: below its init's, or beside it where systemd moved itself into one of its own. */
function mayBeHost(reader: CgroupReader, cgroup: string): boolean {
  return reader.hasChildren(cgroup) || /\/(init\.scope|init|payload|container|supervisor)$/.test(cgroup);
}

const MARKS = [
  '/run/systemd/system',
  '/run/docker',
  '/run/containerd',
  '/run/runc',
  '/run/crun',
  '/run/libpod',
  '/run/lxc',
];

function isHost(machine: Machine, key: string, tree: FileTree): boolean {
  return attemptNoted(machine.problems, key, 'whether containers run in it could not be seen', false, () =>
    MARKS.some((path) => tree.exists(path)),
  );
}

function nestedView(
  machine: Machine,
  reader: CgroupReader,
  key: string,
  pid: number,
  root: string,
  tree: FileTree,
): HostView {
  const depth = machine.proc.namespacedPids(pid).length;
  return {
    tree,
    nestedIn: key,
    cgroupPrefix: root,
    locate: (nestedPid, startTicks, cgroup) => {
      if (cgroup === null) return null;
      const outer = root + (cgroup === '/' ? '' : cgroup);
      return processIn(machine, reader, outer, (pids, candidate) => {
        if (pids[depth - 1] !== nestedPid) return false;
        return startTicks === null || machine.proc.process(candidate)?.startTicks === startTicks;
      });
    },
  };
}

/**
 * The cgroup that is "/" for the process: what its own cgroup file system is mounted from, by its list of mounts (the kernel gives the path as the reader
 * of the list sees it, cgroup_show_path in kernel/cgroup/cgroup.c) or by the directory's id. null if that cannot be told.
 */
function namespaceRoot(
  machine: Machine,
  reader: CgroupReader,
  { key }: ContainerRecord,
  pid: number,
  tree: FileTree,
): string | null {
  if (machine.proc.namespace(pid, 'cgroup') === machine.proc.namespace('self', 'cgroup')) return '/';
  const own = machine.cgroupOf(pid);
  const isAbove = (path: string): boolean =>
    path !== '/' && own !== null && (own === path || own.startsWith(`${path}/`));
  const mounted = parseMounts(machine.proc.mountinfo(pid)).find(
    ({ type, point }) => type === 'cgroup2' && point.startsWith('/sys/fs/cgroup'),
  );
  const named = mounted === undefined ? null : machine.names.resolve(mounted.root);
  if (named !== null && isAbove(named)) return named;
  for (const path of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    const stats = attemptNoted(machine.problems, key, 'its own cgroups could not be looked at', null, () =>
      tree.stat(path),
    );
    const found = stats === null ? null : reader.pathOfId(stats.ino);
    // Inode numbers of other file systems may be the same: it must be above the process.
    if (found !== null && isAbove(found)) return found;
  }
  return null;
}

/** The first process of the container in a cgroup: number 1 of the innermost pid namespace, in the cgroup itself or below it. */
export function initIn(machine: Machine, reader: CgroupReader, cgroup: string): Located | null {
  return processIn(machine, reader, cgroup, (pids) => pids.length > 1 && pids.at(-1) === 1);
}

/** The first process in a cgroup, in the cgroup itself or below it. */
export function firstIn(machine: Machine, reader: CgroupReader, cgroup: string): Located | null {
  return processIn(machine, reader, cgroup, () => true);
}

function processIn(
  machine: Machine,
  reader: CgroupReader,
  cgroup: string,
  wanted: (pids: number[], pid: number) => boolean,
): Located | null {
  const below = [...reader.paths].filter((path) => path === cgroup || path.startsWith(`${cgroup}/`));
  below.sort((a, b) => a.length - b.length);
  let left = MAX_PROCESSES;
  let fallback: Located | null = null;
  for (const path of below.length === 0 ? [cgroup] : below) {
    for (const pid of machine.processesIn(path, reader.directory(path))) {
      if (left-- <= 0) return fallback;
      const pids = machine.proc.namespacedPids(pid);
      if (!wanted(pids, pid)) continue;
      const located = { pid, cgroup: machine.cgroupOf(pid) };
      // A container inside this one has a number 1 too: the outermost is meant.
      if (fallback === null || pids.length < machine.proc.namespacedPids(fallback.pid).length) fallback = located;
    }
    if (fallback !== null) return fallback;
  }
  return fallback;
}
