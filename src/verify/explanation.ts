import type { DeviceSet } from '../policy/device-set.js';
import { describePolicy, ruleLines } from '../policy/policy-text.js';
import { pickWitness, type PlausibleDevice } from '../policy/witness.js';
import type { DeviceRequest } from '../policy/types.js';
import type { Decision } from './decision.js';
import { levelAtZero } from './region-rules.js';
import type { SubjectAnalysis, Verdict } from './types.js';

/** Part of the enforced policy, with one request of it and how that was decided. */
export interface PolicyReason {
  verdict: Verdict;
  region: DeviceSet;
  /** The first program in the kernel's order that denies all of the region by itself; null: it is allowed, undecided, or no program denies it alone. */
  deniedBy: number | null;
  request: DeviceRequest;
  decision: Decision;
}

/** The enforced policy, part by part. */
export interface PolicyExplanation {
  reasons: PolicyReason[];
  /** Rules that are not explained one by one: there are too many. */
  left: number;
}

/** Most rules that are explained one by one. */
const MOST_RULES = 40;

/**
 * Why the enforced policy is as it is: for each of its rules, for what each program is the first to deny, and for each region that is undecided, one
 * request with the instruction that decided. null where the policy is not known.
 */
export function explainPolicy(
  { enforced, programs }: SubjectAnalysis,
  known: readonly PlausibleDevice[],
  decide: (request: DeviceRequest) => Decision,
): PolicyExplanation | null {
  if (enforced.status !== 'known') return null;
  const { allowed, denied, undecided } = enforced.policy;
  const reasons: PolicyReason[] = [];
  const add = (verdict: Verdict, region: DeviceSet, deniedBy: number | null, witnesses = region): void => {
    const asked = witnesses.subtract(region.space.neverAsked);
    const request = pickWitness(asked, known);
    if (request !== null) reasons.push({ verdict, region, deniedBy, request, decision: decide(request) });
  };
  const { space } = allowed;
  const { default: rest, listing, notation } = describePolicy(levelAtZero(allowed));
  const lines =
    rest === 'deny' ? ruleLines(listing.rules, notation).map((line) => space.forRules(line.rules)) : [allowed];
  for (const [index, region] of lines.slice(0, MOST_RULES).entries()) {
    const others = space.unionAll(lines.filter((_, other) => other !== index));
    const own = region.subtract(others);
    add('allow', region, null, own.isEmpty() ? region : own);
  }
  if (rest === 'deny' && listing.remainder !== null) add('allow', listing.remainder, null);
  let left = denied;
  for (const [index, { alone }] of programs.entries()) {
    if (alone === null) continue;
    const byThis = left.intersect(alone.denied);
    add('deny', byThis, index);
    left = left.subtract(alone.denied);
  }
  add('deny', left, null);
  for (const { region } of undecided) add('undecided', region, null);
  return { reasons, left: Math.max(0, lines.length - MOST_RULES) };
}
