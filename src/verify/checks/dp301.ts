import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** The list of programs, or a program in it, could not be read. */
export const DP301: Check = { code: 'DP301', severity: 'unknown', run };

function run({ analysis: { enforced, programs } }: CheckInput): Evidence[] {
  const unreadable = programs.filter((each) => each.problem !== null);
  if (enforced.status === 'unread')
    return [{ rules: [], witness: null, programs: unreadable.map(({ id }) => id), reasons: [enforced.reason] }];
  if (unreadable.length === 0) return [];
  const reasons = [...new Set(unreadable.map((each) => each.problem ?? ''))].sort();
  return [{ rules: [], witness: null, programs: unreadable.map(({ id }) => id), reasons }];
}
