import { FALSE, type BddManager } from '../bdd/manager.js';
import type { Ref } from '../bdd/types.js';
import type { DeviceSet } from './device-set.js';
import { formatRange } from './rule-text.js';
import { isLargerThan } from './diagram-size.js';
import { ACCESS_NAMES, MAX_MAJOR, type AccessName, type DeviceType, type Range } from './types.js';
import { MAJOR_VARIABLES, MINOR_VARIABLES } from './variables.js';

/** What is known of a region that no bounded list of rules describes. */
export interface RegionSummary {
  type: DeviceType;
  access: AccessName;
  /** Device numbers of the region for this type and access; null when the diagram is too large to count. */
  count: bigint | null;
  /** Smallest interval of majors that holds them. */
  major: Range;
}

/** A diagram of this many nodes takes about a second to count. */
const LARGEST_COUNTED = 1 << 20;

/** One entry per type and access that the region has, so at most ten, whatever the region. */
export function summariseRegion(region: DeviceSet): RegionSummary[] {
  const { manager } = region.space;
  return (['c', 'b'] as const).flatMap((type) =>
    ACCESS_NAMES.flatMap(({ name, access }) => {
      const numbers = region.numbersFor(type, access);
      if (numbers === FALSE) return [];
      const count = isLargerThan(manager, numbers, LARGEST_COUNTED)
        ? null
        : manager.count(numbers, [...MAJOR_VARIABLES, ...MINOR_VARIABLES]);
      return [{ type, access: name, count, major: majorHull(manager, numbers) }];
    }),
  );
}

/** `c 0-15:? rw  4096 numbers that no short list describes`. */
export function formatSummary({ type, access, count, major }: RegionSummary): string {
  const numbers = count === null ? 'very many numbers' : count === 1n ? '1 number' : `${String(count)} numbers`;
  return `${type} ${formatRange(major, MAX_MAJOR)}:? {${access}}  ${numbers} that no short list describes`;
}

/** First and last major for which a non-empty diagram has a minor. */
function majorHull(manager: BddManager, numbers: Ref): Range {
  const end = (preferHigh: boolean): number => {
    let at = numbers;
    let major = 0;
    for (const variable of MAJOR_VARIABLES) {
      const tested = manager.level(at) === variable;
      const preferred = tested ? (preferHigh ? manager.high(at) : manager.low(at)) : at;
      const bit = preferred === FALSE ? !preferHigh : preferHigh;
      if (tested) at = bit ? manager.high(at) : manager.low(at);
      major = major * 2 + (bit ? 1 : 0);
    }
    return major;
  };
  return [end(false), end(true)];
}
