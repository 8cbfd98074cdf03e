import { cgroupOfPid, collectSnapshot, resolveDevicePath } from '../collect/index.js';
import { InputError } from '../errors.js';
import type { Snapshot } from '../snapshot/types.js';
import type { FoundDevice } from './device.js';
import type { GlobalOptions } from './options.js';
import { checkReadable } from './preflight.js';
import type { TargetSyntax } from './target-syntax.js';

export interface WantedFromHost {
  /** Targets it is wanted for, as typed; none means all of the host. */
  targets: readonly { text: string; target: TargetSyntax }[];
  /** Ask systemd what it holds, for predictions after a property change. */
  systemctl: boolean;
  /** Told what is being read. */
  onProgress?: ((step: string) => void) | undefined;
}

/**
 * Reads this host, or the one below --host-root.
 * @throws UnsupportedError where nothing could be read of it
 */
export async function collectHost(
  { hostRoot }: GlobalOptions,
  { targets, systemctl, onProgress }: WantedFromHost,
): Promise<Snapshot> {
  const cgroups = targets.flatMap(({ target }) => (target.kind === 'cgroup' ? [target.path] : []));
  const names = targets.flatMap(({ text, target }) => (target.kind === 'cgroup' ? [] : [text]));
  const snapshot = await collectSnapshot({
    ...(hostRoot === undefined ? {} : { hostRoot }),
    // A cgroup may belong to a container whose name nobody typed: then everything is read.
    ...(names.length > 0 && cgroups.length === 0 ? { targets: names } : {}),
    ...(cgroups.length > 0 ? { cgroups } : {}),
    detail: targets.length === 0 ? 'brief' : 'full',
    systemctl,
    onProgress,
  });
  checkReadable(snapshot);
  return snapshot;
}

/** A process stands for the cgroup it is in. */
export function pidToCgroup({ hostRoot }: GlobalOptions, pid: number): TargetSyntax {
  return { kind: 'cgroup', path: cgroupOfPid(pid, hostRoot) };
}

/**
 * A device path in a container's root (by its process) or on the host, never opened.
 * @throws InputError when there is no device at that path
 */
export function resolveLiveDevice({ hostRoot }: GlobalOptions, pid: number | null, path: string): FoundDevice {
  const own = resolveDevicePath({ pid, hostRoot }, path);
  if (own.type !== null)
    return {
      type: own.type,
      major: own.major,
      minor: own.minor,
      path,
      pathInContainer: pid === null ? null : path,
      note: null,
    };
  const host = pid === null ? own : resolveDevicePath({ hostRoot }, path);
  if (host.type === null)
    throw new InputError(`${path}: no device there`, 'give its numbers: c:MAJOR:MINOR or b:MAJOR:MINOR');
  return {
    type: host.type,
    major: host.major,
    minor: host.minor,
    path,
    pathInContainer: null,
    note: `${path} is not in the container; these are the numbers of the host's`,
  };
}
