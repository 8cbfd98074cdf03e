/**
 * A reference to a Boolean function: an integer, only meaningful with its manager. Bit 0 is the complement mark, so `ref ^ 1` is NOT.
 * TRUE is 0 and FALSE is 1 (one terminal node). Equal functions are equal references (`===`).
 */
export type Ref = number;
