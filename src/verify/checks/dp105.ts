import { missingByLevel } from '../attribution.js';
import type { Check } from './check.js';

/** Intended, and denied by every program of the container's own level. */
export const DP105: Check = {
  code: 'DP105',
  severity: 'error',
  run: (input) =>
    missingByLevel(input)
      .filter((each) => each.where === 'own')
      .map((each) => each.evidence),
};
