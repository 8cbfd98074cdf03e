import type { PolicyPartition } from '../intent/types.js';
import type { DeviceSet } from '../policy/device-set.js';
import { formatSummary, summariseRegion } from '../policy/region-summary.js';
import { listRules } from '../policy/to-rules.js';
import type { DeviceRule } from '../policy/types.js';

/** A policy in `--json`: what is allowed, each access said; everything that is neither in `rules` nor in `undecided` is denied. */
export interface JsonPolicy extends JsonRegion {
  undecided: ({ reason: string } & JsonRegion)[];
}

/** A set of requests in `--json`. */
export interface JsonRegion {
  /** Their union is the region. Where rules overlap, both hold. */
  rules: DeviceRule[];
  /** Lines about the part that no list of ranges and masks describes; absent where `rules` say everything. */
  remainder?: string[];
}

export function policyJson(policy: PolicyPartition): JsonPolicy {
  return {
    ...regionJson(policy.allowed),
    undecided: policy.undecided.map(({ region, reason }) => ({ reason, ...regionJson(region) })),
  };
}

function regionJson(region: DeviceSet): JsonRegion {
  const { rules, remainder } = listRules(region);
  return { rules, ...(remainder === null ? {} : { remainder: summariseRegion(remainder).map(formatSummary) }) };
}
