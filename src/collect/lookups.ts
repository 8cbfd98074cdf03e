import { InputError } from '../errors.js';
import type { NodeRecord } from '../snapshot/types.js';
import { FileTree, fileFailure } from './files.js';
import { nodeAt } from './nodes.js';
import { Machine } from './view.js';

/**
 * The cgroup v2 path of a process.
 * @param pid in the host's numbers
 * @throws InputError if there is no such process, or it is in no cgroup that can be seen
 */
export function cgroupOfPid(pid: number, hostRoot?: string): string {
  const machine = new Machine(hostRoot);
  if (machine.proc.process(pid) === null) throw new InputError(`pid:${String(pid)}: no such process`);
  const cgroup = machine.cgroupOf(pid);
  if (cgroup === null) throw new InputError(`pid:${String(pid)}: its cgroup cannot be seen from here`);
  return cgroup;
}

/** Whose paths are meant: those of a process, or the host's. */
export interface DeviceRoot {
  pid?: number | null | undefined;
  hostRoot?: string | undefined;
}

/**
 * What a device path leads to in a container (by the pid of a process in it) or on the host. Links are followed inside that root and never out of it; nothing
 * is opened.
 * @returns a node with type null if there is nothing there, or no device
 * @throws InputError if the root cannot be looked into
 */
export function resolveDevicePath(root: DeviceRoot, path: string): NodeRecord {
  const machine = new Machine(root.hostRoot);
  const { proc } = machine;
  const pid = root.pid ?? null;
  const tree = pid === null ? machine.tree : new FileTree(`${proc.directory}/${String(pid)}/root`, proc.mountinfo(pid));
  try {
    if (pid !== null && tree.stat('/') === null) throw new InputError(`pid:${String(pid)}: no such process`);
    return nodeAt(tree, path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: ${fileFailure(error).failed}`);
  }
}
