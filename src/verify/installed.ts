import type { ContainerRecord, Snapshot, VersionRecord } from '../snapshot/types.js';

/** The runtime that is installed now, and whether it can be the one that started a container. */
export interface InstalledRuntime extends VersionRecord {
  /** True: its file changed after the start, so another version may have started the container. null: not known. */
  changedSinceStart: boolean | null;
}

/** The low-level runtime of a container as it is installed on the host the container runs on; null where that is not known. */
export function installedRuntime(
  { host, nestedHosts }: Snapshot,
  { runtime, nestedIn, startedAt }: ContainerRecord,
): InstalledRuntime | null {
  const runtimes =
    nestedIn === null ? host.runtimes : (nestedHosts.find(({ key }) => key === nestedIn)?.runtimes ?? {});
  const installed = runtime !== null && Object.hasOwn(runtimes, runtime) ? runtimes[runtime] : undefined;
  if (installed === undefined) return null;
  const [changed, started] = [installed.changedAt, startedAt].map((text) =>
    text === null ? Number.NaN : Date.parse(text),
  );
  const known = changed !== undefined && started !== undefined && Number.isFinite(changed) && Number.isFinite(started);
  return { ...installed, changedSinceStart: known ? changed > started : null };
}
