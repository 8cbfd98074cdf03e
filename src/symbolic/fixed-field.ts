/**
 * What was too large for all requests at once, one number at a time: a hash of both numbers that is only asked for two majors is a hash of the minor
 * for each of them, and that fits a truth table.
 */
import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { MAJOR_VARIABLES, MINOR_VARIABLES, REQUEST_VARIABLES } from '../policy/variables.js';

/** Some request variables with their values. */
export type Fixed = ReadonlyMap<number, boolean>;
export const NOTHING_FIXED: Fixed = new Map();

/** More values than this are not gone through. */
const MOST_VALUES = 32;

/** The requests with these values. */
export function whereFixed(m: BddManager, fixed: Fixed): Ref {
  let where: Ref = TRUE;
  for (const [variable, value] of fixed) where = m.and(where, m.variable(variable) ^ (value ? 0 : 1));
  return where;
}

/** The majors or the minors (whichever are fewer) that requests of a region have; null where both are many. */
export function fewValues(m: BddManager, region: Ref): Fixed[] | null {
  const majors = valuesOf(m, region, MAJOR_VARIABLES);
  const minors = valuesOf(m, region, MINOR_VARIABLES);
  if (majors === null || minors === null) return majors ?? minors;
  return majors.length <= minors.length ? majors : minors;
}

function valuesOf(m: BddManager, region: Ref, field: readonly number[]): Fixed[] | null {
  const others = Array.from({ length: REQUEST_VARIABLES }, (_, variable) => variable).filter(
    (variable) => !field.includes(variable),
  );
  const values: Fixed[] = [];
  for (let left = m.exists(region, others); left !== FALSE;) {
    if (values.length === MOST_VALUES) return null;
    const found = m.pick(left)!;
    const value = new Map(field.map((variable) => [variable, found.get(variable) ?? false]));
    values.push(value);
    left = m.difference(left, whereFixed(m, value));
  }
  return values;
}
