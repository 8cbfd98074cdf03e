import { hookCause } from '../causes/hook.js';
import { replacedCause } from '../causes/replaced.js';
import { lostRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import { differencesOf, type Check, type CheckInput } from './check.js';
import { evidenceOf } from './pending-events.js';

/** Allowed to a container now, in no configuration, and gone after the next event: what a hook put into the program behind everybody's back. */
export const DP104: Check = { code: 'DP104', severity: 'warning', run };

function run(input: CheckInput): Evidence[] {
  if (input.analysis.subject.container === null) return [];
  const [excess] = differencesOf(input, 'excess');
  const [loss] = differencesOf(input, 'pendingLoss');
  if (excess === undefined || loss === undefined) return [];
  const region = excess.region.intersect(loss.region);
  return region.isEmpty()
    ? []
    : [
        {
          ...lostRules(region, input.names),
          witness: null,
          ...evidenceOf(hookCause(input, region) ?? replacedCause(input)),
        },
      ];
}
