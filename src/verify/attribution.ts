import { compiledSet } from '../intent/set.js';
import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import { differencesOf, type CheckInput } from './checks/check.js';
import { pickWitness } from '../policy/witness.js';
import { hookedPrograms } from './causes/hook.js';
import { nodesOf, replayedWitness } from './compare.js';
import { isOwnLevel } from './examine/programs.js';
import type { ProgramView } from './programs.js';
import { lostRules, regionRules } from './region-rules.js';
import { loadTime, triggerOf } from './trigger.js';
import type { DenyingProgram, Evidence } from './types.js';

/** Where intended requests are denied: `own` by every program of the container's own level, `beside` by some of them, `above` only further up. */
export interface MissingPart {
  where: 'own' | 'beside' | 'above';
  region: DeviceSet;
  evidence: Evidence;
}

/**
 * Splits what is missing by the level that denies it, exactly: a container may lose one device to a second program on its own cgroup and another
 * to a slice above.
 */
export function missingByLevel(input: CheckInput): MissingPart[] {
  const [difference] = differencesOf(input, 'missing');
  if (difference === undefined) return [];
  const { space } = difference.region;
  const missing = difference.region.subtract(byOverlapOnly(input, space));
  const own = ownPrograms(input);
  const deniedByOwn = own.map((program) => program.alone?.denied ?? space.nothing);
  const everyOwn = own.length === 0 ? space.nothing : missing.intersect(space.intersectAll(deniedByOwn));
  const someOwn = missing.intersect(space.unionAll(deniedByOwn)).subtract(everyOwn);
  const above = missing.subtract(everyOwn).subtract(someOwn);
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

/**
 * Requests that a runtime's program lets through only because it tests whether accesses overlap (O_RDWR for a rule "r": runc before 1.0.0-rc94, crun before
 * 0.19). The list never said so, and systemd's program of the same list, which tests for the whole access, rightly denies them.
 */
function byOverlapOnly({ analysis: { intended } }: CheckInput, space: DeviceSpace): DeviceSet {
  if (intended.status !== 'known') return space.nothing;
  const policies = intended.policy.dialects.flatMap(({ compiled }) => (compiled === null ? [] : [compiled]));
  if (!policies.some(({ rules }) => rules.some(({ test, allow }) => allow && test === 'overlap'))) return space.nothing;
  const said = policies.map((policy) =>
    compiledSet(space, {
      ...policy,
      rules: policy.rules.map((rule) => (rule.allow ? { ...rule, test: 'subset' as const } : rule)),
    }),
  );
  return intended.policy.allowed.subtract(space.unionAll(said));
}

/** What a hook put into the container's own program, and another program of its levels denies: nothing recorded means it, and the container had it. */
export function takenFromHooks(input: CheckInput): MissingPart[] {
  const { enforced } = input.analysis;
  if (enforced.status !== 'known') return [];
  return hookedPrograms(input).flatMap(({ added }): MissingPart[] => {
    const region = added.intersect(enforced.policy.denied);
    const request = pickWitness(region, nodesOf(input.analysis));
    if (request === null) return [];
    const confirmed = enforced.replay(request, 'deny') === 'confirmed';
    const denying = denyingPrograms(ownPrograms(input), region);
    const evidence: Evidence = {
      ...lostRules(region, input.names),
      witness: confirmed ? { request, enforced: 'deny', other: 'allow' } : null,
      programs: denying.map(({ id }) => id),
      denying: denying.map((program) => describe(input, program)),
    };
    return [{ where: 'beside', region, evidence }];
  });
}

/** Programs of the container's own cgroup and of the levels up to its unit. */
function ownPrograms(input: CheckInput): ProgramView[] {
  const { programs, subject } = input.analysis;
  return programs.filter(({ attachedAt }) => attachedAt !== null && isOwnLevel(input, subject, attachedAt));
}

function denyingPrograms(programs: readonly ProgramView[], region: DeviceSet): ProgramView[] {
  return programs.filter(({ alone }) => alone !== null && !alone.denied.intersect(region).isEmpty());
}

function part(
  input: CheckInput,
  where: MissingPart['where'],
  region: DeviceSet,
  programs: readonly ProgramView[],
): MissingPart[] {
  const { enforced, intended } = input.analysis;
  if (region.isEmpty() || enforced.status !== 'known' || intended.status !== 'known') return [];
  const denying = denyingPrograms(programs, region);
  const place = denying[0]?.attachedAt;
  const cgroup = where === 'above' || place !== input.analysis.subject.cgroup ? place : null;
  const evidence: Evidence = {
    ...lostRules(region, input.names),
    witness: replayedWitness(region, enforced, intended, ['deny', 'allow'], nodesOf(input.analysis)),
    programs: denying.map(({ id }) => id),
    denying: denying.map((program) => describe(input, program)),
    ...(cgroup == null ? {} : { cgroup }),
  };
  return [{ where, region, evidence }];
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
    sinceStart: isSinceStart(program, ownPrograms(input)),
    allows: program.alone === null ? [] : regionRules(program.alone.allowed).rules,
  };
}

/**
 * Was it attached before the runtime's own program? On one cgroup the list is in the order of attaching, and a program that is put in the place of another
 * takes its place in the list too; on different levels the load times tell. Null: they do not.
 */
function isSinceStart(program: ProgramView, own: readonly ProgramView[]): boolean | null {
  const others = own.filter((each) => each !== program);
  const beside = others.filter(({ attachedAt }) => attachedAt === program.attachedAt);
  if (beside.length > 0) return beside.every((each) => own.indexOf(program) < own.indexOf(each));
  const loaded = loadTime(program);
  const times = others.map(loadTime);
  if (loaded === null || times.length === 0 || times.includes(null)) return null;
  return times.every((time) => time !== null && loaded <= time);
}
