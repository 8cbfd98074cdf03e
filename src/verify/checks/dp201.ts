import { isOfInnerManager } from '../../effective/pending-manager.js';
import type { IntendedPolicy } from '../../intent/types.js';
import { pinCause } from '../causes/pin.js';
import type { Subject } from '../subjects.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';
import { evidenceOf } from './pending-events.js';

/** Fail-open: the intent restricts, and no program applies. Rootless containers are DP208's. */
export const DP201: Check = { code: 'DP201', severity: 'error', run };

/** The intent restricts, and nothing does: no program, nor a v1 devices controller beside it. */
export function nothingRestricts({
  analysis: { enforced, intended, programs },
}: Pick<CheckInput, 'analysis'>): boolean {
  if (enforced.status !== 'known' || intended.status !== 'known') return false;
  return programs.length === 0 && intended.policy.restricts && enforced.policy.denied.isEmpty();
}

/** True if the runtime itself ran as a user without the privilege to attach programs. */
export function isRootless({ attachesReason }: IntendedPolicy): boolean {
  return attachesReason === 'crun:rootless' || attachesReason === 'runc:rootless';
}

function run(input: CheckInput): Evidence[] {
  const { intended } = input.analysis;
  if (intended.status !== 'known' || !nothingRestricts(input) || isRootless(intended.policy)) return [];
  const { source } = intended.policy;
  const reasons = reasonsOf(input.analysis.subject, intended.policy);
  return [
    {
      rules: [],
      witness: null,
      sources: [source.path],
      ...(reasons.length === 0 ? {} : { reasons }),
      ...evidenceOf(pinCause(input)),
    },
  ];
}

/** Why nothing is attached, as far as it is known: the runtime's way with such a list, the keys it ignored, the manager that has the unit. */
function reasonsOf({ container, cgroup, unit }: Subject, { attachesReason, warnings }: IntendedPolicy): string[] {
  const ignored = warnings.filter(({ code }) => code === 'wrong-cgroup-version').map(({ about }) => about);
  if (attachesReason !== null) return [attachesReason, ...ignored];
  if (container !== null || cgroup === null || unit === null) return [];
  return [isOfInnerManager(cgroup) ? 'systemd:user-manager' : 'systemd:not-applied'];
}
