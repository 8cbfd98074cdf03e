import type { DecidingInstruction } from './deciding.js';
import type { ProgramView } from './programs.js';
import type { Verdict } from './types.js';

/** One request, answered by running the programs one after another, and how it came to that. */
export interface Decision {
  verdict: Verdict;
  /** Why it is undecided; empty otherwise. */
  reasons: string[];
  /** False where the kernel asks no program at all: device 0:0 but for `mknod b 0:0`. */
  asked: boolean;
  /** In the order the kernel runs them. All run, also after a denial. */
  steps: DecisionStep[];
  /** What the cgroup v1 devices controller says besides, on hybrid hosts; null: there is none. A yes is needed from both. */
  v1: Verdict | null;
}

/** One program's part in a decision. */
export interface DecisionStep {
  program: ProgramView;
  /** What this program says by itself. */
  verdict: Verdict;
  reasons: string[];
  /** Where it decided; null if it did not get that far. */
  deciding: DecidingInstruction | null;
}
