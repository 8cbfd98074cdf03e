import { missingByLevel } from '../attribution.js';
import type { Check } from './check.js';

/** Intended, allowed by every program of the container's own level, and denied above it. */
export const DP103: Check = {
  code: 'DP103',
  severity: 'error',
  run: (input) =>
    missingByLevel(input)
      .filter((each) => each.where === 'above')
      .map((each) => each.evidence),
};
