import { FALSE, TRUE, type BddManager } from '../bdd/manager.js';
import type { Ref } from '../bdd/types.js';
import type { AccessSet } from './access.js';
import { appendRun, type Run } from './layers.js';
import { MAJOR_BITS, MAJOR_FIRST, MAJOR_VARIABLES, MINOR_BITS, MINOR_FIRST } from './variables.js';

/** Diagrams walked side by side: one per access (in the order of ACCESS_NAMES), and perhaps more behind them. */
export type Tuple = readonly Ref[];

/** What a walk may still look at; when it runs out, the walk gives up. Shared by the walks of one listing. */
export interface WalkBudget {
  left: number;
}

/** Numbers from `low` to `high` whose bits under `mask` are `value`; mask 0: the whole interval. Together they have one access set. */
export interface Cube {
  low: number;
  high: number;
  mask: number;
  value: number;
  set: AccessSet;
}

/** A field of the request: where its variables begin and how many there are. */
export interface FieldLayout {
  first: number;
  bits: number;
}
export const MAJOR_FIELD: FieldLayout = { first: MAJOR_FIRST, bits: MAJOR_BITS };
export const MINOR_FIELD: FieldLayout = { first: MINOR_FIRST, bits: MINOR_BITS };

/** The majors in ascending stretches of equal functions of the minor number. At most 4096. */
export function majorStretches(manager: BddManager, tuple: Tuple): { low: number; high: number; tuple: Tuple }[] {
  const out: { low: number; high: number; tuple: Tuple }[] = [];
  walk(manager, tuple, MAJOR_FIELD, 0, 0, (low, high, leaf) => {
    const last = out.at(-1);
    if (last?.tuple.every((ref, index) => ref === leaf[index])) last.high = high;
    else out.push({ low, high, tuple: leaf });
  });
  return out;
}

/** The minors in ascending runs of equal access; `wide` is the same for what rules for every major say. */
export function minorRuns(manager: BddManager, accesses: Tuple, wide: Tuple): Run[] {
  const runs: Run[] = [];
  walk(manager, [...accesses, ...wide], MINOR_FIELD, 0, 0, (low, high, leaf) => {
    const set = constantSet(leaf.slice(0, accesses.length));
    appendRun(runs, { low, high, set, wide: constantSet(leaf.slice(accesses.length)) });
  });
  return runs;
}

/** How many leaves minorRuns will visit, neighbours that agree joined: found without visiting them. Null: the budget ran out. */
export function countMinorRuns(manager: BddManager, accesses: Tuple, wide: Tuple, budget: WalkBudget): number | null {
  const known = new Map<string, RunCount>();
  const count = (at: Tuple): RunCount | null => {
    const key = at.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    if (at.every((ref) => ref <= FALSE)) return { runs: 1, first: key, last: key };
    if (--budget.left < 0) return null;
    const variable = topLevel(manager, at);
    const half = (value: boolean): RunCount | null => {
      const part = branch(manager, at, variable, value);
      const counted = count(part);
      return counted === null ? null : repeat(counted, levelBelow(manager, part) - variable - 1);
    };
    const [low, high] = [half(false), half(true)];
    if (low === null || high === null) return null;
    const joined = low.last === high.first ? 1 : 0;
    const result = { runs: low.runs + high.runs - joined, first: low.first, last: high.last };
    known.set(key, result);
    return result;
  };
  // Where two diagrams are the same, one is enough to tell leaves apart.
  const tuple = [...new Set([...accesses, ...wide])];
  const counted = count(tuple);
  return counted === null ? null : repeat(counted, levelBelow(manager, tuple) - MINOR_FIELD.first).runs;
}

/** Runs of a function, and its values (as keys) at the two ends. */
interface RunCount {
  runs: number;
  first: string;
  last: string;
}

/** The function side by side with itself, once for each variable it does not look at. */
function repeat(counted: RunCount, times: number): RunCount {
  const joined = counted.first === counted.last ? 1 : 0;
  let { runs } = counted;
  for (let i = 0; i < times; i++) runs = 2 * runs - joined;
  return { ...counted, runs };
}

function levelBelow(manager: BddManager, tuple: Tuple): number {
  return Math.min(topLevel(manager, tuple), MINOR_FIELD.first + MINOR_FIELD.bits);
}

/** The accesses whose diagram is constantly true. */
export function constantSet(tuple: Tuple): AccessSet {
  return tuple.reduce((set, ref, index) => (ref === TRUE ? set | (1 << index) : set), 0);
}

