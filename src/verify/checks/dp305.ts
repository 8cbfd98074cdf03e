import { regionRules } from '../region-rules.js';
import type { Check } from './check.js';

/** Requests for which an answer, or a comparison, is open. */
export const DP305: Check = {
  code: 'DP305',
  severity: 'unknown',
  run: ({ comparison }) =>
    comparison.undecided
      .filter(({ region }) => !region.subtract(region.space.neverAsked).isEmpty())
      .map(({ against, reason, region }) => ({
        ...regionRules(region),
        witness: null,
        policy: against,
        reasons: [reason],
      })),
};
