import type { PolicyPartition } from '../../intent/types.js';
import type { Partition } from '../../symbolic/partition.js';
import type { Workshop } from './workshop.js';

/** A partition of diagrams as one of device sets. */
export function toPolicy({ space }: Workshop, { allowed, denied, undecided }: Partition): PolicyPartition {
  return {
    allowed: space.fromRef(allowed),
    denied: space.fromRef(denied),
    undecided: undecided.map(({ region, reason }) => ({ region: space.fromRef(region), reason })),
  };
}

/** What the kernel would decide if programs with this meaning were attached: requests it asks nobody about are allowed. */
export function atCallSites<P extends PolicyPartition>({ neverAsked }: Workshop, policy: P): P {
  return {
    ...policy,
    allowed: policy.allowed.union(neverAsked),
    denied: policy.denied.subtract(neverAsked),
    undecided: policy.undecided
      .map(({ region, reason }) => ({ reason, region: region.subtract(neverAsked) }))
      .filter(({ region }) => !region.isEmpty()),
  };
}
