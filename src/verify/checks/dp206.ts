import { pinCause } from '../causes/pin.js';
import { staleUnitCause } from '../causes/unit.js';
import { regionRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import { differencesOf, type Check, type CheckInput } from './check.js';
import { evidenceOf, pendingEvents } from './pending-events.js';

/** systemd's next event allows what is denied now. */
export const DP206: Check = { code: 'DP206', severity: 'error', run };

function run(input: CheckInput): Evidence[] {
  const gains = differencesOf(input, 'pendingGain');
  const [first] = gains;
  if (first === undefined) return [];
  const region = first.region.space.unionAll(gains.map((each) => each.region));
  return [
    {
      ...regionRules(region),
      witness: first.witness,
      ...pendingEvents(input, gains),
      ...evidenceOf(pinCause(input) ?? staleUnitCause(input)),
    },
  ];
}
