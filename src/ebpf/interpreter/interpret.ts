import type { Program, ProgramEnvironment } from '../types.js';
import { Machine } from './machine.js';
import { mergeReasons } from './scalar.js';
import { step } from './step.js';
import type { StepResult } from './step-result.js';
import type { DeviceContext, InterpretOptions, InterpretResult } from './types.js';

export type { BranchRecord, CallerInputs, DeviceContext, InterpretOptions, InterpretResult, Trace } from './types.js';

const STEP_LIMIT = 10_000_000;
const PATH_LIMIT = 256;

/**
 * Runs one program on one request, instruction by instruction, as the kernel would. Written to be obviously right and not fast: it is
 * the referee of the symbolic evaluator and shares nothing with it but the decoder.
 *
 * What the request does not determine (helper results, map contents that were not read, kernel memory) is unknown, bit by bit. Where a
 * branch depends on it both ways are followed; if they end alike the result stands, else it is undecided with the reasons named.
 *
 * @param request Fields of the context. Any 32-bit numbers are answered, also ones that the kernel never asks about.
 * @returns what the program returns and does to the retval state, or why that is not known.
 */
export function interpret(
  program: Program,
  environment: ProgramEnvironment,
  request: DeviceContext,
  options: InterpretOptions = {},
): InterpretResult {
  if (environment.freplaced !== 'no') {
    return { outcome: 'undecided', reason: 'freplace', reasons: ['freplace'], usedRetval: false, dependsOn: [] };
  }
  const machine = new Machine({ programId: null, program, environment }, request, options);
  const budget = { steps: options.stepLimit ?? STEP_LIMIT, paths: options.pathLimit ?? PATH_LIMIT };
  return explore(machine, budget);
}

interface Budget {
  steps: number;
  paths: number;
}

function explore(machine: Machine, budget: Budget): InterpretResult {
  for (;;) {
    if (budget.steps-- <= 0) return undecided(machine, ['steps']);
    machine.steps++;
    const result = step(machine);
    if (result === 'continue') continue;
    if ('exit' in result) return returned(machine, result);
    if ('undecided' in result) return undecided(machine, result.undecided);
    budget.paths -= result.fork.length - 1;
    if (budget.paths <= 0) return undecided(machine, mergeReasons(result.reasons, ['steps']));
    return result.fork
      .map((path) => explore(path, budget))
      .reduce((first, second) => combine(first, second, result.reasons));
  }
}

function undecided(machine: Machine, reasons: readonly string[]): InterpretResult {
  return {
    outcome: 'undecided',
    reason: reasons.join(', '),
    reasons,
    usedRetval: machine.usedRetval,
    dependsOn: [...machine.dependsOn].sort(),
  };
}

function returned(
  machine: Machine,
  { exit, slot, programId }: Extract<StepResult, { exit: unknown }>,
): InterpretResult {
  if (exit.unknown !== 0n) return undecided(machine, exit.reasons);
  // The verifier lets no other return value through (kernel/bpf/verifier.c, check_return_code).
  if (exit.value > 1n) return undecided(machine, ['return-value']);
  const { retval } = machine;
  return {
    outcome: 'return',
    r0: exit.value,
    retval: retval.unknown === 0n ? Number(BigInt.asIntN(32, retval.value)) : null,
    retvalReasons: retval.reasons,
    usedRetval: machine.usedRetval,
    dependsOn: [...machine.dependsOn].sort(),
    trace: { programId, exit: slot, lastBranch: machine.lastBranch, steps: machine.steps, path: machine.path },
  };
}

/** Two ways that something unknown decides between. */
function combine(a: InterpretResult, b: InterpretResult, reasons: readonly string[]): InterpretResult {
  const both = {
    usedRetval: a.usedRetval || b.usedRetval,
    dependsOn: [...new Set([...a.dependsOn, ...b.dependsOn])].sort(),
  };
  if (a.outcome === 'return' && b.outcome === 'return' && a.r0 === b.r0) {
    if (a.retval === b.retval && a.retval !== null) return { ...a, ...both };
    const retvalReasons = mergeReasons(mergeReasons(a.retvalReasons, b.retvalReasons), reasons);
    return { ...a, ...both, retval: null, retvalReasons };
  }
  const all = [a, b].reduce(
    (sum, one) => (one.outcome === 'undecided' ? mergeReasons(sum, one.reasons) : sum),
    reasons,
  );
  return { outcome: 'undecided', reason: all.join(', '), reasons: all, ...both };
}
