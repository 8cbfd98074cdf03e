import type { DeviceSet } from '../../policy/device-set.js';
import type { CheckInput } from '../checks/check.js';
import type { ProgramView } from '../programs.js';
import { ruleTexts } from './words.js';
import type { NamedCause } from './types.js';

/** A program that a hook widened, and by what. */
export interface Hooked {
  readonly program: ProgramView;
  /** Allowed by what the hook put in front, and not by the program behind it. */
  readonly added: DeviceSet;
}

/**
 * Programs of a container that a hook widened. Proven where what stands behind the hook's rules is, over the whole request space, what the runtime meant
 * to attach: then the rules in front are nobody's but the hook's.
 */
export function hookedPrograms({ analysis: { intended, programs } }: CheckInput): Hooked[] {
  if (intended.status !== 'known' || intended.policy.undecided.length > 0) return [];
  const { allowed } = intended.policy;
  const asked = (set: DeviceSet): DeviceSet => set.subtract(set.space.neverAsked);
  return programs.flatMap((program): Hooked[] => {
    const { alone, behindHook } = program;
    if (alone === null || behindHook === null || behindHook.undecided.length > 0) return [];
    if (!asked(behindHook.allowed).equals(asked(allowed))) return [];
    const added = asked(alone.allowed.subtract(behindHook.allowed));
    return added.isEmpty() ? [] : [{ program, added }];
  });
}

/** The hook behind a region, if it put all of it there. */
export function hookCause(input: CheckInput, region: DeviceSet): NamedCause | null {
  const hooked = hookedPrograms(input).filter(({ added }) => !added.intersect(region).isEmpty());
  const [first] = hooked;
  if (first === undefined || !region.implies(region.space.unionAll(hooked.map(({ added }) => added)))) return null;
  return {
    kind: 'hook',
    runtime: 'nvidia-hook',
    version: null,
    about: ruleTexts(region),
    fixedIn: null,
    evidence: hooked.map(
      ({ program, added }) =>
        `program ${String(program.id)}: rules for ${ruleTexts(added).join(', ')} in front of the runtime's own program`,
    ),
  };
}
