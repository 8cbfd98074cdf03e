import type { DeviceSet } from '../policy/device-set.js';
import { differencesOf, type CheckInput } from './checks/check.js';
import { nodesOf, replayedWitness } from './compare.js';
import { isOwnLevel } from './examine/programs.js';
import type { ProgramView } from './programs.js';
import { lostRules, regionRules } from './region-rules.js';
import { loadTime, triggerOf } from './trigger.js';
import type { DenyingProgram, Evidence } from './types.js';

/** Where intended requests are denied: `own` by every program of the container's own level, `beside` by some of them, `above` only further up. */
export interface MissingPart {
  where: 'own' | 'beside' | 'above';
  evidence: Evidence;
}

/**
 * Splits what is missing by the level that denies it, exactly: a container may lose one device to a second program on its own cgroup and another
 * to a slice above.
 */
export function missingByLevel(input: CheckInput): MissingPart[] {
  const [missing] = differencesOf(input, 'missing');
  if (missing === undefined) return [];
  const { space } = missing.region;
  const own = input.analysis.programs.filter(
    (program) => program.attachedAt !== null && isOwnLevel(input, input.analysis.subject, program.attachedAt),
  );
  const deniedByOwn = own.map((program) => program.alone?.denied ?? space.nothing);
  const everyOwn = own.length === 0 ? space.nothing : missing.region.intersect(space.intersectAll(deniedByOwn));
  const someOwn = missing.region.intersect(space.unionAll(deniedByOwn)).subtract(everyOwn);
  const above = missing.region.subtract(everyOwn).subtract(someOwn);
  return [
    ...part(input, 'own', everyOwn, own),
    ...part(input, 'beside', someOwn, own),
    ...part(
      input,
      'above',
      above,
      input.analysis.programs.filter((program) => !own.includes(program)),
    ),
  ];
}

function part(
  input: CheckInput,
  where: MissingPart['where'],
  region: DeviceSet,
  programs: readonly ProgramView[],
): MissingPart[] {
  const { enforced, intended } = input.analysis;
  if (region.isEmpty() || enforced.status !== 'known' || intended.status !== 'known') return [];
  const denying = programs.filter(
    (program) => program.alone !== null && !program.alone.denied.intersect(region).isEmpty(),
  );
  const cgroup = where === 'above' ? denying[0]?.attachedAt : null;
  const evidence: Evidence = {
    ...lostRules(region, input.names),
    witness: replayedWitness(region, enforced, intended, ['deny', 'allow'], nodesOf(input.analysis)),
    programs: denying.map(({ id }) => id),
    denying: denying.map((program) => describe(input, program)),
    ...(cgroup == null ? {} : { cgroup }),
  };
  return [{ where, evidence }];
}

function describe(input: CheckInput, program: ProgramView): DenyingProgram {
  const { subject, programs } = input.analysis;
  const own = programs.filter(({ attachedAt }) => attachedAt === subject.cgroup);
  const loads = own.flatMap((each) => loadTime(each) ?? []);
  const loaded = loadTime(program);
  return {
    id: program.id,
    author: program.author.confidence === 'unknown' ? 'unknown writer' : program.author.name,
    secondsAfterFirst: loaded === null || loads.length === 0 ? null : loaded - Math.min(...loads),
    ...triggerOf(input.snapshot, subject.container, program, own),
    allows: program.alone === null ? [] : regionRules(program.alone.allowed).rules,
  };
}
