import type { DeviceSpace } from '../policy/device-set.js';
import type { Partition } from '../symbolic/partition.js';
import type { EffectiveEntry } from './compose.js';
import type { PendingLevel } from './pending-types.js';

/**
 * A level that could not be queried (bpf(2) is refused in a container) counts as one with a program that may decide anything but undoes no denial: what
 * systemd's list denies is denied whatever else is attached. Two things are taken for granted that no known writer of device programs contradicts: that nobody
 * calls bpf_set_retval(), and that the flags there let systemd attach.
 */
export function withUnknown(level: PendingLevel, space: DeviceSpace): PendingLevel {
  if (level.programs !== null) return level;
  const partition: Partition = {
    allowed: space.nothing.ref,
    denied: space.nothing.ref,
    undecided: [{ region: space.everything.ref, reason: 'unreadable' }],
  };
  const entry: EffectiveEntry = { kind: 'partition', partition };
  return { ...level, flags: 2, programs: [{ id: UNKNOWN_ID, name: '', entry, allowed: null, preorder: false }] };
}

const UNKNOWN_ID = -2;

/** Does the partition stand for programs that could not be read? */
export function isUnread({ undecided: [first] }: Partition, space: DeviceSpace): boolean {
  return first?.reason === 'unreadable' && first.region === space.everything.ref;
}
