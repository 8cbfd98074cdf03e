import type { ContainerRecord, Snapshot } from '../snapshot/types.js';
import type { ProgramView } from './programs.js';

/** When a program came, measured against what could have brought it. Seconds, positive: after it. Null: not known, or not told by the snapshot. */
export interface Trigger {
  /** Since the container started, by its own record or else by the first program of its own level. */
  secondsAfterStart: number | null;
  /** Since systemd last read all unit files. Only for programs that came after it and soon enough to be its doing. */
  secondsAfterReload: number | null;
}

/** An event of systemd applies its lists within the same turn of its loop; on a loaded machine that may take this long. */
const SOON_S = 10;

/**
 * What set a program off: its load time against the start of the container and the last reload of systemd. It tells that the two coincide, which is
 * evidence and no proof; nothing is decided by it. A later reload hides an earlier one, so an old program shows no reload.
 *
 * @param own the programs of the container's own level, the one in question among them
 */
export function triggerOf(
  snapshot: Snapshot,
  container: ContainerRecord | null,
  program: ProgramView,
  own: readonly ProgramView[],
): Trigger {
  return {
    secondsAfterStart: afterRecordedStart(snapshot, container, program) ?? afterFirst(program, own),
    secondsAfterReload: afterReload(snapshot, program),
  };
}

/** By the wall clock: the start is recorded so. Null where a program is older than the record says, as after a step of the clock. */
function afterRecordedStart(
  { collectedAt, bootTimeNs }: Snapshot,
  container: ContainerRecord | null,
  { record }: ProgramView,
): number | null {
  if (container?.startedAt == null || record === null) return null;
  const started = Date.parse(container.startedAt);
  const loaded =
    record.loadedAtNs !== null && bootTimeNs !== null && collectedAt !== null
      ? Date.parse(collectedAt) - (bootTimeNs - record.loadedAtNs) / 1e6
      : record.loadedAt === null
        ? Number.NaN
        : Date.parse(record.loadedAt);
  const seconds = (loaded - started) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

function afterFirst(program: ProgramView, own: readonly ProgramView[]): number | null {
  const loaded = loadTime(program);
  const loads = own.flatMap((each) => loadTime(each) ?? []);
  return loaded === null || loads.length < 2 ? null : loaded - Math.min(...loads);
}

/** Seconds, on one clock for all programs of a host. */
export function loadTime({ record }: ProgramView): number | null {
  if (record?.loadedAtNs != null) return record.loadedAtNs / 1e9;
  const parsed = record?.loadedAt == null ? Number.NaN : Date.parse(record.loadedAt) / 1000;
  return Number.isFinite(parsed) ? parsed : null;
}

/**
 * load_time is CLOCK_BOOTTIME (kernel/bpf/syscall.c, ktime_get_boottime_ns), systemd's timestamp CLOCK_MONOTONIC: they differ by the time the machine was
 * suspended, which the snapshot does not tell. A difference that is no short time after is therefore not reported.
 */
function afterReload({ host }: Snapshot, { record }: ProgramView): number | null {
  const reloaded = host.systemd?.unitsLoadTimestampMonotonicUs ?? null;
  if (reloaded === null || record?.loadedAtNs == null) return null;
  const seconds = record.loadedAtNs / 1e9 - reloaded / 1e6;
  return seconds >= 0 && seconds <= SOON_S ? seconds : null;
}
