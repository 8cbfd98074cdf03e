import { accessesWithin, accessSetFromNames, type AccessSet } from './access.js';
import type { DeviceSet } from './device-set.js';
import { formatRule } from './rule-text.js';
import { listRules } from './to-rules.js';
import { MAX_MAJOR, MAX_MINOR, type DeviceRule, type DeviceType, type Range } from './types.js';

/** One line of the lists other tools take: a number or any, and letters. No ranges. */
export interface Entry {
  type: DeviceType;
  /** Null: any. */
  major: number | null;
  minor: number | null;
  /** 1 to 7. */
  mask: number;
}

/** A form cannot say a policy exactly. */
export interface Refusal {
  refused: string;
}

/** A list people can still read and tools still take: runc's programs of some 700 mixed rules exceed what the verifier walks. */
const MOST_ENTRIES = 1024;

/**
 * The set as entries of which each stands for `meaning(mask)` of its numbers, one entry per number; together exactly the set, which is proved by
 * putting them together again.
 */
export function entriesOf(set: DeviceSet, meaning: (mask: number) => AccessSet = accessesWithin): Entry[] | Refusal {
  const { rules, remainder } = listRules(set);
  if (remainder !== null) return { refused: 'the policy is no list of rules' };
  const entries = new Map<string, Entry>();
  for (const rule of rules) {
    const mask = maskFor(rule, rules, meaning);
    if (mask === null) {
      return { refused: `no letters stand for exactly "${formatRule(rule)}"` };
    }
    const numbers = numbersOf(rule, MOST_ENTRIES - entries.size);
    if (numbers === null) {
      return {
        refused: `"${formatRule(rule)}" and the rest need more than ${String(MOST_ENTRIES)} entries without ranges`,
      };
    }
    for (const [major, minor] of numbers) {
      const key = `${rule.type} ${String(major)}:${String(minor)}`;
      entries.set(key, { type: rule.type, major, minor, mask: mask | (entries.get(key)?.mask ?? 0) });
    }
  }
  const list = [...entries.values()];
  if (unionOf(set, list, meaning).equals(set)) return list;
  return { refused: 'a number would need two entries whose letters must not be joined' };
}

/** What entries stand for together. */
export function unionOf(like: DeviceSet, entries: readonly Entry[], meaning: (mask: number) => AccessSet): DeviceSet {
  const { space } = like;
  return space.unionAll(
    entries.map(({ mask, ...numbers }) => {
      const set = meaning(mask);
      const access = (value: number): boolean => (set & ACCESS_BIT[value]!) !== 0;
      return space.forPattern({ ...numbers, access });
    }),
  );
}

/** Bit in an AccessSet of each access value; 3, 5 and 7 have none. */
const ACCESS_BIT: readonly number[] = [1, 2, 4, 0, 8, 0, 16, 0];

/** The most letters whose meaning, with what wider rules say, is the rule's access. */
function maskFor(rule: DeviceRule, all: readonly DeviceRule[], meaning: (mask: number) => AccessSet): number | null {
  const wanted = accessSetFromNames(rule.access);
  const around = all
    .filter((other) => other !== rule && holds(other, rule))
    .reduce((set, other) => set | accessSetFromNames(other.access), 0);
  for (const mask of [7, 6, 5, 3, 4, 2, 1]) {
    const meant = meaning(mask);
    if ((meant & ~wanted) === 0 && (meant | around) === wanted) return mask;
  }
  return null;
}

function holds(outer: DeviceRule, inner: DeviceRule): boolean {
  const plain = outer.majorMask === undefined && outer.minorMask === undefined;
  const within = (a: Range, b: Range): boolean => a[0] <= b[0] && b[1] <= a[1];
  return plain && outer.type === inner.type && within(outer.major, inner.major) && within(outer.minor, inner.minor);
}

/** Null: more than `limit`. */
function numbersOf(rule: DeviceRule, limit: number): [number | null, number | null][] | null {
  const majors = valuesOf(rule.major, MAX_MAJOR, rule.majorMask, limit);
  const minors = valuesOf(rule.minor, MAX_MINOR, rule.minorMask, limit);
  if (majors === null || minors === null || majors.length * minors.length > limit) return null;
  return majors.flatMap((major) => minors.map((minor): [number | null, number | null] => [major, minor]));
}

function valuesOf(
  [low, high]: Range,
  max: number,
  mask: DeviceRule['minorMask'],
  limit: number,
): (number | null)[] | null {
  if (low === 0 && high === max && mask === undefined) return [null];
  const values: number[] = [];
  for (let value = low; value <= high; value++) {
    if (mask !== undefined && (value & mask.mask) !== mask.value) continue;
    if (values.length >= limit) return null;
    values.push(value);
  }
  return values;
}
