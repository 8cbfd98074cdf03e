import { pinCause } from '../causes/pin.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';
import { evidenceOf } from './pending-events.js';

/** Fail-open: the intent restricts, and no program applies. */
export const DP201: Check = { code: 'DP201', severity: 'error', run };

function run(input: CheckInput): Evidence[] {
  const { enforced, intended, programs } = input.analysis;
  if (enforced.status !== 'known' || intended.status !== 'known') return [];
  // A v1 devices controller beside it may still restrict: then not everything is allowed.
  if (programs.length > 0 || !intended.policy.restricts || !enforced.policy.denied.isEmpty()) return [];
  const { attachesReason, source } = intended.policy;
  return [
    {
      rules: [],
      witness: null,
      sources: [source.path],
      ...(attachesReason === null ? {} : { reasons: [attachesReason] }),
      ...evidenceOf(pinCause(input)),
    },
  ];
}
