import { regionRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** A denial of single letters in the recorded list does not stop requests that carry another letter too. */
export const DP207: Check = { code: 'DP207', severity: 'warning', run };

function run({ analysis: { intended } }: CheckInput): Evidence[] {
  if (intended.status !== 'known') return [];
  const holes = intended.policy.warnings.filter((each) => each.code === 'deny-hole');
  return holes.map(({ about, region }) => ({
    ...(region === null ? { rules: [] } : regionRules(region)),
    witness: null,
    reasons: [about],
  }));
}
