import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** Every device is allowed, and meant to be. */
export const DP203: Check = { code: 'DP203', severity: 'note', run };

function run({ analysis: { enforced, intended } }: CheckInput): Evidence[] {
  if (enforced.status !== 'known' || intended.status !== 'known') return [];
  const open = !intended.policy.restricts && enforced.policy.denied.isEmpty() && enforced.policy.undecided.length === 0;
  return open ? [{ rules: [], witness: null, sources: [intended.policy.source.path] }] : [];
}
