import {
  decideExpected,
  expectedPolicy,
  isPattern,
  matchesPattern,
  type ExpectationEntry,
  type Expectations,
  type ExpectedPolicy,
} from '../intent/expect.js';
import type { DeviceSet } from '../policy/device-set.js';
import { nodesOf, replayedWitness, type Known } from './compare.js';
import type { CheckInput } from './checks/check.js';
import { judge } from './examine/concrete.js';
import { regionRules } from './region-rules.js';
import type { Subject } from './subjects.js';
import type { Evidence, SubjectAnalysis, Verdict, VerifyReport } from './types.js';

/** The entries of an expectations file that name one subject. */
export interface ExpectedHere {
  path: string;
  entries: ExpectationEntry[];
}

/** Names a pattern may mean: what targets are called, and the cgroup. */
export function namesOf({ key, name, container, cgroup, unit }: Subject): string[] {
  const names = [key, name, ...(container?.names ?? []), ...(container === null ? [] : [container.id])];
  if (unit !== null) names.push(unit);
  if (cgroup !== null) names.push(`cgroup:${cgroup}`);
  return names;
}

/** What a file expects of a subject; null if it says nothing about it. */
export function expectedHere(expectations: Expectations | undefined, subject: Subject): ExpectedHere | null {
  if (expectations === undefined) return null;
  const names = namesOf(subject);
  const entries = expectations.entries.filter(({ pattern }) => names.some((name) => matchesPattern(pattern, name)));
  return entries.length === 0 ? null : { path: expectations.path, entries };
}

/** What was expected and is not there to be compared: a test that tests nothing must not pass. */
export function unmetExpectations(
  expectations: Expectations | undefined,
  analyses: readonly SubjectAnalysis[],
): VerifyReport['problems'] {
  return (expectations?.entries ?? []).flatMap((entry) => {
    const { pattern } = entry;
    const named = analyses.filter(({ subject }) => namesOf(subject).some((name) => matchesPattern(pattern, name)));
    const problem = (message: string): VerifyReport['problems'] => [{ subject: pattern, message, code: null }];
    if (named.length === 0) return isPattern(pattern) ? [] : problem('expected, and there is none of this name');
    return named
      .filter(({ enforced }) => enforced.status === 'none')
      .flatMap(({ subject }) => problem(`not running, so it could not be compared: ${subject.name}`));
  });
}

/** Requests that an expectation wants otherwise than the kernel answers them. */
export function unexpected(input: CheckInput, want: 'required' | 'forbidden'): Evidence[] {
  const { expected, analysis } = input;
  const { enforced } = analysis;
  if (expected === null || enforced.status !== 'known') return [];
  const { allowed, denied } = enforced.policy;
  const policy = expectedPolicy(allowed.space, expected.entries);
  const all = want === 'required' ? policy.required.intersect(denied) : policy.forbidden.intersect(allowed);
  const region = all.subtract(all.space.neverAsked);
  if (region.isEmpty()) return [];
  const verdicts: [Verdict, Verdict] = want === 'required' ? ['deny', 'allow'] : ['allow', 'deny'];
  const other = asPolicy(policy, expected.entries);
  return [
    {
      ...regionRules(region),
      witness: replayedWitness(region, enforced, other, verdicts, nodesOf(analysis)),
      sources: [expected.path],
    },
  ];
}

function asPolicy({ required, forbidden }: ExpectedPolicy, entries: readonly ExpectationEntry[]): Known {
  const open: DeviceSet = required.space.everything.subtract(required).subtract(forbidden);
  const decide: Known['decide'] = (request) => decideExpected(entries, request) ?? 'undecided';
  return {
    status: 'known',
    policy: { allowed: required, denied: forbidden, undecided: [{ region: open, reason: 'not expected either way' }] },
    decide,
    replay: (request, verdict) => judge(decide(request), verdict),
  };
}
