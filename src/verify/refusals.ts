import { formatAccess } from '../policy/rule-text.js';
import { parseProcDevices } from '../policy/proc-devices.js';
import type { DeviceRequest } from '../policy/types.js';
import type { ConfinementRecord, ContainerRecord, Snapshot } from '../snapshot/types.js';
import type { Subject } from './subjects.js';

/**
 * Something besides the device policy that refuses a request the policy allows. Certain ones follow from what the snapshot shows whoever asks; the others
 * depend on the process that asks, or on what was not looked at.
 */
export interface Refusal {
  kind:
    | 'mknod-user-namespace'
    | 'nodev'
    | 'no-driver'
    | 'no-node'
    | 'mode'
    | 'security-module'
    | 'mounted-in-user-namespace';
  certain: boolean;
  /** What the system call then fails with. */
  errno: 'EPERM' | 'EACCES' | 'ENXIO' | 'ENOENT';
  /** The mount point, node, mode or label concerned; untrusted. */
  detail: string;
}

/** @param path of the device in the container, if it is known; else its nodes are looked for by number */
export function otherRefusals(
  snapshot: Snapshot,
  { container }: Subject,
  request: DeviceRequest,
  path: string | null,
): Refusal[] {
  const letters = formatAccess(request.access);
  const opens = letters !== 'm';
  if (container === null) return opens ? noDriver(snapshot, request) : [];
  if (!opens) return mknodRefused(container, request);
  const node = path ?? nodeOf(container, request);
  const confinement = container.confinement;
  return [
    ...(node === null ? noNode(container) : []),
    ...(node === null || confinement === null ? [] : refusedByMount(container, confinement, node)),
    ...noDriver(snapshot, request),
    ...(node === null || confinement === null ? [] : refusedByMode(confinement, node, request)),
    ...refusedByLabel(confinement),
  ];
}

/** Nodes that can never be opened where they are: their mount is nodev. */
export function nodesOnNodevMounts({ nodes, confinement }: ContainerRecord): { path: string; point: string }[] {
  if (confinement === null) return [];
  return nodes.flatMap(({ path }) => {
    const mount = mountOf(confinement, path);
    return mount?.nodev === true ? [{ path, point: mount.point }] : [];
  });
}

/** CAP_MKNOD is asked of the first user namespace, but for whiteouts (vfs_mknod in fs/namei.c). */
function mknodRefused({ userNamespace }: ContainerRecord, { type, major, minor }: DeviceRequest): Refusal[] {
  if (userNamespace !== true || (type === 'c' && major === 0 && minor === 0)) return [];
  return [{ kind: 'mknod-user-namespace', certain: true, errno: 'EPERM', detail: '' }];
}

function nodeOf({ nodes }: ContainerRecord, { type, major, minor }: DeviceRequest): string | null {
  return nodes.find((node) => node.type === type && node.major === major && node.minor === minor)?.path ?? null;
}

/** Every runtime makes /dev/null: without it there is no listing, and absence tells nothing. A node may also be elsewhere, or made later. */
function noNode({ nodes }: ContainerRecord): Refusal[] {
  if (!nodes.some(({ path }) => path === '/dev/null')) return [];
  return [{ kind: 'no-node', certain: false, errno: 'ENOENT', detail: '/dev' }];
}

/** The mount a path is on: of those with the longest point above it, the one that came last. Null: not known. */
function mountOf({ mounts }: ConfinementRecord, path: string): ConfinementRecord['mounts'][number] | null {
  // Mounts elsewhere were not kept.
  if (!path.startsWith('/dev/')) return null;
  const above = mounts.filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
  const longest = Math.max(...above.map(({ point }) => point.length));
  const here = above.filter(({ point }) => point.length === longest);
  // One mounted over the other: which is on top is not sure unless they agree.
  return here.every(({ nodev }) => nodev === here[0]?.nodev) ? (here.at(-1) ?? null) : null;
}

/** may_open_dev() in fs/namei.c: neither on a mount with nodev nor on a file system that was mounted inside a user namespace. */
function refusedByMount(container: ContainerRecord, confinement: ConfinementRecord, path: string): Refusal[] {
  const mount = mountOf(confinement, path);
  if (mount === null) return [];
  if (mount.nodev) return [{ kind: 'nodev', certain: true, errno: 'EACCES', detail: mount.point }];
  if (container.userNamespace !== true || mount.point === path) return [];
  return [{ kind: 'mounted-in-user-namespace', certain: false, errno: 'EACCES', detail: mount.point }];
}

/** A number without a driver: opening it may still load a module that brings one (chrdev_open, blkdev_get_no_open). */
function noDriver({ host }: Snapshot, { type, major }: DeviceRequest): Refusal[] {
  if (host.procDevices === null) return [];
  const known = parseProcDevices(host.procDevices);
  if (known === null || known.length === 0 || known.some((driver) => driver.type === type && driver.major === major))
    return [];
  return [{ kind: 'no-driver', certain: false, errno: 'ENXIO', detail: `${type} ${String(major)}` }];
}

/** The bits for everybody else do not give what is asked: then it takes the owner, the group, or CAP_DAC_OVERRIDE. */
function refusedByMode({ modes }: ConfinementRecord, path: string, { access }: DeviceRequest): Refusal[] {
  const node = modes.find((each) => each.path === path);
  if (node === undefined) return [];
  const letters = formatAccess(access);
  const mode = node.mode.toString(8).padStart(4, '0');
  const others = Number(mode.at(-1));
  const [mayRead, mayWrite] = [others >= 4, [2, 3, 6, 7].includes(others)];
  if ((mayRead || !letters.includes('r')) && (mayWrite || !letters.includes('w'))) return [];
  return [{ kind: 'mode', certain: false, errno: 'EACCES', detail: `${mode} ${String(node.uid)}:${String(node.gid)}` }];
}

/** AppArmor adds its mode, "docker-default (enforce)"; a profile that only complains refuses nothing. */
function refusedByLabel(confinement: ConfinementRecord | null): Refusal[] {
  const label = confinement?.securityLabel ?? null;
  if (label === null || /^unconfined\b|\((?:complain|unconfined)\)$/.test(label)) return [];
  return [{ kind: 'security-module', certain: false, errno: 'EACCES', detail: label }];
}
