import { BddBudgetError, FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { REQUEST_VARIABLES } from '../policy/variables.js';
import type { Inputs } from './inputs.js';

/** A set of requests without a verdict, and why: words such as "depends:uid", several of them joined by ",". */
export interface UndecidedRegion {
  readonly region: Ref;
  readonly reason: string;
}

/** The request space in three parts that exclude each other and cover it. All references depend on request variables only. */
export interface Partition {
  readonly allowed: Ref;
  readonly denied: Ref;
  /** Regions exclude each other. */
  readonly undecided: readonly UndecidedRegion[];
}

/** Beyond this many different reasons a region is reported with all of them instead of being cut by each. */
const MOST_REASONS = 6;

/**
 * Turns a verdict that may depend on inputs into what is certain: allowed for all values of the inputs, denied for all, or undecided, by the
 * inputs that matter there. Everything is undecided with reason "budget" if even that costs too much.
 */
export function partition(m: BddManager, inputs: Inputs, allow: Ref): Partition {
  const variables = m.support(allow).filter((variable) => variable >= REQUEST_VARIABLES);
  if (variables.length === 0) return { allowed: allow, denied: allow ^ 1, undecided: [] };
  const byReason = new Map<string, number[]>();
  for (const variable of variables) {
    const reason = inputs.reasonOf(variable) ?? 'budget';
    const found = byReason.get(reason);
    if (found === undefined) byReason.set(reason, [variable]);
    else found.push(variable);
  }
  const reasons = [...byReason.keys()].sort();
  try {
    const allowed = m.forall(allow, variables);
    const denied = m.exists(allow, variables) ^ 1;
    const rest = m.and(allowed ^ 1, denied ^ 1);
    return { allowed, denied, undecided: byCause(m, allow, rest, variables, byReason, reasons) };
  } catch (error) {
    if (!(error instanceof BddBudgetError)) throw error;
    return { allowed: FALSE, denied: FALSE, undecided: [{ region: TRUE, reason: 'budget' }] };
  }
}

/** Cuts `rest` by which reasons can change the verdict. It is not empty, and each of its requests depends on at least one. */
function byCause(
  m: BddManager,
  allow: Ref,
  rest: Ref,
  variables: readonly number[],
  byReason: ReadonlyMap<string, number[]>,
  reasons: readonly string[],
): UndecidedRegion[] {
  if (reasons.length === 1 || reasons.length > MOST_REASONS) return [{ region: rest, reason: joinReasons(reasons) }];
  let parts: { region: Ref; reasons: string[] }[] = [{ region: rest, reasons: [] }];
  for (const reason of reasons) {
    const own = byReason.get(reason)!;
    // Somewhere in the other inputs, changing this one alone changes the verdict.
    const changes = m.and(m.exists(allow, own), m.exists(allow ^ 1, own));
    const matters = m.exists(changes, variables);
    parts = parts.flatMap(({ region, reasons: found }) => [
      { region: m.and(region, matters), reasons: [...found, reason] },
      { region: m.difference(region, matters), reasons: found },
    ]);
    parts = parts.filter(({ region }) => region !== FALSE);
  }
  return parts.map(({ region, reasons: found }) => ({ region, reason: joinReasons(found) }));
}

/** One word list from several, each word once, sorted. */
export function joinReasons(reasons: readonly string[]): string {
  return [...new Set(reasons.flatMap((reason) => reason.split(',')))].sort().join();
}
