import { missingByLevel } from '../attribution.js';
import { replacedCause } from '../causes/replaced.js';
import { staleUnitCause } from '../causes/unit.js';
import type { Check } from './check.js';
import { evidenceOf } from './pending-events.js';

/** Intended, and denied by every program of the container's own level. */
export const DP105: Check = {
  code: 'DP105',
  severity: 'error',
  run: (input) =>
    missingByLevel(input)
      .filter((each) => each.where === 'own')
      .map(({ evidence }) => ({ ...evidence, ...evidenceOf(replacedCause(input) ?? staleUnitCause(input)) })),
};
