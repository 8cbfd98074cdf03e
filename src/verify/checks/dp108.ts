import type { Evidence } from '../types.js';
import { unitLines } from '../unit-lines.js';
import type { Check, CheckInput } from './check.js';

/** A path in DeviceAllow= of the unit that is no device node on the host: the line allows nothing when it is applied. */
export const DP108: Check = { code: 'DP108', severity: 'note', run };

function run({ snapshot, analysis: { subject } }: CheckInput): Evidence[] {
  const dead = unitLines(snapshot, subject).filter(({ state }) => state === 'missing');
  const [first] = dead;
  if (first === undefined) return [];
  const lines = dead.map(({ text }) => text).sort();
  return [{ rules: [], witness: null, unit: first.unit, sources: lines }];
}