/**
 * The non-empty part of a function over one field as disjoint cubes, one for each path of the joint diagram: canonical because the diagram
 * is. Null when there are more than `limit`, or the budget ran out.
 */
export function fieldCubes(
  manager: BddManager,
  tuple: Tuple,
  field: FieldLayout,
  limit: number,
  budget: WalkBudget,
): Cube[] | null {
  const paths = countPaths(manager, [...new Set(tuple)], budget);
  if (paths === null || paths > limit) return null;
  const cubes: Cube[] = [];
  collectPaths(manager, tuple, field, 0, 0, cubes);
  return cubes.sort((a, b) => a.low - b.low || a.high - b.high || a.mask - b.mask || a.value - b.value);
}

/** The tuple of a function of the major number that is given as runs. */
export function tupleOfMajorRuns(manager: BddManager, runs: readonly Run[], accesses: number): Tuple {
  const sets = new Uint8Array(1 << MAJOR_BITS);
  for (const { low, high, set } of runs) sets.fill(set, low, high + 1);
  return Array.from({ length: accesses }, (_, index) => {
    let layer: Ref[] = Array.from(sets, (set) => ((set >> index) & 1 ? TRUE : FALSE));
    for (const variable of [...MAJOR_VARIABLES].reverse()) {
      layer = Array.from({ length: layer.length / 2 }, (_unused, pair) =>
        manager.node(variable, layer[2 * pair]!, layer[2 * pair + 1]!),
      );
    }
    return layer[0]!;
  });
}

/** Visits the leaves in ascending order. */
function walk(
  manager: BddManager,
  tuple: Tuple,
  field: FieldLayout,
  depth: number,
  low: number,
  visit: (low: number, high: number, leaf: Tuple) => void,
): void {
  const size = 2 ** (field.bits - depth);
  if (topLevel(manager, tuple) >= field.first + field.bits) {
    visit(low, low + size - 1, tuple);
    return;
  }
  const variable = field.first + depth;
  walk(manager, branch(manager, tuple, variable, false), field, depth + 1, low, visit);
  walk(manager, branch(manager, tuple, variable, true), field, depth + 1, low + size / 2, visit);
}

function countPaths(manager: BddManager, tuple: Tuple, budget: WalkBudget): number | null {
  const known = new Map<string, number>();
  const count = (at: Tuple): number | null => {
    if (at.every((ref) => ref <= FALSE)) return constantSet(at) === 0 ? 0 : 1;
    const key = at.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    if (--budget.left < 0) return null;
    const variable = topLevel(manager, at);
    const low = count(branch(manager, at, variable, false));
    const high = low === null ? null : count(branch(manager, at, variable, true));
    if (low === null || high === null) return null;
    known.set(key, low + high);
    return low + high;
  };
  return count(tuple);
}

function collectPaths(
  manager: BddManager,
  tuple: Tuple,
  field: FieldLayout,
  mask: number,
  value: number,
  out: Cube[],
): void {
  if (tuple.every((ref) => ref <= FALSE)) {
    const set = constantSet(tuple);
    if (set !== 0) out.push(cube(field, mask, value, set));
    return;
  }
  const variable = topLevel(manager, tuple);
  const bit = 2 ** (field.first + field.bits - 1 - variable);
  collectPaths(manager, branch(manager, tuple, variable, false), field, mask | bit, value, out);
  collectPaths(manager, branch(manager, tuple, variable, true), field, mask | bit, value | bit, out);
}

/** Leading fixed bits make an interval; only what is fixed below a free bit stays a mask. */
function cube(field: FieldLayout, mask: number, value: number, set: AccessSet): Cube {
  let size = 2 ** field.bits;
  let low = 0;
  let rest = mask;
  while (size > 1 && (rest & (size / 2)) !== 0) {
    size /= 2;
    rest &= ~size;
    low += value & size;
  }
  return { low, high: low + size - 1, mask: rest, value: value & rest, set };
}

function topLevel(manager: BddManager, tuple: Tuple): number {
  return tuple.reduce((least, ref) => Math.min(least, manager.level(ref)), Infinity);
}

function branch(manager: BddManager, tuple: Tuple, variable: number, value: boolean): Tuple {
  return tuple.map((ref) => {
    if (manager.level(ref) !== variable) return ref;
    return value ? manager.high(ref) : manager.low(ref);
  });
}
