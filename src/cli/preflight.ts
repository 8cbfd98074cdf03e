import { UnsupportedError } from '../errors.js';
import { readFailureText } from '../report/read-failure.js';
import type { ReadFailure, Snapshot } from '../snapshot/types.js';

/**
 * Stops where nothing can be said about this host at all, with one line and what to do.
 * @throws UnsupportedError
 */
export function checkReadable(snapshot: Snapshot): void {
  const { cgroupLayout } = snapshot.host;
  if (cgroupLayout === 'v1') {
    throw new UnsupportedError(
      'this host uses cgroup v1 only: devices are filtered by the devices controller there, not by BPF programs',
      'its lists can be read directly: cat /sys/fs/cgroup/devices/.../devices.list',
    );
  }
  if (cgroupLayout === 'none')
    throw new UnsupportedError(
      'no cgroup v2 hierarchy is mounted here',
      'in a container, give the host: --host-root DIR',
    );
  const failure = commonFailure(snapshot);
  if (failure === null || snapshot.containers.length > 0) return;
  throw new UnsupportedError(`device programs cannot be listed: ${readFailureText(failure)}`, hintFor(failure));
}

/** The failure of every cgroup's query; null if any could be read. */
export function commonFailure({ cgroups }: Snapshot): ReadFailure | null {
  const failures = cgroups.flatMap(({ attached }) => ('failed' in attached ? [attached] : []));
  return failures.length === cgroups.length ? (failures[0] ?? null) : null;
}

export function hintFor({ code }: ReadFailure): string {
  return code === 'EPERM' || code === 'EACCES'
    ? 'it needs root on the host (CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYSLOG); try:\n  sudo env "PATH=$PATH" devpolicy ...\nsee also: devpolicy doctor'
    : 'see: devpolicy doctor';
}
