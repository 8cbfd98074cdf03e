import { missingByLevel, takenFromHooks } from '../attribution.js';
import { causeEvidence } from './pending-events.js';
import type { Check } from './check.js';

/** Intended, or put into the container's own program by a hook, allowed there, and denied by another program of the container's own levels. */
export const DP102: Check = {
  code: 'DP102',
  severity: 'error',
  run: (input) =>
    [...missingByLevel(input).filter(({ where }) => where === 'beside'), ...takenFromHooks(input)].map(
      ({ evidence, region }) => ({ ...evidence, ...causeEvidence(input, region) }),
    ),
};
