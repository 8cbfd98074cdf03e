import type { Evidence, PolicyDifference } from '../types.js';
import type { DeviceSet } from '../../policy/device-set.js';
import { lossCause } from '../causes/index.js';
import type { Cause } from '../causes/types.js';
import type { CheckInput } from './check.js';

/** Why a region is lost, as evidence; nothing where there is nothing to explain. */
export function causeEvidence(input: CheckInput, region: DeviceSet): Pick<Evidence, 'cause'> {
  return evidenceOf(lossCause(input, region));
}

export function evidenceOf(cause: Cause | null): Pick<Evidence, 'cause'> {
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
