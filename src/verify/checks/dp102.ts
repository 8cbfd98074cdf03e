import { missingByLevel, takenFromHooks } from '../attribution.js';
import { causeEvidence } from './pending-events.js';
import type { Evidence } from '../types.js';
import type { Check } from './check.js';

/** Intended, or put into the container's own program by a hook, allowed there, and denied by another program of the container's own levels. */
export const DP102: Check = {
  code: 'DP102',
  severity: 'error',
  run: (input) =>
    [...missingByLevel(input).filter(({ where }) => where === 'beside'), ...takenFromHooks(input)].map(
      ({ evidence, region }) => ({ ...evidence, ...withStart(evidence, causeEvidence(input, region)) }),
    ),
};

/**
 * runc since 1.0.0 attaches its program in the place of systemd's. Builds of 1.2.0 to 1.5.1 with cilium/ebpf 0.13 to 0.21 do not: the library lost the flag
 * BPF_F_REPLACE (mended in cilium/ebpf 0.22.0), and runc takes nothing away since it believes it did. Nor did runc before 1.0.0.
 */
function withStart({ denying = [] }: Evidence, found: Pick<Evidence, 'cause'>): Pick<Evidence, 'cause'> {
  const { cause } = found;
  if (cause?.kind !== 'runtime-list' || cause.runtime !== 'runc') return found;
  const first = denying.find(({ author, sinceStart }) => sinceStart === true && author === 'systemd');
  if (first === undefined) return found;
  const fact = `systemd's program ${String(first.id)} stands before runc's own: this runc leaves it in place (before 1.0.0, and 1.2 to 1.5 with cilium/ebpf 0.13 to 0.21)`;
  return { cause: { ...cause, evidence: [...cause.evidence, fact] } };
}
