import type { Evidence, PolicyDifference } from '../types.js';
import { causeOf } from '../cause.js';
import type { CheckInput } from './check.js';

/** Why systemd's list is shorter, as evidence; nothing where there is nothing to explain. */
export function causeEvidence({ snapshot, analysis }: CheckInput): Pick<Evidence, 'cause'> {
  const cause = causeOf(snapshot, analysis.subject);
  return cause === null ? {} : { cause };
}

/** The events behind pending differences, and the unit and files they come from. */
export function pendingEvents(
  input: CheckInput,
  differences: readonly PolicyDifference[],
): Pick<Evidence, 'events' | 'unit' | 'sources'> {
  const policies = differences.flatMap(({ against }) => {
    const examined = against === 'intended' ? null : input.analysis[against];
    return examined?.status === 'known' ? [examined.policy] : [];
  });
  const unit = policies[0]?.unit;
  return {
    events: [...new Map(policies.map(({ event }) => [event.kind, event])).values()],
    sources: [...new Set(policies.flatMap((policy) => policy.sources))].sort(),
    ...(unit === undefined ? {} : { unit }),
  };
}
