import { missingByLevel } from '../attribution.js';
import { unitListCause } from '../causes/unit.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';
import { evidenceOf } from './pending-events.js';

/** Intended, allowed by every program of the container's own level, and denied above it. */
export const DP103: Check = {
  code: 'DP103',
  severity: 'error',
  run: (input) =>
    missingByLevel(input)
      .filter((each) => each.where === 'above')
      .map(({ evidence }) => ({ ...evidence, ...causeOfLevel(input, evidence) })),
};

function causeOfLevel(input: CheckInput, { cgroup, programs = [] }: Evidence): Pick<Evidence, 'cause'> {
  return cgroup === undefined ? {} : evidenceOf(unitListCause(input, cgroup, programs));
}
