import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type { OciConfigSource } from '../snapshot/types.js';
import { ociRule } from './oci-rule.js';
import { compileRunc, RUNC_GENERATIONS } from './runc-compile.js';
import { compiledSet, decidedPartition } from './set.js';
import type { PolicyPartition } from './types.js';

/** The stations a device passes between the request for it and the kernel. */
export type HopName = 'asked' | 'config' | 'runtime' | 'systemd' | 'kernel';

/** One station: what it says of every request, and where that was read. */
export interface Hop {
  readonly name: HopName;
  /** File or command it was read from. */
  readonly source: string;
  readonly policy: PolicyPartition;
  /** `asked` names devices that are wanted besides everybody's defaults: what is not in it is not refused. */
  readonly complete: boolean;
  /** What was asked for and has no number that is known: a GPU by count, a path nobody looked at. As text, untrusted. */
  readonly unresolved: readonly string[];
}

/** What happened between two neighbouring stations that are both known. */
export interface HopChange {
  readonly from: Hop;
  readonly to: Hop;
  /** Allowed at `from`, denied at `to`. */
  readonly lost: DeviceSet;
  /** Denied at `from`, allowed at `to`; empty where `from` is not complete. */
  readonly added: DeviceSet;
}

/** The changes along a chain; stations that are not known are left out, so a change may span one. */
export function custodyChanges(hops: readonly Hop[]): HopChange[] {
  return hops.slice(1).map((to, index) => {
    const from = hops[index];
    if (from === undefined) throw new RangeError('a chain has no gap');
    return {
      from,
      to,
      lost: from.policy.allowed.intersect(to.policy.denied),
      added: from.complete ? from.policy.denied.intersect(to.policy.allowed) : from.policy.allowed.space.nothing,
    };
  });
}

/** A part of a region, and the change that lost or added it. */
export interface Responsible {
  readonly change: HopChange;
  readonly region: DeviceSet;
}

/**
 * For a region that the last station of `changes` denies (`lost`) or allows (`added`): which change made it so, part by part. The chain is followed
 * backwards from that station, so that what was lost and came back counts only where it was lost for good. A part that was so from the beginning, or
 * that a station in between leaves undecided, belongs to no change.
 */
export function responsibleChanges(
  changes: readonly HopChange[],
  region: DeviceSet,
  what: 'lost' | 'added',
): Responsible[] {
  const found: Responsible[] = [];
  let rest = region;
  for (const change of changes.toReversed()) {
    const part = rest.intersect(change[what]);
    if (!part.isEmpty()) found.push({ change, region: part });
    const { allowed, denied } = change.from.policy;
    rest = rest.subtract(part).intersect(what === 'lost' ? denied : allowed);
    if (rest.isEmpty()) break;
  }
  return found.reverse();
}

/**
 * What the list of a config.json says by itself, without what the runtime adds to it: read as cgroup v1 would, or, where runc refuses such a list, the last
 * rule that matches. Null where it holds rules that nobody can read.
 */
export function configuredPolicy(space: DeviceSpace, config: OciConfigSource): PolicyPartition | null {
  const rules = (config.resourcesDevices ?? []).map(ociRule);
  for (const name of ['1.0.0 and later', 'rc94-rc95'] as const) {
    const generation = RUNC_GENERATIONS.find((each) => each.name === name);
    const list = generation === undefined ? null : compileRunc(rules, generation);
    if (list !== null && !('error' in list)) return decidedPartition(compiledSet(space, list.compiled));
  }
  return null;
}
