import { missingByLevel } from '../attribution.js';
import { causeEvidence } from './pending-events.js';
import type { Check } from './check.js';

/** Intended, allowed by a program of the container's own level, and denied by another one there. */
export const DP102: Check = {
  code: 'DP102',
  severity: 'error',
  run: (input) =>
    missingByLevel(input)
      .filter((each) => each.where === 'beside')
      .map((each) => ({ ...each.evidence, ...causeEvidence(input) })),
};
