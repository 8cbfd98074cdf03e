import { BddBudgetError, FALSE, type BddManager } from '../bdd/manager.js';
import type { Ref } from '../bdd/types.js';
import { InternalError } from '../errors.js';
import { accessNames } from './access.js';
import type { DeviceSet } from './device-set.js';
import { appendRun, layerRuns, type Run } from './layers.js';
import { MASK_GAIN, minorRules, PLAIN_INTERVALS } from './minor-rules.js';
import {
  fieldCubes,
  MAJOR_FIELD,
  majorStretches,
  tupleOfMajorRuns,
  type Cube,
  type Tuple,
  type WalkBudget,
} from './number-walk.js';
import { isLargerThan } from './diagram-size.js';
import { ACCESS_NAMES, MAX_MAJOR, type DeviceRule, type DeviceType } from './types.js';
import { MAJOR_VARIABLES } from './variables.js';

/** A set of requests as rules. */
export interface RuleListing {
  /** Their union is the set, less `remainder`. A rule within another allows at least what that one does. */
  rules: DeviceRule[];
  /** What no bounded list of ranges and masks describes; null when the rules say everything. */
  remainder: DeviceSet | null;
}

/** Most rules of a listing; the rest becomes its remainder. The largest program a kernel takes has room for fewer than 10,000. */
const MOST_LISTED_RULES = 16384;
/** A diagram larger than this is no list of rules: the 2,000 rules of a verifier-maximum program need some 30,000 nodes. */
const LARGEST_DIAGRAM = 1 << 20;
/** Rules over minors of all majors together that are worked out, counted once for each stretch of majors. */
const MOST_PLACED_RULES = 1 << 17;
const WALK_BUDGET = 1 << 18;
const STEP_BUDGET = 1 << 25;

/**
 * The canonical rules of a set: they depend on the set alone, not on who wrote the program it came from.
 *
 * For each type: what holds for every major is a rule with major `*`; per major, what holds for every minor is a rule with minor `*`; the
 * rest are intervals of minors with equal access, and neighbouring majors that need the same rule share it. Wide rules carry the common
 * part, so `c *:* m` and `c 1:3 rwm` come out as people write them. Masks stand where intervals would be too many.
 *
 * Every listing is read back and compared with the diagram; a difference throws InternalError.
 */
export function listRules(set: DeviceSet): RuleListing {
  const { manager } = set.space;
  if (isLargerThan(manager, set.canonical, LARGEST_DIAGRAM)) return { rules: [], remainder: set };
  try {
    return manager.withBudget({ steps: STEP_BUDGET }, () => list(set));
  } catch (error) {
    if (error instanceof BddBudgetError) return { rules: [], remainder: set };
    throw error;
  }
}

function list(set: DeviceSet): RuleListing {
  const budget: WalkBudget = { left: WALK_BUDGET };
  const types = (['c', 'b'] as const).map((type) => rulesOfType(set, type, budget));
  const found = types.flatMap(({ rules }) => rules).sort(compareRules);
  const kept = dropIdle(set, found.slice(0, MOST_LISTED_RULES));
  const union = set.space.forRules(kept);
  const remainder = set.subtract(union);
  const complete = types.every((type) => type.complete) && found.length <= MOST_LISTED_RULES;
  if (!union.implies(set) || (complete && !remainder.isEmpty())) {
    throw new InternalError('the printed rules are not the policy they were made from');
  }
  return { rules: kept, remainder: remainder.isEmpty() ? null : remainder };
}

/** Rules of one type, in no order. `complete`: false when some major's minors are no list, or there are too many lists. */
function rulesOfType(set: DeviceSet, type: DeviceType, budget: WalkBudget): { rules: DeviceRule[]; complete: boolean } {
  const { manager } = set.space;
  const tuple = ACCESS_NAMES.map(({ access }) => set.numbersFor(type, access));
  const wide = everyMajor(manager, tuple, budget);
  const lists = new Map<string, MinorList>();
  for (const { low, high, tuple: minors } of majorStretches(manager, tuple)) {
    const key = minors.join();
    const list = lists.get(key) ?? { rules: minorRules(manager, minors, wide.tuple, budget), majors: [] };
    lists.set(key, list);
    list.majors.push({ low, high });
  }
  const majorsOf = majorCubes(manager, budget);
  const rulesWithin = (bound: number): { rules: DeviceRule[]; complete: boolean } => {
    const listed = withinBounds([...lists.values()], bound);
    const rules = byMinors(listed).flatMap(({ minors, runs }) =>
      majorsOf(runs).map((majors) => toRule(type, majors, minors, majors.set)),
    );
    return { rules, complete: listed.length === lists.size };
  };
  const most = MOST_LISTED_RULES / 2;
  let found = rulesWithin(MOST_PLACED_RULES);
  // Majors seldom have so little in common; then those with the shortest lists come first.
  if (found.rules.length > most) found = rulesWithin(most);
  const general = wide.rules.map((minors) => toRule(type, EVERY_MAJOR, minors, minors.set));
  return { rules: [...general, ...found.rules], complete: found.complete };
}

/** One function of the minor number: its rules (null: no list) and the majors that have it, ascending. */
interface MinorList {
  readonly rules: readonly Cube[] | null;
  readonly majors: { low: number; high: number }[];
}

