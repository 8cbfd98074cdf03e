import type { Evidence } from '../types.js';
import { unitLines } from '../unit-lines.js';
import type { Check, CheckInput } from './check.js';

/** `char-NAME` or `block-NAME` of the unit, and no driver of that name in /proc/devices: the line allows nothing when it is applied. */
export const DP107: Check = { code: 'DP107', severity: 'note', run };

function run({ snapshot, analysis: { subject } }: CheckInput): Evidence[] {
  const dead = unitLines(snapshot, subject).filter(({ state }) => state === 'unmatched');
  const [first] = dead;
  if (first === undefined) return [];
  const lines = dead.map(({ text }) => text).sort();
  return [{ rules: [], witness: null, unit: first.unit, sources: lines }];
}
