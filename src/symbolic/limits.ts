import { BddBudgetError } from '../bdd/manager.js';

/** What one evaluation may cost. What a limit stops is undecided with reason "budget"; nothing throws. */
export interface EvaluationLimits {
  /** Instructions executed on merged states. */
  readonly instructions: number;
  /** Decision diagram nodes and steps of the whole evaluation. */
  readonly nodes: number;
  readonly steps: number;
  /** Nodes and steps of one instruction; one that needs more has an unknown result, and the evaluation goes on. */
  readonly instructionNodes: number;
  readonly instructionSteps: number;
  /** Time, in milliseconds. What this stops depends on the machine, which the others do not: without it equal snapshots have equal answers. */
  readonly milliseconds: number;
}

/** The limits of `createRun` where none are given. */
export const DEFAULT_LIMITS: EvaluationLimits = {
  instructions: 1_000_000,
  nodes: 6_000_000,
  steps: 15_000_000,
  instructionNodes: 4_000_000,
  instructionSteps: 8_000_000,
  milliseconds: Infinity,
};

/** A limit was reached, or the stack: diagrams are built by recursion, one step for each variable on the way down. */
function isTooLarge(error: unknown): boolean {
  return error instanceof BddBudgetError || (error instanceof RangeError && error.message.includes('call stack'));
}

/** What `work` comes to, or `otherwise` where that is too much. Other errors are thrown on. */
export function unlessTooLarge<T>(work: () => T, otherwise: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    return otherwise();
  }
}
