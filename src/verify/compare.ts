import { InternalError } from '../errors.js';
import { formatRequest } from '../policy/rule-text.js';
import type { DeviceSet } from '../policy/device-set.js';
import { pickWitness, type PlausibleDevice } from '../policy/witness.js';
import type {
  DifferenceKind,
  Examined,
  PolicyDifference,
  SubjectAnalysis,
  UndecidedComparison,
  Verdict,
  Witness,
} from './types.js';

export interface Comparison {
  differences: PolicyDifference[];
  undecided: UndecidedComparison[];
}

/**
 * Compares what is enforced with what was intended and with what systemd would leave. Regions are exact; each has a witness that both concrete
 * deciders confirmed.
 * @throws InternalError when a decider disagrees with the diagrams.
 */
export function compare(analysis: SubjectAnalysis): Comparison {
  const result: Comparison = { differences: [], undecided: [] };
  const { enforced } = analysis;
  if (enforced.status !== 'known') return result;
  for (const { region, reason } of enforced.policy.undecided) {
    if (!region.isEmpty()) result.undecided.push({ against: 'enforced', reason, region });
  }
  const known = nodesOf(analysis);
  comparePair(result, enforced, analysis.intended, 'intended', ['missing', 'excess'], known);
  comparePair(result, enforced, analysis.afterReload, 'afterReload', ['pendingGain', 'pendingLoss'], known);
  comparePair(result, enforced, analysis.afterApply, 'afterApply', ['pendingGain', 'pendingLoss'], known);
  return result;
}

export type Known = Extract<Examined, { status: 'known' }>;

function comparePair(
  result: Comparison,
  enforced: Known,
  other: Examined,
  against: PolicyDifference['against'],
  [onlyOther, onlyEnforced]: [DifferenceKind, DifferenceKind],
  known: readonly PlausibleDevice[],
): void {
  if (other.status !== 'known') return;
  addDifference(
    result,
    onlyOther,
    against,
    other.policy.allowed.intersect(enforced.policy.denied),
    enforced,
    other,
    known,
  );
  addDifference(
    result,
    onlyEnforced,
    against,
    enforced.policy.allowed.intersect(other.policy.denied),
    enforced,
    other,
    known,
  );
  for (const { region, reason } of other.policy.undecided) {
    // Where the kernel's answer is open too, that has been said already.
    const decided = region.intersect(enforced.policy.allowed.union(enforced.policy.denied));
    if (!decided.isEmpty()) result.undecided.push({ against, reason, region: decided });
  }
}

function addDifference(
  result: Comparison,
  kind: DifferenceKind,
  against: PolicyDifference['against'],
  all: DeviceSet,
  enforced: Known,
  other: Known,
  known: readonly PlausibleDevice[],
): void {
  const region = all.subtract(all.space.neverAsked);
  if (region.isEmpty()) return;
  const verdicts: [Verdict, Verdict] =
    kind === 'missing' || kind === 'pendingGain' ? ['deny', 'allow'] : ['allow', 'deny'];
  result.differences.push({
    kind,
    against,
    region,
    witness: replayedWitness(region, enforced, other, verdicts, known),
  });
}

/** One request of a region on which the enforced policy and another are known to differ, confirmed by both concrete deciders. */
export function replayedWitness(
  region: DeviceSet,
  enforced: Known,
  other: Known,
  [enforcedVerdict, otherVerdict]: [Verdict, Verdict],
  known: readonly PlausibleDevice[],
): Witness {
  const request = pickWitness(region, known);
  if (request === null) throw new InternalError('a difference that is not empty has no witness');
  confirm('the enforced policy', enforced.decide(request), enforcedVerdict, formatRequest(request));
  confirm('the policy it is compared with', other.decide(request), otherVerdict, formatRequest(request));
  return { request, enforced: enforcedVerdict, other: otherVerdict };
}

/** The second opinion: an interpreter that shares only the decoder with the evaluator must say the same, or nothing is said at all. */
function confirm(what: string, concrete: Verdict, symbolic: Verdict, request: string): void {
  if (concrete === symbolic) return;
  throw new InternalError(
    `evaluator and interpreter disagree about ${what} on ${request}: the evaluator says ${symbolic}, the interpreter ${concrete}`,
  );
}

/** Device nodes the container has make the most telling witnesses. */
export function nodesOf(analysis: SubjectAnalysis): PlausibleDevice[] {
  return (analysis.subject.container?.nodes ?? []).flatMap(({ type, major, minor }) =>
    type === null ? [] : [{ type, major, minor }],
  );
}
