import type { CheckInput } from '../checks/check.js';
import type { ProgramView } from '../programs.js';
import type { NamedCause } from './types.js';

/** runc 1.0.0 and later replaces its program; before, each update attached one more (opencontainers/runc 2366, 2474, mended by 2994 and the replacing of 1.0.0). */
const REPLACES_SINCE = '1.0.0';

/** Programs that repeat are runc's own, one for each update, where its recorded list compiles to exactly them by a generation that never replaced. */
export function leakCause(
  { analysis: { subject, intended } }: CheckInput,
  repeated: readonly ProgramView[],
): NamedCause | null {
  if (intended.status !== 'known' || intended.policy.runtime !== 'runc') return null;
  const { allowed, undecided, generation } = intended.policy;
  if (undecided.length > 0 || generation.includes('1.0.0 and later')) return null;
  const { neverAsked } = allowed.space;
  const meant = allowed.subtract(neverAsked);
  const own = repeated.filter(
    ({ alone }) => alone?.undecided.length === 0 && alone.allowed.subtract(neverAsked).equals(meant),
  );
  if (own.length < 2) return null;
  return {
    kind: 'leaked-programs',
    runtime: 'runc',
    version: subject.container?.runtimeVersion?.version ?? null,
    about: own.map(({ id }) => String(id)),
    fixedIn: REPLACES_SINCE,
    evidence: [`${String(own.length)} programs are the recorded list as runc ${generation} compiles it`],
  };
}
