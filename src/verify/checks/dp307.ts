import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** BPF_F_ALLOW_OVERRIDE, include/uapi/linux/bpf.h; 0 is "none". */
const OVERRIDE = 1;

/** Attached with NONE or OVERRIDE: any local user who can open the cgroup directory may detach it. */
export const DP307: Check = { code: 'DP307', severity: 'note', run };

function run({ analysis: { programs } }: CheckInput): Evidence[] {
  const exposed = programs.filter((each) => each.attachFlags === 0 || each.attachFlags === OVERRIDE);
  return exposed.map((each) => ({
    rules: [],
    witness: null,
    programs: [each.id],
    ...(each.attachedAt === null ? {} : { cgroup: each.attachedAt }),
  }));
}
