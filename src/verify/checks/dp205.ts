import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** A hybrid host: the devices controller of cgroup v1 decides about this container too. */
export const DP205: Check = { code: 'DP205', severity: 'note', run };

function run({ snapshot, analysis: { subject } }: CheckInput): Evidence[] {
  if (snapshot.host.cgroupLayout !== 'hybrid' || subject.container === null) return [];
  const sources = snapshot.host.v1Devices.map(({ path }) => path);
  return sources.length === 0 ? [] : [{ rules: [], witness: null, sources }];
}
