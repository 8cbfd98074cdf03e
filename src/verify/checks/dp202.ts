import { namedCause } from '../causes/index.js';
import { regionRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import { differencesOf, type Check, type CheckInput } from './check.js';
import { nothingRestricts } from './dp201.js';
import { evidenceOf } from './pending-events.js';

/** More is allowed than was intended. Where nothing restricts at all DP201 or DP208 says it. */
export const DP202: Check = { code: 'DP202', severity: 'warning', run };

function run(input: CheckInput): Evidence[] {
  const [excess] = differencesOf(input, 'excess');
  if (excess === undefined || nothingRestricts(input)) return [];
  const cause = namedCause(input, excess.region);
  return [{ ...regionRules(excess.region), witness: excess.witness, ...evidenceOf(cause) }];
}
