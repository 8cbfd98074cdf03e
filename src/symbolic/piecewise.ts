/**
 * A program of which all requests at once are too much: first with small limits, which tells for which requests that is so, and then these again
 * for one major or minor after the other. Programs that stay within the limits are evaluated once.
 */
import { BddBudgetError, FALSE, type BddManager, type Ref } from '../bdd/manager.js';
import { select } from './bitvector.js';
import { fewValues, NOTHING_FIXED, whereFixed, type Fixed } from './fixed-field.js';
import type { Inputs } from './inputs.js';
import type { EvaluationLimits } from './limits.js';
import { RETVAL_INPUT } from './machine.js';
import type { Partition } from './partition.js';
import type { Outcome } from './retval.js';

/** Enough for what has a small diagram; what has none is given up soon. */
const CURSORY: Omit<EvaluationLimits, 'milliseconds'> = {
  instructions: 200_000,
  nodes: 1_500_000,
  steps: 3_000_000,
  instructionNodes: 100_000,
  instructionSteps: 200_000,
};

interface Context {
  readonly manager: BddManager;
  readonly inputs: Inputs;
  readonly limits: EvaluationLimits;
  verdictOf(outcomes: readonly Outcome[]): Partition;
}

/** Evaluates the requests with some fixed values; `part` names the run, so that its inputs are its own. */
type Run = (part: string, fixed: Fixed, limits: EvaluationLimits) => Outcome & { readonly executed: number };

export interface Found {
  readonly outcome: Outcome;
  readonly verdict: Partition;
}

/** The outcome of `run` for all requests, with as little undecided for its size as one or two fields with few values allow. */
export function inPieces(context: Context, run: Run): Found {
  const { limits } = context;
  const { executed, ...outcome } = run('', NOTHING_FIXED, limits);
  const whole = decided(context, outcome);
  // A loop that takes too long takes as long for a part.
  if (executed > limits.instructions || tooLarge(whole.verdict, context.manager) === FALSE) return whole;
  const first = byValues(context, whole, run);
  if (first !== null) return first;
  const cursory = replaced(
    context,
    whole,
    tooLarge(whole.verdict, context.manager),
    run(':cursory', NOTHING_FIXED, lower(limits, CURSORY)),
  );
  return byValues(context, cursory, run) ?? cursory;
}

/** The part that is too large, one major or minor after the other; null where it has many of both. */
function byValues(context: Context, found: Found, run: Run): Found | null {
  const { manager: m, limits } = context;
  const large = tooLarge(found.verdict, m);
  const values = attempt(context, () => fewValues(m, large));
  if (values === null) return null;
  const last = m.steps + limits.steps / 2;
  const quarter = { ...limits, nodes: limits.nodes / 4, steps: limits.steps / 4 };
  let { outcome } = found;
  values.forEach((fixed, i) => {
    if (m.steps > last) return;
    // What was decided stays so: a part has less to spend than the whole had.
    const where = m.and(large, whereFixed(m, fixed));
    outcome = selected(context, where, run(`:${String(i)}`, fixed, quarter), outcome);
  });
  return decided(context, outcome);
}

function decided(context: Context, outcome: Outcome): Found {
  return { outcome, verdict: context.verdictOf([outcome]) };
}

function replaced(context: Context, found: Found, where: Ref, outcome: Outcome): Found {
  return decided(context, selected(context, where, outcome, found.outcome));
}

/** The requests that are undecided because of a limit. */
function tooLarge({ undecided }: Partition, m: BddManager): Ref {
  return m.orAll(undecided.filter(({ reason }) => reason.split(',').includes('budget')).map(({ region }) => region));
}

/** a where the condition holds, b elsewhere. */
function selected({ manager: m, inputs }: Context, condition: Ref, a: Outcome, b: Outcome): Outcome {
  const returnsNonZero = m.ite(condition, a.returnsNonZero, b.returnsNonZero);
  if (a.retval === null && b.retval === null) return { returnsNonZero, retval: null };
  const before = inputs.word(RETVAL_INPUT, 'depends:retval').slice(0, 32);
  return { returnsNonZero, retval: select(m, condition, a.retval ?? before, b.retval ?? before) };
}

function attempt<T>({ manager, limits }: Context, work: () => T): T | null {
  try {
    return manager.withBudget({ nodes: limits.instructionNodes, steps: limits.instructionSteps }, work);
  } catch (error) {
    if (!(error instanceof BddBudgetError)) throw error;
    return null;
  }
}

function lower(a: EvaluationLimits, b: typeof CURSORY): EvaluationLimits {
  return {
    ...a,
    instructions: Math.min(a.instructions, b.instructions),
    nodes: Math.min(a.nodes, b.nodes),
    steps: Math.min(a.steps, b.steps),
    instructionNodes: Math.min(a.instructionNodes, b.instructionNodes),
    instructionSteps: Math.min(a.instructionSteps, b.instructionSteps),
  };
}
