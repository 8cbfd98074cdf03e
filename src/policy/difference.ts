import { InternalError } from '../errors.js';
import type { DeviceSet } from './device-set.js';
import type { DeviceRequest } from './types.js';
import { pickWitness, type PlausibleDevice } from './witness.js';

/** What is decided about every request: three disjoint sets that together are the space. */
export interface Partition {
  allowed: DeviceSet;
  denied: DeviceSet;
  undecided: DeviceSet;
}

/** A region of a difference, with one request of it; null: the region is empty. */
export interface DifferenceRegion {
  set: DeviceSet;
  witness: DeviceRequest;
}

/** How an actual policy departs from a wanted one. Proved: where all three are null the policies are equal. */
export interface PolicyDifference {
  /** Wanted allowed, actually denied. */
  missing: DifferenceRegion | null;
  /** Wanted denied, actually allowed. */
  excess: DifferenceRegion | null;
  /** Undecided on at least one side and not settled by the other: no statement is made. */
  undecided: DifferenceRegion | null;
}

/** The partition of a set that is known exactly. */
export function decided(allowed: DeviceSet): Partition {
  return { allowed, denied: allowed.complement(), undecided: allowed.space.nothing };
}

/**
 * Throws InternalError unless the three parts are disjoint and cover every request the kernel can ask. Checked at the door of every
 * comparison: a part that was lost would otherwise read as "no difference".
 */
export function assertPartition({ allowed, denied, undecided }: Partition): void {
  const overlap = allowed.intersect(denied).union(allowed.union(denied).intersect(undecided));
  if (!overlap.isEmpty() || !allowed.union(denied).union(undecided).complement().isEmpty()) {
    throw new InternalError('a policy is no partition of the request space');
  }
}

/**
 * Exact difference. A request that either side leaves undecided is undecided, never missing or excess: what is wanted AND undecided may well
 * be allowed. What the kernel never asks (DeviceSpace.neverAsked) makes no difference. `known` are devices a reader of this report knows,
 * preferred as witnesses.
 */
export function comparePolicies(
  wanted: Partition,
  actual: Partition,
  known: readonly PlausibleDevice[] = [],
): PolicyDifference {
  assertPartition(wanted);
  assertPartition(actual);
  const region = (all: DeviceSet): DifferenceRegion | null => {
    const set = all.subtract(all.space.neverAsked);
    const witness = pickWitness(set, known);
    return witness === null ? null : { set, witness };
  };
  return {
    missing: region(wanted.allowed.intersect(actual.denied)),
    excess: region(wanted.denied.intersect(actual.allowed)),
    undecided: region(wanted.undecided.union(actual.undecided)),
  };
}
