import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** systemd itself asks for the reload that may set a land mine off. */
export const DP304: Check = { code: 'DP304', severity: 'note', run };

function run({ snapshot, analysis: { subject } }: CheckInput): Evidence[] {
  return snapshot.units
    .filter((unit) => unit.name === subject.unit && unit.nestedIn === (subject.container?.nestedIn ?? null))
    .filter((unit) => unit.shown?.['NeedDaemonReload']?.includes('yes') === true)
    .map((unit) => ({ rules: [], witness: null, unit: unit.name }));
}
