/**
 * Which decision-diagram variable is which bit of a request. This is the only place that knows; a smaller number is nearer the root.
 *
 * Type and access come first because the same few access values repeat for every device, so each of them becomes a plain diagram over
 * the numbers; major and minor follow from the highest bit down, so that intervals and aligned blocks stay narrow.
 */

/** True for a character device, false for a block device. The request space has no third type. */
export const TYPE_VARIABLE = 0;

/** Access bits from the highest down: write (4), read (2), mknod (1). */
const ACCESS_FIRST = 1;
export const ACCESS_BITS = 3;

/** Major number, bit 11 first (dev_t keeps 12 bits of it; include/linux/kdev_t.h). */
export const MAJOR_FIRST = 4;
export const MAJOR_BITS = 12;

/** Minor number, bit 19 first (dev_t keeps 20 bits of it; include/linux/kdev_t.h). */
export const MINOR_FIRST = 16;
export const MINOR_BITS = 20;

/** Variables 0 to 35. */
export const REQUEST_VARIABLES = 36;

/** Variable of one bit of the access value; bit 0 is mknod, 1 read, 2 write. */
export function accessVariable(bit: number): number {
  return ACCESS_FIRST + ACCESS_BITS - 1 - bit;
}

/** Variable of one bit of the major number; bit 0 is the lowest. */
export function majorVariable(bit: number): number {
  return MAJOR_FIRST + MAJOR_BITS - 1 - bit;
}

/** Variable of one bit of the minor number; bit 0 is the lowest. */
export function minorVariable(bit: number): number {
  return MINOR_FIRST + MINOR_BITS - 1 - bit;
}

/** The variables of each field, highest bit first. */
export const ACCESS_VARIABLES: readonly number[] = field(ACCESS_FIRST, ACCESS_BITS);
export const MAJOR_VARIABLES: readonly number[] = field(MAJOR_FIRST, MAJOR_BITS);
export const MINOR_VARIABLES: readonly number[] = field(MINOR_FIRST, MINOR_BITS);

function field(first: number, bits: number): number[] {
  return Array.from({ length: bits }, (_, index) => first + index);
}
