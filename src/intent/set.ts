import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import { accessMatches, type CompiledPolicy, type CompiledRule } from './compiled.js';
import type { PolicyPartition, UndecidedRegion } from './types.js';

/** The requests a rule of a list matches, whatever stands before it. */
export function ruleSet(space: DeviceSpace, rule: CompiledRule): DeviceSet {
  return space.forPattern({
    type: rule.type === 'any' ? 'a' : rule.type,
    major: rule.major,
    minor: rule.minor,
    access: (access) => accessMatches(rule, access),
  });
}

/** What a list allows: the first rule that matches decides, the default decides the rest. */
export function compiledSet(space: DeviceSpace, policy: CompiledPolicy): DeviceSet {
  if (policy.rules.every(({ allow }) => allow !== policy.defaultAllow)) {
    const exceptions = space.unionAll(policy.rules.map((rule) => ruleSet(space, rule)));
    return policy.defaultAllow ? exceptions.complement() : exceptions;
  }
  let allowed = policy.defaultAllow ? space.everything : space.nothing;
  for (const rule of policy.rules.toReversed()) {
    const matched = ruleSet(space, rule);
    allowed = rule.allow ? allowed.union(matched) : allowed.subtract(matched);
  }
  return allowed;
}

/** A partition without anything undecided. */
export function decidedPartition(allowed: DeviceSet): PolicyPartition {
  return { allowed, denied: allowed.complement(), undecided: [] };
}

/** A partition of which `region` could go either way for `reason`; what is outside it stays as in `allowed`. */
export function partitionWith(allowed: DeviceSet, undecided: readonly UndecidedRegion[]): PolicyPartition {
  const { space } = allowed;
  const open: UndecidedRegion[] = [];
  let covered = space.nothing;
  for (const { region, reason } of undecided) {
    const fresh = region.subtract(covered);
    if (fresh.isEmpty()) continue;
    covered = covered.union(fresh);
    open.push({ region: fresh, reason });
  }
  return {
    allowed: allowed.subtract(covered),
    denied: space.everything.subtract(covered).subtract(allowed),
    undecided: open,
  };
}

/** Several policies of which one is the true one and nobody knows which: where they differ is undecided. Needs at least one. */
export function joinAlternatives(
  space: DeviceSpace,
  policies: readonly PolicyPartition[],
  reason: string,
): PolicyPartition {
  const allowed = space.intersectAll(policies.map((policy) => policy.allowed));
  const denied = space.intersectAll(policies.map((policy) => policy.denied));
  const rest = space.everything.subtract(allowed).subtract(denied);
  if (rest.isEmpty()) return { allowed, denied: allowed.complement(), undecided: [] };
  const known = policies
    .flatMap(({ undecided }) => undecided)
    .map((each) => ({ ...each, region: each.region.intersect(rest) }));
  const differs = rest.subtract(space.unionAll(known.map(({ region }) => region)));
  return partitionWith(allowed, [{ region: differs, reason }, ...known]);
}

/** What two policies that both apply allow together: deny wins over undecided, undecided over allow. */
export function intersectPolicies(left: PolicyPartition, right: PolicyPartition): PolicyPartition {
  const allowed = left.allowed.intersect(right.allowed);
  const denied = left.denied.union(right.denied);
  const open = [...left.undecided, ...right.undecided].map(({ region, reason }) => ({
    region: region.subtract(denied),
    reason,
  }));
  return partitionWith(allowed, open);
}
