import { InternalError } from '../../errors.js';
import { interpret } from '../../ebpf/interpreter/interpret.js';
import { decide } from '../../effective/compose-decide.js';
import { formatRequest } from '../../policy/rule-text.js';
import type { DeviceRequest } from '../../policy/types.js';
import type { Decision, DecisionStep } from '../decision.js';
import { decidingInstruction, needsTurning } from '../deciding.js';
import type { ProgramView } from '../programs.js';
import { turningOf } from '../turning.js';
import type { PolicyChoice, SubjectAnalysis, Verdict } from '../types.js';
import { bothVerdicts, isAsked, v1Verdict, type Applying } from './enforced.js';
import type { LoadedProgram } from '../../effective/compose-programs.js';
import type { Workshop } from './workshop.js';

/** How much is worked out about a decision. */
export interface DecideOptions {
  /** What of the request turned the way, where the program computed it: costs an evaluation of the program. Default false: `turning` is null then. */
  turning?: boolean;
}

/** One request through the concrete programs. For policies that no program stands for yet, the lists are asked. */
export function decideRequest(
  workshop: Workshop,
  analysis: SubjectAnalysis,
  request: DeviceRequest,
  choice: PolicyChoice,
  options: DecideOptions,
): Decision {
  if (choice === 'enforced' && analysis.decidedBy !== null)
    return runPrograms(workshop, analysis, analysis.decidedBy, request, options);
  const examined = analysis[choice];
  if (examined.status !== 'known')
    return { verdict: 'undecided', reasons: [examined.reason], asked: true, steps: [], v1: null };
  const open = examined.policy.undecided.find(({ region }) => region.contains(request));
  const verdict = open === undefined ? examined.decide(request) : 'undecided';
  return {
    verdict,
    reasons: open === undefined ? [] : [open.reason],
    asked: isAsked(workshop, request),
    steps: [],
    v1: null,
  };
}

function runPrograms(
  workshop: Workshop,
  analysis: SubjectAnalysis,
  applying: Applying,
  request: DeviceRequest,
  { turning = false }: DecideOptions,
): Decision {
  if (!isAsked(workshop, request)) return { verdict: 'allow', reasons: [], asked: false, steps: [], v1: null };
  const { verdict, reason } = decide(
    applying.programs.map(({ loaded }) => loaded),
    request,
    workshop.snapshot.host.kernelRelease,
  );
  const v1 = v1Verdict(workshop, applying, request);
  const both = bothVerdicts(verdict, v1);
  const settled = both === 'undecided' ? settledByEvaluator(analysis, request) : both;
  const open = [...(reason === null ? [] : reason.split(',')), ...(v1 === 'undecided' ? ['v1:hidden-denies'] : [])];
  const reasons = settled === 'undecided' ? open : [];
  const steps = applying.programs.map(({ loaded }, index) => {
    const program = analysis.programs[index];
    if (program === undefined) throw new InternalError('a program that runs is not among those shown');
    return stepOf(turning ? workshop : null, program, loaded, request);
  });
  return { verdict: settled, reasons, asked: true, steps, v1: applying.v1 === null ? null : v1 };
}

/** The interpreter takes two unknown values for different ones; the evaluator may know that the verdict is the same for every caller. */
function settledByEvaluator({ enforced }: SubjectAnalysis, request: DeviceRequest): Verdict {
  if (enforced.status !== 'known') return 'undecided';
  const { allowed, denied } = enforced.policy;
  const verdict: Verdict = allowed.contains(request) ? 'allow' : denied.contains(request) ? 'deny' : 'undecided';
  return verdict !== 'undecided' && enforced.replay(request, verdict) === 'confirmed' ? verdict : 'undecided';
}

/** One program by itself, with its path recorded: what it says, and where; with a workshop also what of the request turned the way. */
function stepOf(
  workshop: Workshop | null,
  program: ProgramView,
  loaded: LoadedProgram,
  request: DeviceRequest,
): DecisionStep {
  if (loaded.kind === 'unreadable')
    return { program, verdict: 'undecided', reasons: [program.problem ?? loaded.reason], deciding: null };
  const result = interpret(loaded.program, loaded.environment, request, { recordPath: true });
  if (result.outcome === 'undecided')
    return { program, verdict: 'undecided', reasons: [...result.reasons], deciding: null };
  // Since Linux 5.18 bpf_set_retval(-errno) denies although the program returns 1 (kernel/bpf/cgroup.c, bpf_prog_run_array_cg).
  if (result.r0 !== 0n && result.retval === null)
    return { program, verdict: 'undecided', reasons: [...result.retvalReasons], deciding: null };
  const verdict = result.r0 !== 0n && result.retval === 0 ? 'allow' : 'deny';
  const { trace } = result;
  const deciding = decidingInstruction(loaded.program, trace, request);
  if (workshop === null || !needsTurning(loaded.program, trace, deciding))
    return { program, verdict, reasons: [], deciding };
  const watched = deciding.branch === null ? null : (loaded.program.positionOfSlot[deciding.branch.slot] ?? null);
  const arrivals = workshop.evaluator.arrivals(loaded.program, loaded.environment, watched);
  return { program, verdict, reasons: [], deciding: { ...deciding, turning: turningOf(arrivals, request) } };
}

/** Answers from the diagram are checked against the interpreter this many times per run: cheap, and any disagreement is loud. */
const CROSS_CHECKS = 2000;

/**
 * Many requests. Where the diagram has no answer the programs are run: all that apply now, as for a single request, and those that are to come where it is for
 * want of a budget.
 */
export function answerer(analysis: SubjectAnalysis, choice: PolicyChoice): (request: DeviceRequest) => Verdict {
  const examined = analysis[choice];
  if (examined.status !== 'known') return () => 'undecided';
  const { policy } = examined;
  let checks = 0;
  return (request) => {
    const symbolic: Verdict = policy.allowed.contains(request)
      ? 'allow'
      : policy.denied.contains(request)
        ? 'deny'
        : 'undecided';
    if (symbolic === 'undecided')
      return choice === 'enforced' || isBudget(policy.undecided, request) ? examined.decide(request) : 'undecided';
    if (checks < CROSS_CHECKS) {
      checks += 1;
      if (examined.replay(request, symbolic) === 'contradicted') {
        const concrete = examined.decide(request);
        throw new InternalError(
          `evaluator (${symbolic}) and interpreter (${concrete}) disagree on ${formatRequest(request)}`,
        );
      }
    }
    return symbolic;
  };
}

function isBudget(
  undecided: readonly { region: { contains(request: DeviceRequest): boolean }; reason: string }[],
  request: DeviceRequest,
): boolean {
  return undecided.some(({ region, reason }) => reason.split(',').includes('budget') && region.contains(request));
}
