import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** There is a record of what was meant, or of what systemd would do, and it could not be read. */
export const DP306: Check = { code: 'DP306', severity: 'unknown', run };

function run({ analysis }: CheckInput): Evidence[] {
  const policies = ['intended', 'afterReload', 'afterApply'] as const;
  return policies.flatMap((policy): Evidence[] => {
    const examined = analysis[policy];
    return examined.status === 'unread' ? [{ rules: [], witness: null, policy, reasons: [examined.reason] }] : [];
  });
}
