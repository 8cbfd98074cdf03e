import type { DeviceSet } from '../policy/device-set.js';
import { impactsOf, type Impact } from '../policy/impact.js';
import type { DeviceNames } from '../policy/names.js';
import { formatSummary, summariseRegion } from '../policy/region-summary.js';
import { listRules } from '../policy/to-rules.js';
import type { DeviceRule } from '../policy/types.js';

/** A region as data: rules, and a bounded summary of what no list of ranges describes. */
export interface RegionRules {
  rules: DeviceRule[];
  /** Lines about the part of the region that `rules` leave out; absent where they say everything. */
  remainder?: string[];
}

/**
 * Rules of a region. What the kernel never asks a device program (0:0) may be in it or not, whichever makes the shorter list: without that,
 * `c *:* r` would print as everything around 0:0.
 */
export function regionRules(region: DeviceSet): RegionRules {
  const without = listRules(region.subtract(region.space.neverAsked));
  const chosen = shorter(without, listRules(region.union(region.space.neverAsked)));
  return {
    rules: chosen.rules,
    ...(chosen.remainder === null ? {} : { remainder: summariseRegion(chosen.remainder).map(formatSummary) }),
  };
}

/** As regionRules, with what it means to a person that these requests are denied. */
export function lostRules(region: DeviceSet, names: DeviceNames): RegionRules & { impacts: Impact[] } {
  return { ...regionRules(region), impacts: impactsOf(region, names) };
}

type Listing = ReturnType<typeof listRules>;

function shorter(first: Listing, second: Listing): Listing {
  if (first.remainder !== null) return second.remainder === null ? second : first;
  return second.remainder === null && second.rules.length < first.rules.length ? second : first;
}
