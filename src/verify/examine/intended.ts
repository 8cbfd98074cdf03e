import { decideIntended } from '../../intent/decide.js';
import { intendedOf, intendedOfUnit, type Intention } from '../../intent/intended.js';
import type { IntendedPolicy } from '../../intent/types.js';
import type { DeviceSet } from '../../policy/device-set.js';
import type { DeviceRequest } from '../../policy/types.js';
import type { ProgramView } from '../programs.js';
import type { Subject } from '../subjects.js';
import type { Examined, Verdict } from '../types.js';
import { judge } from './concrete.js';
import { isAsked } from './enforced.js';
import { atCallSites } from './partitions.js';
import { isOwnLevel } from './programs.js';
import type { Workshop } from './workshop.js';

/** What the runtime, or systemd for a plain unit, meant the subject to have. */
export function intendedPolicy(
  workshop: Workshop,
  subject: Subject,
  programs: readonly ProgramView[],
): Examined<IntendedPolicy> {
  const intention = intentionOf(workshop, subject, programs);
  switch (intention.kind) {
    case 'none':
      return { status: 'none', reason: 'there is no record of what was intended' };
    case 'unreadable':
      return { status: 'unread', reason: `${intention.source.path}: ${intention.source.failed}` };
    case 'policy': {
      const policy = atCallSites(workshop, intention.policy);
      const decide = (request: DeviceRequest): Verdict =>
        isAsked(workshop, request) ? decideIntended(intention.policy, request) : 'allow';
      return { status: 'known', policy, decide, replay: (request, verdict) => judge(decide(request), verdict) };
    }
  }
}

function intentionOf({ snapshot, space }: Workshop, subject: Subject, programs: readonly ProgramView[]): Intention {
  // What single programs of the subject's own levels allow helps to tell which version of a runtime wrote them, where no record says.
  const observed = programs.flatMap(({ alone, attachedAt }): DeviceSet[] =>
    alone !== null &&
    alone.undecided.length === 0 &&
    attachedAt !== null &&
    isOwnLevel({ snapshot }, subject, attachedAt)
      ? [alone.allowed]
      : [],
  );
  if (subject.container !== null) return intendedOf(space, snapshot, subject.container, observed);
  const unit = snapshot.units.find(({ cgroup }) => cgroup !== null && cgroup === subject.cgroup);
  return unit === undefined ? { kind: 'none' } : intendedOfUnit(space, snapshot, unit, observed);
}
