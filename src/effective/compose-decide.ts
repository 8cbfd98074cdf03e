import {
  interpret,
  type BranchRecord,
  type CallerInputs,
  type InterpretResult,
} from '../ebpf/interpreter/interpret.js';
import type { Partition } from '../symbolic/partition.js';
import { hasSetRetval } from '../symbolic/kernel-release.js';
import type { DeviceRequest } from '../policy/types.js';
import type { EffectiveEntry } from './compose.js';
import { seenInOrder } from './shared-maps.js';

const EPERM = 1;
const MAX_ERRNO = 4095;

/** One request, run through every program of a list by the concrete interpreter. */
export interface Decision {
  readonly verdict: 'allow' | 'deny' | 'undecided';
  /** Why there is no verdict; null where there is one. */
  readonly reason: string | null;
  /** What the system call fails with, positive (EPERM is 1); null if that is not known, and for other verdicts. */
  readonly errno: number | null;
  /** By entry; null where an entry has no program that could be run. */
  readonly results: readonly (InterpretResult | null)[];
  /** For a denial: the first program after which the request was refused for good, and how it came to its exit. */
  readonly deciding: DecidingProgram | null;
}

export interface DecidingProgram {
  /** Index in the list. */
  readonly index: number;
  /** Program that was listed. */
  readonly programId: number;
  /** Program the exit is in, where a tail call led to another; otherwise the same. */
  readonly exitProgramId: number;
  /** Slot of its exit, as bpftool numbers. */
  readonly exit: number;
  readonly lastBranch: BranchRecord | null;
}

/**
 * retval while the list runs: a number; certainly an error, but not known which; or not known, for the reasons given.
 */
type Retval = { readonly known: number } | { readonly refused: true } | { readonly unknown: readonly string[] };

/** Answers for an entry that is a policy and no program. */
export type PartitionLookup = (
  partition: Partition,
  request: DeviceRequest,
) => { readonly verdict: 'allow' | 'deny' | 'undecided'; readonly reason: string };

const noPartitions: PartitionLookup = () => ({ verdict: 'undecided', reason: 'unreadable' });

/**
 * The kernel's verdict on one request by running every program concretely, in order (kernel/bpf/cgroup.c, bpf_prog_run_array_cg; see
 * `composeEffective`). What is known of the caller may be given; what is not makes verdicts that depend on it undecided.
 */
export function decide(
  entries: readonly EffectiveEntry[],
  request: DeviceRequest,
  kernelRelease: string | null,
  caller: CallerInputs = {},
  inPartition: PartitionLookup = noPartitions,
): Decision {
  return decideSeen(seenInOrder(entries), request, kernelRelease, caller, inPartition);
}

/** As `decide`, for many requests: the list is given as `seenInOrder` makes it. */
export function decideSeen(
  seen: readonly EffectiveEntry[],
  request: DeviceRequest,
  kernelRelease: string | null,
  caller: CallerInputs,
  inPartition: PartitionLookup,
): Decision {
  const mayUndo = hasSetRetval(kernelRelease);
  const results: (InterpretResult | null)[] = [];
  let retval: Retval = { known: 0 };
  let deciding: DecidingProgram | null = null;
  for (const [index, entry] of seen.entries()) {
    const step = runEntry(entry, request, retval, mayUndo, caller, inPartition);
    results.push(step.result);
    if (isRefused(step.retval) && !isRefused(retval)) deciding = describe(entry, index, step.result);
    retval = step.retval;
  }
  return { ...conclude(retval), results, deciding: isRefused(retval) ? deciding : null };
}

function conclude(retval: Retval): Pick<Decision, 'verdict' | 'reason' | 'errno'> {
  if ('unknown' in retval)
    return { verdict: 'undecided', reason: [...new Set(retval.unknown)].sort().join(), errno: null };
  if ('refused' in retval) return { verdict: 'deny', reason: null, errno: null };
  if (retval.known === 0) return { verdict: 'allow', reason: null, errno: null };
  return { verdict: 'deny', reason: null, errno: Math.abs(retval.known) };
}

function isRefused(retval: Retval): boolean {
  return 'refused' in retval || ('known' in retval && retval.known !== 0);
}

interface Step {
  readonly result: InterpretResult | null;
  readonly retval: Retval;
}

function runEntry(
  entry: EffectiveEntry,
  request: DeviceRequest,
  before: Retval,
  mayUndo: boolean,
  caller: CallerInputs,
  inPartition: PartitionLookup,
): Step {
  if (entry.kind === 'unreadable') return { result: null, retval: unknownAfter(before, [entry.reason], mayUndo) };
  if (entry.kind === 'partition') {
    const { verdict, reason } = inPartition(entry.partition, request);
    const retval = verdict === 'undecided' ? unknownAfter(before, [reason], false) : after(before, verdict === 'allow');
    return { result: null, retval };
  }
  const retvalIn = 'known' in before ? before.known : null;
  const result = interpret(entry.program, entry.environment, request, { retvalIn, caller });
  if (result.outcome === 'undecided') {
    return { result, retval: unknownAfter(before, result.reasons, mayUndo && mayHaveUndone(result)) };
  }
  return { result, retval: after(retvalLeft(result, before), result.r0 !== 0n) };
}

function retvalLeft(result: InterpretResult & { outcome: 'return' }, before: Retval): Retval {
  if (!result.usedRetval) return before;
  return result.retval === null ? { unknown: result.retvalReasons } : { known: result.retval };
}

/** Reasons that leave the return value open but not what else the program did. */
const ONLY_RETURN_VALUE = /^(depends:|kernel-memory|uninitialised|return-value|helper:(?!unresolved))/;

function mayHaveUndone(result: InterpretResult & { outcome: 'undecided' }): boolean {
  return result.usedRetval || !result.reasons.every((reason) => ONLY_RETURN_VALUE.test(reason));
}

/** r0 = 0 makes a retval that is no errno -EPERM, so that the request is refused whatever it was. */
function after(retval: Retval, returnsNonZero: boolean): Retval {
  if (returnsNonZero) return retval;
  if ('known' in retval) return retval.known < 0 && retval.known >= -MAX_ERRNO ? retval : { known: -EPERM };
  return { refused: true };
}

/** After a program of which it is not known what it returns; where bpf_set_retval exists it may have undone a denial. */
function unknownAfter(before: Retval, reasons: readonly string[], mayUndo: boolean): Retval {
  if (!mayUndo && isRefused(before)) return before;
  return { unknown: 'unknown' in before ? [...before.unknown, ...reasons] : reasons };
}

function describe(entry: EffectiveEntry, index: number, result: InterpretResult | null): DecidingProgram | null {
  if (entry.kind !== 'program' || result?.outcome !== 'return') return null;
  const { exit, lastBranch, programId } = result.trace;
  return { index, programId: entry.id, exitProgramId: programId ?? entry.id, exit, lastBranch };
}
