import type { CallerInputs } from '../../ebpf/interpreter/interpret.js';
import { SAMPLE_CALLERS } from '../../ebpf/interpreter/sample-callers.js';
import { decideSeen, type Decision } from '../../effective/compose-decide.js';
import type { EffectiveEntry } from '../../effective/compose.js';
import { seenInOrder } from '../../effective/shared-maps.js';
import type { DeviceRequest } from '../../policy/types.js';
import type { Partition } from '../../symbolic/partition.js';
import type { Replay, Verdict } from '../types.js';

/** Answers for a policy in the list that no program stands for yet. */
export type InPartition = (partition: Partition, request: DeviceRequest) => { verdict: Verdict; reason: string };

const NO_PARTITION: InPartition = () => ({ verdict: 'undecided', reason: 'unreadable' });

export interface ConcreteList {
  /** The verdict for whoever asks; undecided where it may depend on who. */
  decide: (request: DeviceRequest) => Verdict;
  /**
   * What running the programs says about a verdict. Where the interpreter alone cannot tell that two unknown values are the same one, it is run for sample
   * callers: each must give that verdict.
   */
  replay: (request: DeviceRequest, verdict: Verdict) => Replay;
}

/** A list of programs, run one after another by the interpreter. */
export function concreteList(
  entries: readonly EffectiveEntry[],
  kernelRelease: string | null,
  inPartition: () => InPartition = () => NO_PARTITION,
): ConcreteList {
  const seen = seenInOrder(entries);
  const run = (request: DeviceRequest, caller: CallerInputs = {}): Decision =>
    decideSeen(seen, request, kernelRelease, caller, inPartition());
  return {
    decide: (request) => run(request).verdict,
    replay: (request, verdict) => {
      const plain = run(request);
      if (plain.verdict !== 'undecided' || !dependsOnCallerAlone(plain.reason)) return judge(plain.verdict, verdict);
      return combine(SAMPLE_CALLERS.map((caller) => judge(run(request, caller).verdict, verdict)));
    },
  };
}

export function judge(concrete: Verdict, claimed: Verdict): Replay {
  if (concrete === 'undecided') return 'open';
  return concrete === claimed ? 'confirmed' : 'contradicted';
}

/** Several runs of which each must agree. */
export function combine(replays: readonly Replay[]): Replay {
  if (replays.includes('contradicted')) return 'contradicted';
  return replays.includes('open') ? 'open' : 'confirmed';
}

function dependsOnCallerAlone(reason: string | null): boolean {
  const reasons = reason?.split(/, ?/) ?? [];
  return reasons.length > 0 && reasons.every((each) => each.startsWith('depends:') && !each.startsWith('depends:map:'));
}
