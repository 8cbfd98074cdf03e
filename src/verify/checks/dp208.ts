import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';
import { isRootless, nothingRestricts } from './dp201.js';

/**
 * A rootless container: no program enforces its list. Nothing is open that was shut: its processes have the user's own rights on device nodes, and
 * a user namespace without privilege may make no node (mknod(2)).
 */
export const DP208: Check = { code: 'DP208', severity: 'note', run };

/** Is it a rootless container whose list nothing enforces? */
export function isUnenforcedRootless(input: Pick<CheckInput, 'analysis'>): boolean {
  const { intended } = input.analysis;
  return intended.status === 'known' && nothingRestricts(input) && isRootless(intended.policy);
}

function run(input: CheckInput): Evidence[] {
  const { intended } = input.analysis;
  if (intended.status !== 'known' || !isUnenforcedRootless(input)) return [];
  return [{ rules: [], witness: null, sources: [intended.policy.source.path] }];
}