/** The short lists before the long ones, as long as their rules, once for each stretch of majors, are at most `bound`; in the order of their first majors. */
function withinBounds(lists: readonly MinorList[], bound: number): (MinorList & { rules: readonly Cube[] })[] {
  const found = lists.flatMap(({ rules, majors }) => (rules === null ? [] : [{ rules, majors }]));
  let placed = 0;
  const kept = new Set(
    [...found]
      .sort((a, b) => a.rules.length - b.rules.length || a.majors[0]!.low - b.majors[0]!.low)
      .filter((list) => {
        placed += list.rules.length * list.majors.length;
        return placed <= bound;
      }),
  );
  return found.filter((list) => kept.has(list));
}

/** For each rule over minors, the majors that need it. */
function byMinors(lists: readonly (MinorList & { rules: readonly Cube[] })[]): { minors: Cube; runs: Run[] }[] {
  const places = new Map<string, { minors: Cube; runs: Run[] }>();
  const stretches = lists.flatMap(({ rules, majors }) => majors.map(({ low, high }) => ({ low, high, rules })));
  for (const { low, high, rules } of stretches.sort((a, b) => a.low - b.low)) {
    for (const rule of rules) {
      const place = [rule.low, rule.high, rule.mask, rule.value].join();
      const entry = places.get(place) ?? { minors: rule, runs: [] };
      places.set(place, entry);
      appendRun(entry.runs, { low, high, set: rule.set, wide: 0 });
    }
  }
  return [...places.values()];
}

const EVERY_MAJOR: Cube = { low: 0, high: MAX_MAJOR, mask: 0, value: 0, set: 0 };

/** What every major allows, as rules and as diagrams. Where that is no short list, only its constant part is used. */
function everyMajor(manager: BddManager, tuple: Tuple, budget: WalkBudget): { rules: Cube[]; tuple: Tuple } {
  const everywhere = tuple.map((ref) => manager.forall(ref, MAJOR_VARIABLES));
  const none = everywhere.map(() => FALSE);
  const rules = minorRules(manager, everywhere, none, budget);
  if (rules !== null && rules.length <= PLAIN_INTERVALS) return { rules, tuple: everywhere };
  const constant = everywhere.map((ref) => (ref > FALSE ? FALSE : ref));
  return { rules: minorRules(manager, constant, none, budget) ?? [], tuple: constant };
}

/** Majors that need the same rule, as intervals, or as masks where those would be too many. Many rules over minors have the same majors. */
function majorCubes(manager: BddManager, budget: WalkBudget): (runs: readonly Run[]) => readonly Cube[] {
  const known = new Map<string, readonly Cube[]>();
  return (runs) => {
    if (runs.length <= PLAIN_INTERVALS) return layeredMajors(runs);
    const key = runs.map(({ low, high, set }) => `${String(low)}-${String(high)}:${String(set)}`).join();
    let cubes = known.get(key);
    if (cubes === undefined) {
      cubes = fewestMajors(manager, runs, budget);
      known.set(key, cubes);
    }
    return cubes;
  };
}

function fewestMajors(manager: BddManager, runs: readonly Run[], budget: WalkBudget): readonly Cube[] {
  const layered = layeredMajors(runs);
  if (layered.length <= PLAIN_INTERVALS) return layered;
  const tuple = tupleOfMajorRuns(manager, runs, ACCESS_NAMES.length);
  return fieldCubes(manager, tuple, MAJOR_FIELD, Math.floor(layered.length / MASK_GAIN), budget) ?? layered;
}

function layeredMajors(runs: readonly Run[]): Cube[] {
  return layerRuns(runs, 0).map(({ low, high, set }) => ({ low, high, mask: 0, value: 0, set }));
}

/**
 * Without the rules that the others together already say, decided in the order of the list. They arise where wide rules cross
 * (`c *:128 r` and `c 0:* m` say `c 0:128 {-,m,r}` between them) or where each major has a rule of its own for what all have in common.
 */
function dropIdle(set: DeviceSet, rules: DeviceRule[]): DeviceRule[] {
  const { manager } = set.space;
  const refs = rules.map((rule) => set.space.forRule(rule).ref);
  const after: Ref[] = [FALSE];
  for (const ref of [...refs].reverse()) after.push(manager.or(ref, after.at(-1)!));
  let kept: Ref = FALSE;
  return rules.filter((_, index) => {
    const ref = refs[index]!;
    const others = manager.or(kept, after[rules.length - index - 1]!);
    if (manager.isSubset(ref, others)) return false;
    kept = manager.or(kept, ref);
    return true;
  });
}

function toRule(type: DeviceType, majors: Cube, minors: Cube, set: number): DeviceRule {
  return {
    type,
    major: [majors.low, majors.high],
    minor: [minors.low, minors.high],
    access: accessNames(set),
    ...(majors.mask === 0 ? {} : { majorMask: { mask: majors.mask, value: majors.value } }),
    ...(minors.mask === 0 ? {} : { minorMask: { mask: minors.mask, value: minors.value } }),
  };
}

/** Rules for all majors first, character before block; then by number, wider before narrower. */
function compareRules(a: DeviceRule, b: DeviceRule): number {
  const wide = (rule: DeviceRule): number => (rule.major[0] === 0 && rule.major[1] === MAX_MAJOR ? 0 : 1);
  const keys = (rule: DeviceRule): number[] => [
    wide(rule),
    rule.type === 'c' ? 0 : 1,
    rule.major[0],
    -rule.major[1],
    rule.majorMask?.mask ?? 0,
    rule.majorMask?.value ?? 0,
    rule.minor[0],
    -rule.minor[1],
    rule.minorMask?.mask ?? 0,
    rule.minorMask?.value ?? 0,
  ];
  const [left, right] = [keys(a), keys(b)];
  const differs = left.findIndex((key, index) => key !== right[index]);
  return differs < 0 ? 0 : left[differs]! - right[differs]!;
}
