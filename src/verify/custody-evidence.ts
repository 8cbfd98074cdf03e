import { responsibleChanges, type HopName } from '../intent/custody-chain.js';
import type { DeviceRule } from '../policy/types.js';
import type { CheckInput } from './checks/check.js';
import { custodyOf, type Custody } from './custody.js';
import { regionRules } from './region-rules.js';
import type { Finding } from './types.js';

/** Where on the way from the request to the kernel requests of a finding were lost or added: between which two stations. */
export interface CustodyStep {
  what: 'lost' | 'added';
  from: { station: HopName; source: string };
  to: { station: HopName; source: string };
  rules: DeviceRule[];
  /** A bounded summary of what no list of ranges describes; absent where `rules` say everything. */
  remainder?: string[];
}

/** The station at which a finding's requests are denied or allowed, and which of the two it is. */
const LAST_STATION: ReadonlyMap<string, { station: HopName; what: 'lost' | 'added' }> = new Map([
  ['DP101', { station: 'systemd', what: 'lost' }],
  ['DP102', { station: 'kernel', what: 'lost' }],
  ['DP103', { station: 'kernel', what: 'lost' }],
  ['DP104', { station: 'kernel', what: 'added' }],
  ['DP105', { station: 'kernel', what: 'lost' }],
  ['DP202', { station: 'kernel', what: 'added' }],
  ['DP204', { station: 'runtime', what: 'lost' }],
]);

/** Names the responsible station in the evidence of every finding about a lost or added device. */
export function withCustody(findings: readonly Finding[], input: CheckInput): Finding[] {
  let custody: Custody | null = null;
  return findings.map((finding) => {
    const last = LAST_STATION.get(finding.code);
    if (last === undefined || finding.evidence.rules.length === 0) return finding;
    custody ??= custodyOf(input.snapshot, input.analysis);
    const steps = stepsOf(custody, finding.evidence.rules, last);
    return steps.length === 0 ? finding : { ...finding, evidence: { ...finding.evidence, custody: steps } };
  });
}

function stepsOf(
  { hops, changes }: Custody,
  rules: readonly DeviceRule[],
  { station, what }: { station: HopName; what: 'lost' | 'added' },
): CustodyStep[] {
  const index = hops.findIndex(({ name }) => name === station);
  const space = hops[0]?.policy.allowed.space;
  if (index < 0 || space === undefined) return [];
  // What nobody is asked about belongs to rules for the reader's sake only.
  const region = space.forRules(rules).subtract(space.neverAsked);
  return responsibleChanges(changes.slice(0, index), region, what).map(({ change, region: part }) => ({
    what,
    from: { station: change.from.name, source: change.from.source },
    to: { station: change.to.name, source: change.to.source },
    ...regionRules(part),
  }));
}
