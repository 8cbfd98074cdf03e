import { regionRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';
import { withAccesses } from './access-pattern.js';

/** Opening is allowed, asking for existence (F_OK) is not. */
export const DP110: Check = { code: 'DP110', severity: 'note', run };

function run({ analysis: { enforced } }: CheckInput): Evidence[] {
  if (enforced.status !== 'known') return [];
  const region = withAccesses(enforced.policy.allowed, ['rw'], '-');
  return region.isEmpty() ? [] : [{ ...regionRules(region), witness: null }];
}
