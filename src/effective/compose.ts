import { FALSE, type BddManager } from '../bdd/manager.js';
import type { Evaluator, Outcome } from '../symbolic/evaluate.js';
import { hasSetRetval } from '../symbolic/kernel-release.js';
import { joinReasons, type Partition, type UndecidedRegion } from '../symbolic/partition.js';
import type { LoadedProgram } from './compose-programs.js';
import { seenInOrder } from './shared-maps.js';

/** One element of a run array: a program, or a policy that some program is going to have. */
export type EffectiveEntry = LoadedProgram | { kind: 'partition'; partition: Partition };

/**
 * What a list of programs decides together, run in this order (index 0 first) as the kernel runs the effective array of a cgroup.
 *
 * Linux up to 5.17: every program must return 1. Since 5.18 bpf_set_retval lets a program undo or add denials, so the list is folded in
 * order (`symbolic/retval.ts`); where no program can call it that is the same. Inputs such as the caller's uid mean the same in all programs.
 * What earlier programs may have written to maps is unknown to later ones.
 * A program that cannot be read may do anything one program can: others still deny, but what comes before it may be undone.
 *
 * An empty list allows everything.
 */
export function composeEffective(
  evaluator: Evaluator,
  entries: readonly EffectiveEntry[],
  kernelRelease: string | null,
): Partition {
  const setters = hasSetRetval(kernelRelease);
  const outcomes = seenInOrder(entries).map((entry, index): Outcome => {
    switch (entry.kind) {
      case 'program':
        return evaluator.evaluate(entry.program, entry.environment, occurrencesBefore(entries, index)).outcome;
      case 'unreadable':
        return evaluator.unknownOutcome(`unreadable:${String(index)}:${entry.reason}`, entry.reason, setters);
      case 'partition':
        return outcomeOf(evaluator, entry.partition, index);
    }
  });
  return evaluator.verdictOf(outcomes);
}

/** The same bytes may stand in the list more than once (two links, two levels); each run draws its own random numbers. */
function occurrencesBefore(entries: readonly EffectiveEntry[], index: number): number {
  const entry = entries[index];
  if (entry?.kind !== 'program') return 0;
  return entries
    .slice(0, index)
    .filter((other) => other.kind === 'program' && Buffer.compare(other.program.bytes, entry.program.bytes) === 0)
    .length;
}

function outcomeOf(evaluator: Evaluator, partition: Partition, index: number): Outcome {
  const m = evaluator.manager;
  const maybe = partition.undecided.map(({ region, reason }, part) => {
    const unknown = evaluator.unknownOutcome(`partition:${String(index)}.${String(part)}:${reason}`, reason, false);
    return m.and(region, unknown.returnsNonZero);
  });
  return { returnsNonZero: m.orAll([partition.allowed, ...maybe]), retval: null };
}

/** Both must allow: the device programs and, on hybrid hosts, the v1 controller. Deny and undecided is deny. */
export function intersectPartitions(m: BddManager, a: Partition, b: Partition): Partition {
  const allowed = m.and(a.allowed, b.allowed);
  const denied = m.or(a.denied, b.denied);
  const undecided: UndecidedRegion[] = [];
  const put = (region: number, reason: string): void => {
    if (region !== FALSE) undecided.push({ region, reason });
  };
  for (const part of a.undecided) {
    put(m.and(part.region, b.allowed), part.reason);
    for (const other of b.undecided) put(m.and(part.region, other.region), joinReasons([part.reason, other.reason]));
  }
  for (const part of b.undecided) put(m.and(part.region, a.allowed), part.reason);
  return { allowed, denied, undecided };
}
