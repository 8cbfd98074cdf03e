import type { Snapshot } from '../snapshot/types.js';

/**
 * The same moment told exactly, to stand behind an age: ", boot+512.3 s, 2026-11-22T06:00:00Z". Since boot is exact; the wall clock is only as good as the clock is, and
 * says so where that is not synchronised.
 * @param age seconds before the snapshot was taken
 * @param bootNs nanoseconds of CLOCK_BOOTTIME, null unknown
 */
export function momentText(
  age: number,
  bootNs: number | null,
  { collectedAt, host }: Pick<Snapshot, 'collectedAt' | 'host'>,
): string {
  const boot = bootNs === null ? '' : `, boot+${(bootNs / 1e9).toFixed(1)} s`;
  const wall = collectedAt === null ? NaN : Date.parse(collectedAt) - age * 1000;
  if (!Number.isFinite(wall)) return boot;
  const clock = host.clockSynchronised === false ? ' (clock not synchronised)' : '';
  return `${boot}, ${new Date(wall).toISOString().slice(0, 19)}Z${clock}`;
}

/** Durations for people: the two largest units, "6 d 4 h", "3 min 20 s", "0.2 s". Seconds in, never negative. */
export function formatAge(seconds: number): string {
  const total = Math.max(0, seconds);
  if (total < 10) return `${(Math.floor(total * 10) / 10).toString()} s`;
  const whole = Math.floor(total);
  const units: [string, number][] = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  const [name, size] = units[first] ?? ['s', 1];
  const next = units[first + 1];
  const head = `${String(Math.floor(whole / size))} ${name}`;
  if (next === undefined) return head;
  const rest = Math.floor((whole % size) / next[1]);
  return rest === 0 ? head : `${head} ${String(rest)} ${next[0]}`;
}
