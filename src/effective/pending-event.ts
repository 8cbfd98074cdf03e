import type { PendingBasis } from './pending-types.js';

/** What makes systemd put its own device settings on a unit again. */
export interface PendingEvent {
  /**
   * `daemon-reload`: the reload (or reexec) itself. `unit-start-after-reload`: not the reload but the next start of a unit in the same slice after
   * it. `unit-start`: as that, and systemd has been reloaded since the programs were attached. `set-property`: any property set on the unit. `reload-or-later`: the release is not known, so the reload or the next start after it.
   */
  readonly kind: 'daemon-reload' | 'unit-start-after-reload' | 'unit-start' | 'set-property' | 'reload-or-later';
  readonly text: string;
  /** False: read from systemd's source or inferred, not run on this release. */
  readonly measured: boolean;
}

interface EventRow {
  /** Releases from .. to, both included. */
  readonly from: number;
  readonly to: number;
  readonly kind: PendingEvent['kind'];
}

const TEXT: Readonly<Record<PendingEvent['kind'], string>> = {
  'daemon-reload': 'at the next daemon-reload (or daemon-reexec)',
  'unit-start-after-reload': 'when the next unit of the same slice starts after a daemon-reload',
  'unit-start': 'when the next unit of the same slice starts: systemd has been reloaded already',
  'set-property': 'when any property of the unit is set (systemctl set-property, docker update)',
  'reload-or-later': 'at the next daemon-reload, or at the next start of a unit in the same slice after it',
};

/**
 * Releases 256 and 257 begin with every attribute marked as to be applied, so that the mark set by a reload queues nothing (CGroupRuntime,
 * systemd 256; special-cased in 258): the fuse then burns until a sibling starts.
 */
const RELOAD: readonly EventRow[] = [
  { from: 0, to: 255, kind: 'daemon-reload' },
  { from: 256, to: 257, kind: 'unit-start-after-reload' },
  { from: 258, to: Infinity, kind: 'daemon-reload' },
];
const MEASURED: ReadonlySet<number> = new Set([247, 252, 254, 257, 262]);

/**
 * The event after which a unit has what its files (`files`), or what systemd holds (`shown`), say.
 *
 * @param reloaded systemd has read its unit files since the programs of the unit were attached
 */
export function pendingEvent(basis: PendingBasis, release: number | null, reloaded = false): PendingEvent {
  const measured = release !== null && MEASURED.has(release);
  const found =
    basis === 'shown'
      ? 'set-property'
      : (RELOAD.find(({ from, to }) => release !== null && release >= from && release <= to)?.kind ??
        'reload-or-later');
  const kind = found === 'unit-start-after-reload' && reloaded ? 'unit-start' : found;
  return { kind, text: TEXT[kind], measured };
}
