import { FALSE, type BddManager, type Ref } from '../bdd/manager.js';
import { ACCESS_MKNOD } from '../policy/types.js';
import { accessVariable, MAJOR_VARIABLES, MINOR_VARIABLES, TYPE_VARIABLE } from '../policy/variables.js';
import { isAtLeast } from '../symbolic/kernel-release.js';
import type { Partition } from '../symbolic/partition.js';

/**
 * The verdicts of the kernel rather than of the programs: where it does not ask them, it allows. A node numbered 0:0 is not checked when it
 * is opened or tested for access (include/linux/device_cgroup.h, devcgroup_inode_permission: a zero rdev returns 0), and since Linux 5.8
 * `mknod c 0:0`, overlayfs' whiteout, is not checked either (commit 94fb4e5b1d4f). `mknod b 0:0` is asked.
 */
export function modelCallSites(m: BddManager, partition: Partition, kernelRelease: string | null): Partition {
  const neverAsked = requestsNeverAsked(m, kernelRelease);
  return {
    allowed: m.or(partition.allowed, neverAsked),
    denied: m.difference(partition.denied, neverAsked),
    undecided: partition.undecided
      .map(({ region, reason }) => ({ region: m.difference(region, neverAsked), reason }))
      .filter(({ region }) => region !== FALSE),
  };
}

export function requestsNeverAsked(m: BddManager, kernelRelease: string | null): Ref {
  const zero = m.andAll([...MAJOR_VARIABLES, ...MINOR_VARIABLES].map((variable) => m.not(m.variable(variable))));
  const mknod = m.andAll([0, 1, 2].map((bit) => literal(m, accessVariable(bit), (ACCESS_MKNOD >> bit) & 1)));
  const asked = isAtLeast(kernelRelease, 5, 8) === false ? mknod : m.difference(mknod, m.variable(TYPE_VARIABLE));
  return m.difference(zero, asked);
}

function literal(m: BddManager, variable: number, value: number): Ref {
  return value === 1 ? m.variable(variable) : m.not(m.variable(variable));
}
