import { MAX_MAJOR, MAX_MINOR } from '../policy/types.js';
import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import { accessMatches, accessMask, numberCanMatch, type CompiledPolicy } from './compiled.js';
import { ociRuleText, type OciRule } from './oci-rule.js';
import { ruleSet } from './set.js';
import type { IntentWarning } from './types.js';

/** Rules of a list whose numbers no device has. */
export function unmatchableRules(rules: readonly OciRule[]): IntentWarning[] {
  return rules
    .filter(
      (rule) => rule.type !== 'a' && !(numberCanMatch(rule.major, MAX_MAJOR) && numberCanMatch(rule.minor, MAX_MINOR)),
    )
    .map((rule) => ({ code: 'rule-unmatchable', about: ociRuleText(rule), region: null }));
}

/**
 * Deny rules of a compiled list that are not what cgroup v1 meant by them: v1 denies whatever shares a letter with the rule and never the
 * check without access bits (security/device_cgroup.c); a subset test denies what asks for nothing beyond the rule's letters.
 */
export function denyWarnings(space: DeviceSpace, policy: CompiledPolicy, allowed: DeviceSet): IntentWarning[] {
  return policy.rules.flatMap((rule): IntentWarning[] => {
    if (rule.allow || rule.access === 7 || rule.access === 0) return [];
    const about = `deny ${rule.type} ${star(rule.major)}:${star(rule.minor)} ${letters(rule.access)}`;
    const touching = ruleSet(space, { ...rule, test: 'overlap' });
    const hole = touching.subtract(ruleSet(space, rule)).intersect(allowed);
    const check = ruleSet(space, { ...rule, access: 0, test: 'subset' });
    const found: IntentWarning[] = [];
    if (!hole.isEmpty()) found.push({ code: 'deny-hole', about, region: hole });
    if (policy.defaultAllow && accessMatches(rule, 0))
      found.push({ code: 'deny-check', about, region: check.subtract(allowed) });
    return found;
  });
}

/** Partial access masks tested for overlap: wider than the letters, and F_OK refused. */
export function overlapWarnings(space: DeviceSpace, policy: CompiledPolicy): IntentWarning[] {
  return policy.rules
    .filter((rule) => rule.allow && rule.test === 'overlap' && rule.access !== 7 && rule.access !== 0)
    .map((rule) => ({
      code: 'overlap-mask',
      about: `allow ${rule.type} ${star(rule.major)}:${star(rule.minor)} ${letters(rule.access)}`,
      region: symmetric(ruleSet(space, rule), ruleSet(space, { ...rule, test: 'subset' })),
    }));
}

/** Does a list, as people read it, refuse anything? Only one that ends in "allow everything" without a deny behind it does not. */
export function listRestricts(rules: readonly OciRule[]): boolean {
  const last = rules.findLastIndex(({ type }) => type === 'a');
  const reset = rules[last];
  if (reset?.allow !== true) return true;
  return rules.slice(last + 1).some(({ allow, access }) => !allow && accessMask(access) !== 0);
}

function symmetric(left: DeviceSet, right: DeviceSet): DeviceSet {
  return left.subtract(right).union(right.subtract(left));
}

function star(value: number | null): string {
  return value === null ? '*' : String(value);
}

function letters(mask: number): string {
  return `${(mask & 2) === 0 ? '' : 'r'}${(mask & 4) === 0 ? '' : 'w'}${(mask & 1) === 0 ? '' : 'm'}`;
}
