import { InternalError } from '../errors.js';
import { formatRequest } from '../policy/rule-text.js';
import type { DeviceSet } from '../policy/device-set.js';
import type { DeviceRequest } from '../policy/types.js';
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

/** How the enforced policy of a subject differs from the others, and where that cannot be said. Empty lists: they are equal. */
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
  if (enforced.status !== 'known') {
    for (const against of ['afterReload', 'afterApply'] as const) addUnseenLoss(result, analysis, against);
    return result;
  }
  for (const { region, reason } of enforced.policy.undecided) {
    if (!region.isEmpty()) result.undecided.push({ against: 'enforced', reason, region });
  }
  const known = nodesOf(analysis);
  comparePair(result, enforced, analysis.intended, 'intended', ['missing', 'excess'], known);
  comparePair(result, enforced, analysis.afterReload, 'afterReload', ['pendingGain', 'pendingLoss'], known);
  comparePair(result, enforced, analysis.afterApply, 'afterApply', ['pendingGain', 'pendingLoss'], known);
  return result;
}

/**
 * Where the kernel could not be asked (inside a container bpf(2) is refused): what was intended and systemd's list will deny is lost whatever is attached now,
 * if it is not lost already.
 */
function addUnseenLoss(result: Comparison, analysis: SubjectAnalysis, against: 'afterReload' | 'afterApply'): void {
  const { intended } = analysis;
  const pending = analysis[against];
  if (intended.status !== 'known' || pending.status !== 'known') return;
  const { allowed } = intended.policy;
  const region = allowed.intersect(pending.policy.denied).subtract(allowed.space.neverAsked);
  if (region.isEmpty()) return;
  const witness = replayedWitness(region, intended, pending, ['allow', 'deny'], nodesOf(analysis));
  result.differences.push({
    kind: 'pendingLoss',
    against,
    region,
    witness: witness === null ? null : { ...witness, enforced: 'undecided' },
  });
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

/**
 * One request of a region on which the enforced policy and another are known to differ, confirmed by concrete runs of both; null where such a run comes to no
 * verdict.
 * @throws InternalError when a run contradicts the diagrams: an interpreter that shares only the decoder with the evaluator must say the same, or nothing is said
 * at all
 */
export function replayedWitness(
  region: DeviceSet,
  enforced: Known,
  other: Known,
  [enforcedVerdict, otherVerdict]: [Verdict, Verdict],
  known: readonly PlausibleDevice[],
): Witness | null {
  const request = pickWitness(region, known);
  if (request === null) throw new InternalError('a difference that is not empty has no witness');
  const confirmed = [
    isConfirmed('the enforced policy', enforced, request, enforcedVerdict),
    isConfirmed('the policy it is compared with', other, request, otherVerdict),
  ];
  return confirmed.every(Boolean) ? { request, enforced: enforcedVerdict, other: otherVerdict } : null;
}

function isConfirmed(what: string, examined: Known, request: DeviceRequest, symbolic: Verdict): boolean {
  const replay = examined.replay(request, symbolic);
  if (replay !== 'contradicted') return replay === 'confirmed';
  throw new InternalError(
    `evaluator and interpreter disagree about ${what} on ${formatRequest(request)}: the evaluator says ${symbolic}, the interpreter ${examined.decide(request)}`,
  );
}

/** Device nodes the container has make the most telling witnesses, /dev/null before all others. */
export function nodesOf(analysis: SubjectAnalysis): PlausibleDevice[] {
  const nodes = analysis.subject.container?.nodes ?? [];
  const telling = [...nodes].sort((a, b) => Number(b.path === '/dev/null') - Number(a.path === '/dev/null'));
  return telling.flatMap(({ type, major, minor }) => (type === null ? [] : [{ type, major, minor }]));
}
