import { lostRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import { differencesOf, type Check, type CheckInput } from './check.js';
import { causeEvidence, pendingEvents } from './pending-events.js';

/** The land mine: systemd's next event takes away what the kernel allows now, whether it was intended or not. */
export const DP101: Check = { code: 'DP101', severity: 'error', run };

function run(input: CheckInput): Evidence[] {
  const losses = differencesOf(input, 'pendingLoss');
  const [first] = losses;
  if (first === undefined) return [];
  // After a reload and after a set-property usually the same is lost: one finding, with both events.
  const region = first.region.space.unionAll(losses.map((each) => each.region));
  return [
    {
      ...lostRules(region, input.names),
      witness: first.witness,
      ...pendingEvents(input, losses),
      ...causeEvidence(input, region),
      ...urgency(input),
    },
  ];
}

/** systemd itself asks for the reload: package managers and automation run it for that reason. */
function urgency({ analysis: { afterReload } }: CheckInput): Pick<Evidence, 'needDaemonReload'> {
  return afterReload.status === 'known' && afterReload.policy.needDaemonReload === true
    ? { needDaemonReload: true }
    : {};
}
