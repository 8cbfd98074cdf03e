import { formatAccessSet, accessSetFromNames, type Notation } from './access.js';
import type { DeviceSet } from './device-set.js';
import { formatSummary, summariseRegion } from './region-summary.js';
import { formatField } from './rule-text.js';
import { listRules, type RuleListing } from './to-rules.js';
import { MAX_MAJOR, MAX_MINOR, type DeviceRule, type DeviceType } from './types.js';

/** One printed line: rules that differ in the minor alone, `c 1:3,5,7-9 rwm`. */
export interface RuleLine {
  type: DeviceType;
  /** `1:3,5,7-9`. */
  numbers: string;
  /** `rwm`. */
  access: string;
  rules: DeviceRule[];
}

/** A policy as people read it: what is allowed and the rest denied, or, where that is shorter, what is denied and the rest allowed. */
export interface PolicyDescription {
  default: 'deny' | 'allow';
  /** The exceptions: what is allowed under default deny (policy notation), what is denied under default allow (difference notation). */
  listing: RuleListing;
  notation: Notation;
}

/**
 * How to print the set of allowed requests. A default of allow is chosen only if more than half of all requests are allowed and the denied
 * ones make the shorter list.
 */
export function describePolicy(allowed: DeviceSet): PolicyDescription {
  const listing = listRules(allowed);
  if (listing.remainder === null && allowed.count() * 2n > allowed.space.everything.count()) {
    const exceptions = listRules(allowed.complement());
    if (weight(exceptions) < weight(listing)) return { default: 'allow', listing: exceptions, notation: 'difference' };
  }
  return { default: 'deny', listing, notation: 'policy' };
}

/** Rules grouped into lines, in the order of their first rule. */
export function ruleLines(rules: readonly DeviceRule[], notation: Notation): RuleLine[] {
  const groups = new Map<
    string,
    { first: DeviceRule; major: string; access: string; minors: string[]; rules: DeviceRule[] }
  >();
  for (const rule of rules) {
    const major = formatField(rule.major, MAX_MAJOR, rule.majorMask);
    const access = formatAccessSet(accessSetFromNames(rule.access), notation);
    const key = `${rule.type} ${major} ${access}`;
    const group = groups.get(key) ?? { first: rule, major, access, minors: [], rules: [] };
    groups.set(key, group);
    group.minors.push(formatField(rule.minor, MAX_MINOR, rule.minorMask));
    group.rules.push(rule);
  }
  return [...groups.values()].map(({ first, major, access, minors, rules: members }) => ({
    type: first.type,
    numbers: `${major}:${minors.join(',')}`,
    access,
    rules: members,
  }));
}

export function formatLine(line: RuleLine): string {
  return `${line.type} ${line.numbers} ${line.access}`;
}

/** The whole policy as lines of text, the default last. Two policies have the same text if and only if they allow the same requests, provided neither has a remainder. */
export function policyText(allowed: DeviceSet): string[] {
  const { default: rest, listing, notation } = describePolicy(allowed);
  const lines = ruleLines(listing.rules, notation).map(formatLine);
  const denied = rest === 'allow' ? lines.map((line) => `deny ${line}`) : lines;
  const missing = listing.remainder === null ? [] : summariseRegion(listing.remainder).map(formatSummary);
  return [...denied, ...missing, defaultText(rest, lines.length + missing.length > 0)];
}

/** The last line of a policy. */
export function defaultText(rest: 'deny' | 'allow', hasExceptions: boolean): string {
  return `everything${hasExceptions ? ' else' : ''} is ${rest === 'deny' ? 'denied' : 'allowed'}`;
}

/** Listings are compared by length; one that could not be finished is longer than any. */
function weight(listing: RuleListing): number {
  return listing.remainder === null ? listing.rules.length : Infinity;
}
