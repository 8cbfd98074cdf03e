import { isOwnLevel } from '../examine/programs.js';
import type { CheckInput } from '../checks/check.js';
import { triggerOf } from '../trigger.js';
import type { NamedCause } from './types.js';

/** A runtime attaches before the container's first process runs; on a slow machine, or by a clock of whole seconds, some time lies between. */
const AFTER_START_S = 10;

/**
 * Another program stands where the runtime's should be. Named where no program of the container's own level is what any version of its runtime makes of the
 * recorded list, and one that came well after the start is there.
 */
export function replacedCause(input: CheckInput): NamedCause | null {
  const { snapshot, analysis } = input;
  const { subject, intended, programs } = analysis;
  if (subject.container === null || intended.status !== 'known' || intended.policy.undecided.length > 0) return null;
  const { allowed } = intended.policy;
  const { neverAsked } = allowed.space;
  const own = programs.filter(({ attachedAt }) => attachedAt !== null && isOwnLevel(input, subject, attachedAt));
  const meant = allowed.subtract(neverAsked);
  // One that cannot be read, or that holds the runtime's, may be the runtime's.
  if (own.some(({ alone }) => alone === null || alone.allowed.subtract(neverAsked).equals(meant))) return null;
  const late = own.flatMap((program) => {
    const { secondsAfterStart } = triggerOf(snapshot, subject.container, program, own);
    return secondsAfterStart !== null && secondsAfterStart > AFTER_START_S && program.record?.name !== 'sd_devices'
      ? [{ program, secondsAfterStart }]
      : [];
  });
  const [first] = late;
  if (first === undefined) return null;
  return {
    kind: 'replaced',
    runtime: first.program.author.name,
    version: null,
    about: late.map(({ program }) => String(program.id)),
    fixedIn: null,
    evidence: late.map(
      ({ program, secondsAfterStart }) =>
        `program ${String(program.id)} was loaded ${String(Math.round(secondsAfterStart))} s after the start, and the recorded list's own is not attached`,
    ),
  };
}
