import { InputError } from '../errors.js';
import type { DeviceType } from '../policy/types.js';
import type { NodeRecord } from '../snapshot/types.js';
import type { CommandContext } from './context.js';
import { parseDeviceArgument } from './device-syntax.js';
import type { Opened } from './open.js';

export interface FoundDevice {
  type: DeviceType;
  major: number;
  minor: number;
  /** The path as typed, null for numbers. */
  path: string | null;
  /** The same where that path was seen in the container, not on the host. */
  pathInContainer: string | null;
  /** What the user should know about how it was found. */
  note: string | null;
}

/**
 * The device a word means. A path is looked up in the container's own root, without opening it and without leaving it; else among the nodes of the
 * host, with a note.
 */
export async function resolveDevice(
  context: CommandContext,
  { snapshot, subject, live }: Opened,
  text: string,
): Promise<FoundDevice> {
  const device = parseDeviceArgument(text);
  if (device.kind === 'number')
    return {
      type: device.type,
      major: device.major,
      minor: device.minor,
      path: null,
      pathInContainer: null,
      note: null,
    };
  if (live) {
    const { resolveLiveDevice } = await import('./live.js');
    return resolveLiveDevice(context.globals, subject.container?.pid ?? null, device.path);
  }
  const own = subject.container?.nodes.find((node) => node.path === device.path);
  if (own !== undefined) return { ...found(own, device.path, null), pathInContainer: device.path };
  const host = snapshot.nodes.find((node) => node.path === device.path && node.type !== null);
  if (host !== undefined)
    return found(
      host,
      device.path,
      subject.container === null ? null : `${device.path} is the host's node; the container's own is not known`,
    );
  const standard = STANDARD.get(device.path);
  if (standard !== undefined)
    return {
      ...standard,
      path: device.path,
      pathInContainer: null,
      note: `${device.path} is taken for the device Linux gives that name`,
    };
  throw new InputError(
    `${device.path}: no such device is known here`,
    'give its numbers: c:MAJOR:MINOR or b:MAJOR:MINOR',
  );
}

function found(node: NodeRecord, path: string, note: string | null): FoundDevice {
  if (node.type === null) throw new InputError(`${path}: no device there`);
  return { type: node.type, major: node.major, minor: node.minor, path, pathInContainer: null, note };
}

/** Numbers that never change: Linux' Documentation/admin-guide/devices.txt. */
const STANDARD: ReadonlyMap<string, { type: DeviceType; major: number; minor: number }> = new Map(
  (
    [
      ['/dev/null', 1, 3],
      ['/dev/zero', 1, 5],
      ['/dev/full', 1, 7],
      ['/dev/random', 1, 8],
      ['/dev/urandom', 1, 9],
      ['/dev/tty', 5, 0],
      ['/dev/console', 5, 1],
      ['/dev/ptmx', 5, 2],
      ['/dev/net/tun', 10, 200],
      ['/dev/fuse', 10, 229],
      ['/dev/kvm', 10, 232],
    ] as const
  ).map(([path, major, minor]) => [path, { type: 'c', major, minor }]),
);
