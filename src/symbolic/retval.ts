import type { BddManager, Ref } from '../bdd/manager.js';
import { constant, isZero, lessUnsigned, select, type BitVector } from './bitvector.js';
import type { Inputs } from './inputs.js';
import { RETVAL_INPUT } from './machine.js';

/** A program as a function of request, inputs and the retval it finds; what composing programs needs. */
export interface Outcome {
  /** Where the program returns something other than 0. */
  readonly returnsNonZero: Ref;
  /** The retval it leaves (32 bits, as a function of the one it finds); null: unchanged. */
  readonly retval: BitVector | null;
}

const EPERM = 1n;
/** MAX_ERRNO, include/linux/err.h. */
const MAX_ERRNO = 4095n;

/**
 * Where a list of programs lets a request through, run in this order (kernel/bpf/cgroup.c, bpf_prog_run_array_cg, Linux 5.18 and later):
 * retval begins as 0; after each program, r0 = 0 makes it -EPERM unless it already is an errno; at the end 0 allows. All programs run.
 * If none of them changes retval that is the conjunction of their answers, which is also what older kernels compute.
 */
export function listVerdict(m: BddManager, inputs: Inputs, outcomes: readonly Outcome[]): Ref {
  const plain = outcomes.every(
    ({ retval, returnsNonZero }) => retval === null && !dependsOnRetval(m, inputs, returnsNonZero),
  );
  if (plain) return m.andAll(outcomes.map(({ returnsNonZero }) => returnsNonZero));
  let retval: BitVector = constant(32, 0n);
  for (const outcome of outcomes) {
    const found = new Map(
      inputs
        .variables(RETVAL_INPUT)
        .slice(0, 32)
        .map((variable, bit) => [variable, retval[bit]!]),
    );
    const nonZero = m.substitute(outcome.returnsNonZero, found);
    if (outcome.retval !== null) retval = outcome.retval.map((bit) => m.substitute(bit, found));
    const refused = m.and(nonZero ^ 1, isErrno(m, retval) ^ 1);
    retval = select(m, refused, constant(32, -EPERM), retval);
  }
  return isZero(m, retval);
}

function dependsOnRetval(m: BddManager, inputs: Inputs, f: Ref): boolean {
  const variables = inputs.variables(RETVAL_INPUT);
  if (variables.length === 0) return false;
  const support = new Set(m.support(f));
  return variables.some((variable) => support.has(variable));
}

/** -4095 to -1 as a 32-bit number, sign-extended by the kernel. */
function isErrno(m: BddManager, retval: BitVector): Ref {
  return lessUnsigned(m, retval, constant(32, -MAX_ERRNO)) ^ 1;
}
