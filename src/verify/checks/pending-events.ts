import type { Evidence, PolicyDifference } from '../types.js';
import type { CheckInput } from './check.js';

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
    events: [...new Set(policies.map((policy) => policy.event))],
    sources: [...new Set(policies.flatMap((policy) => policy.sources))].sort(),
    ...(unit === undefined ? {} : { unit }),
  };
}
