import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import { impactsOf, type Impact } from '../policy/impact.js';
import type { DeviceNames } from '../policy/names.js';
import { formatSummary, summariseRegion } from '../policy/region-summary.js';
import { listRules } from '../policy/to-rules.js';
import { ACCESS_NAMES, type DeviceRequest, type DeviceRule } from '../policy/types.js';

/** A region as data: rules, and a bounded summary of what no list of ranges describes. */
export interface RegionRules {
  rules: DeviceRule[];
  /** Lines about the part of the region that `rules` leave out; absent where they say everything. */
  remainder?: string[];
}

/** Rules of a region, as people read it: see `levelAtZero`. */
export function regionRules(region: DeviceSet): RegionRules {
  const known = KNOWN.get(region.space) ?? new Map<number, RegionRules>();
  KNOWN.set(region.space, known);
  // Equal sets of one space have one diagram. What the kernel never asks is put aside before it: see `levelAtZero`.
  const levelled = levelAtZero(region);
  const rules = known.get(levelled.canonical) ?? listed(levelled);
  known.set(levelled.canonical, rules);
  return { ...rules, rules: [...rules.rules] };
}

/** On a host that is hit a thousand containers lose the same devices: their rules are worked out once. */
const KNOWN = new WeakMap<DeviceSpace, Map<number, RegionRules>>();

function listed(set: DeviceSet): RegionRules {
  const { rules, remainder } = listRules(set);
  return { rules, ...(remainder === null ? {} : { remainder: summariseRegion(remainder).map(formatSummary) }) };
}

/**
 * The same set for whoever reads it as text. What the kernel never asks a device program about (0:0) may be in it or not; it is put to whatever holds for
 * the device next to it, 0:1. Without that `c *:* m` would print as everything around 0:0. The result depends on the set alone.
 */
export function levelAtZero(set: DeviceSet): DeviceSet {
  const { space } = set;
  const members = (['c', 'b'] as const).flatMap((type) =>
    ACCESS_NAMES.map(({ access }): DeviceRequest => ({ type, access, major: 0, minor: 0 }))
      .filter((request) => space.neverAsked.contains(request))
      .filter((request) => set.contains({ ...request, minor: 1 })),
  );
  return set.subtract(space.neverAsked).union(space.unionAll(members.map((request) => space.forRequest(request))));
}

/** As regionRules, with what it means to a person that these requests are denied. */
export function lostRules(region: DeviceSet, names: DeviceNames): RegionRules & { impacts: Impact[] } {
  return { ...regionRules(region), impacts: impactsOf(region, names) };
}
