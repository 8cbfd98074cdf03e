import { regionRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';
import { withAccesses } from './access-pattern.js';

/** Reading and writing are allowed, opening for both is not. */
export const DP109: Check = { code: 'DP109', severity: 'warning', run };

function run({ analysis: { enforced } }: CheckInput): Evidence[] {
  if (enforced.status !== 'known') return [];
  const region = withAccesses(enforced.policy.allowed, ['r', 'w'], 'rw');
  return region.isEmpty() ? [] : [{ ...regionRules(region), witness: null }];
}
