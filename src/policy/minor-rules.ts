import { FALSE, type BddManager } from '../bdd/manager.js';
import type { Ref } from '../bdd/types.js';
import type { AccessSet } from './access.js';
import { layerRuns } from './layers.js';
import {
  constantSet,
  countMinorRuns,
  fieldCubes,
  MINOR_FIELD,
  minorRuns,
  type Cube,
  type Tuple,
  type WalkBudget,
} from './number-walk.js';
import { MAX_MINOR } from './types.js';

/** Up to this many intervals are always written as intervals: people list numbers, they do not think in bit masks. */
export const PLAIN_INTERVALS = 64;
/** Beyond that, masks are used where they are at least this many times fewer. */
export const MASK_GAIN = 4;
/** Most rules one function of the minor number may need before it counts as no list at all. */
const MOST_RULES = 4096;

/**
 * Rules over the minor number for one function of it, given the function `wide` (contained in it) that rules for every major already say.
 * A constant part comes first as a rule for `*`; then intervals, or masks where intervals are too many.
 * Null: neither intervals nor masks describe it within bounds.
 */
export function minorRules(manager: BddManager, tuple: Tuple, wide: Tuple, budget: WalkBudget): Cube[] | null {
  const beyond = tuple.map((ref, index) => manager.difference(ref, wide[index]!));
  if (beyond.every((ref) => ref === FALSE)) return [];
  const base = usefulBase(manager, tuple, wide, beyond);
  const needed = manager.orAll(beyond.filter((_, index) => (base & (1 << index)) === 0));
  const rules: Cube[] = base === constantSet(wide) ? [] : [interval(0, MAX_MINOR, base)];
  const rest = needed === FALSE ? [] : restRules(manager, tuple, wide, base, needed, budget);
  return rest === null ? null : [...rules, ...rest];
}

/**
 * The accesses every minor has, if some minor has exactly these and needs a rule to say so; else only what `wide` gives every minor.
 * (If all minors have more, each gets its own rule anyway and a rule for `*` would be idle.)
 */
function usefulBase(manager: BddManager, tuple: Tuple, wide: Tuple, beyond: Tuple): number {
  const constant = constantSet(tuple);
  const outside = (index: number): boolean => (constant & (1 << index)) === 0;
  const more = manager.orAll(tuple.filter((_, index) => outside(index)));
  const unsaid = manager.orAll(beyond.filter((_, index) => !outside(index)));
  return manager.difference(unsaid, more) === FALSE ? constantSet(wide) : constant;
}

function restRules(
  manager: BddManager,
  tuple: Tuple,
  wide: Tuple,
  base: AccessSet,
  needed: Ref,
  budget: WalkBudget,
): Cube[] | null {
  if (budget.left < 0) return null;
  const runs = countMinorRuns(manager, tuple, wide, budget);
  // Every other run is usually a gap.
  const intervals = runs === null ? Infinity : Math.ceil(runs / 2);
  if (intervals > PLAIN_INTERVALS) {
    const most = Math.min(MOST_RULES, Math.floor(intervals / MASK_GAIN));
    const restricted = tuple.map((ref) => manager.and(ref, needed));
    const cubes = fieldCubes(manager, restricted, MINOR_FIELD, most, budget);
    if (cubes !== null) return cubes;
    if (intervals > MOST_RULES) return null;
  }
  return layerRuns(minorRuns(manager, tuple, wide), base).map(({ low, high, set }) => interval(low, high, set));
}

function interval(low: number, high: number, set: number): Cube {
  return { low, high, mask: 0, value: 0, set };
}
