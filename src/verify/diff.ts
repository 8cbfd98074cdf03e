import type { PolicyPartition } from '../intent/types.js';
import type { DeviceRequest } from '../policy/types.js';
import { pickWitness } from '../policy/witness.js';
import { nodesOf, type Known } from './compare.js';
import { InternalError } from '../errors.js';
import { regionRules, type RegionRules } from './region-rules.js';
import type { Subject } from './subjects.js';
import type { PolicyChoice, SubjectAnalysis } from './types.js';

/** One side of a comparison. */
export interface DiffSide {
  subject: Subject;
  /** Which of its policies is meant: what is enforced, or for a mere record what was intended. */
  policy: PolicyChoice;
}

/** How the policies of two subjects differ. */
export interface SubjectDiff {
  left: DiffSide;
  right: DiffSide;
  /** null: no such difference. */
  onlyLeft: (RegionRules & { witness: DeviceRequest }) | null;
  onlyRight: (RegionRules & { witness: DeviceRequest }) | null;
  undecided: (RegionRules & { side: 'left' | 'right'; reason: string })[];
}

/**
 * Compares two subjects whose analyses share their diagrams (`Run.beside`). Each difference has a witness that both concrete deciders confirmed.
 * @returns null where a policy of either side is not known
 */
export function diffSubjects(left: SubjectAnalysis, right: SubjectAnalysis): SubjectDiff | null {
  const [a, b] = [known(left), known(right)];
  if (a === null || b === null) return null;
  const only = (mine: Known, other: Known, analysis: SubjectAnalysis): SubjectDiff['onlyLeft'] => {
    const { space } = mine.policy.allowed;
    const region = mine.policy.allowed.intersect(other.policy.denied).subtract(space.neverAsked);
    const witness = pickWitness(region, nodesOf(analysis));
    if (witness === null) return null;
    if (mine.replay(witness, 'allow') === 'contradicted' || other.replay(witness, 'deny') === 'contradicted') {
      throw new InternalError('evaluator and interpreter disagree about a difference');
    }
    return { ...regionRules(region), witness };
  };
  const open = (side: 'left' | 'right', { undecided }: PolicyPartition): SubjectDiff['undecided'] =>
    undecided
      .filter(({ region }) => !region.isEmpty())
      .map(({ region, reason }) => ({ side, reason, ...regionRules(region) }));
  return {
    left: { subject: left.subject, policy: a.choice },
    right: { subject: right.subject, policy: b.choice },
    onlyLeft: only(a.examined, b.examined, left),
    onlyRight: only(b.examined, a.examined, right),
    undecided: [...open('left', a.examined.policy), ...open('right', b.examined.policy)],
  };
}

function known({ enforced, intended }: SubjectAnalysis): { examined: Known; choice: PolicyChoice } | null {
  if (enforced.status === 'known') return { examined: enforced, choice: 'enforced' };
  return intended.status === 'known' ? { examined: intended, choice: 'intended' } : null;
}
