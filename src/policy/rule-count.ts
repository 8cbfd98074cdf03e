import type { DeviceRule, Range } from './types.js';

/** How many requests a rule names: one for each access and device number, masks counted. Up to 5 * 2^32. */
export function countRequests({ major, minor, access, majorMask, minorMask }: DeviceRule): number {
  return countNumbers(major, majorMask) * countNumbers(minor, minorMask) * access.length;
}

function countNumbers([low, high]: Range, mask: { mask: number; value: number } | undefined): number {
  if (mask === undefined) return high - low + 1;
  let count = 0;
  for (let number = low; number <= high; number++) if ((number & mask.mask) === mask.value) count++;
  return count;
}
