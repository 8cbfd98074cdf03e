import { decide } from '../../effective/compose-decide.js';
import type { EffectiveEntry } from '../../effective/compose.js';
import { afterApply, afterReload, type PendingRequest } from '../../effective/pending.js';
import { pendingLevels } from '../../effective/pending-levels.js';
import { isUnread } from '../../effective/pending-unread.js';
import type { LevelChange, NoPending, Pending, PendingPolicy as Predicted } from '../../effective/pending-types.js';
import { decideCompiled } from '../../intent/compiled.js';
import { compiledSet } from '../../intent/set.js';
import type { IntendedPolicy } from '../../intent/types.js';
import type { DeviceSet, DeviceSpace } from '../../policy/device-set.js';
import type { DeviceRequest } from '../../policy/types.js';
import type { Partition } from '../../symbolic/partition.js';
import type { Subject } from '../subjects.js';
import type { Examined, PendingPolicy, Verdict } from '../types.js';
import { combine, concreteList, type InPartition } from './concrete.js';
import { problemOfUnits } from '../problems.js';
import { bothVerdicts, replayBoth, isAsked, v1Verdict, type Applying } from './enforced.js';
import { atCallSites, toPolicy } from './partitions.js';
import type { Workshop } from './workshop.js';

/** What systemd would leave after its next events. */
export function pendingPolicies(
  workshop: Workshop,
  subject: Subject,
  applying: Applying,
  intended: Examined<IntendedPolicy>,
): Record<'afterReload' | 'afterApply', Examined<PendingPolicy>> {
  const request = pendingRequest(workshop, subject, applying, intended);
  const examine = (pending: Pending): Examined<PendingPolicy> => examined(workshop, applying, pending);
  return { afterReload: examine(afterReload(request)), afterApply: examine(afterApply(request)) };
}

function pendingRequest(
  workshop: Workshop,
  subject: Subject,
  applying: Applying,
  intended: Examined<IntendedPolicy>,
): PendingRequest {
  const { snapshot, unitsBefore, space, evaluator, loader } = workshop;
  const { levels, changed } = pendingLevels(space, evaluator, loader, snapshot, applying.cgroup);
  return {
    space,
    evaluator,
    snapshot,
    unitsBefore,
    subject: { cgroup: applying.cgroup, nestedIn: subject.container?.nestedIn ?? null },
    levels,
    changed,
    alsoRequired: applying.v1,
    runtimeOwn: runtimeOwn(workshop, intended),
  };
}

/** What the container's runtime would itself attach, in every dialect that is possible. */
function runtimeOwn({ space }: Workshop, intended: Examined<IntendedPolicy>): DeviceSet[] {
  if (intended.status !== 'known') return [];
  const { policy } = intended;
  if (policy.undecided.length === 0) return [policy.allowed, ...compiledSets(space, policy)];
  return compiledSets(space, policy);
}

function compiledSets(space: DeviceSpace, { dialects }: IntendedPolicy): DeviceSet[] {
  return dialects.flatMap(({ compiled }) => (compiled === null ? [] : [compiledSet(space, compiled)]));
}

function examined(workshop: Workshop, applying: Applying, pending: Pending): Examined<PendingPolicy> {
  if (pending.kind === 'none') return unreadFiles(workshop, applying, pending.reason) ?? NO_PENDING[pending.reason];
  const { policy } = pending;
  return {
    status: 'known',
    policy: atCallSites(workshop, {
      allowed: policy.allowed,
      denied: policy.denied,
      undecided: policy.undecided,
      event: { kind: policy.event.kind, text: policy.event.text, measured: policy.event.measured },
      unit: policy.changes[0]?.unit ?? '',
      needDaemonReload: policy.needDaemonReload,
      unread: [...policy.unread],
      missingPins: policy.changes.flatMap(({ missingPins }) => missingPins),
      assumed: policy.changes.flatMap(({ assumedPins }) => assumedPins),
      sources: sourcesOf(workshop, policy),
    }),
    ...concretePending(workshop, applying, policy),
  };
}

/** Files that are there and could not be read are no reason to say that there is nothing to predict. */
function unreadFiles(
  { snapshot }: Workshop,
  { cgroup }: Applying,
  reason: NoPending,
): Extract<Examined, { status: 'unread' }> | null {
  const problem = reason === 'no-files' ? snapshot.problems.find(problemOfUnits(snapshot, cgroup)) : undefined;
  return problem === undefined ? null : { status: 'unread', reason: problem.message };
}

const NO_PENDING: Readonly<Record<NoPending, Exclude<Examined, { status: 'known' }>>> = {
  'no-unit': { status: 'none', reason: 'no systemd unit owns this cgroup' },
  'inner-manager': { status: 'none', reason: "a user's own systemd has its unit, and attaches no device program" },
  'no-files': { status: 'none', reason: 'the files of its unit are not known' },
  'not-shown': { status: 'none', reason: 'systemd was not asked about its unit' },
  'programs-changed': { status: 'unread', reason: 'the attached programs changed while they were read' },
  'too-many-readings': { status: 'unread', reason: 'too many attached programs may be the one systemd replaces' },
  'cgroup-v1-controller': { status: 'none', reason: 'systemd uses the devices controller of cgroup v1 on this host' },
  'no-cgroup': { status: 'none', reason: 'it is not running' },
};

/** Where systemd's settings were read: files for a reload, systemd's own answer for a property change. */
function sourcesOf({ snapshot }: Workshop, { basis, changes }: Predicted): string[] {
  if (basis === 'shown') return changes.map(({ unit }) => `systemctl show ${unit}`);
  const units = snapshot.units.filter(({ name, cgroup }) =>
    changes.some((change) => change.unit === name && change.cgroup === cgroup),
  );
  return units.flatMap(({ files }) => files ?? []).map(({ path }) => path);
}

/** Requests after the event: the programs that stay are run, the lists of those to come are asked rule by rule. All readings must agree. */
function concretePending(
  workshop: Workshop,
  applying: Applying,
  policy: Predicted,
): Pick<Extract<Examined, { status: 'known' }>, 'decide' | 'replay'> {
  const { kernelRelease } = workshop.snapshot.host;
  const lists = policy.lists.map((list) =>
    concreteList(list, kernelRelease, () => comingPrograms(workshop, policy, list)),
  );
  return {
    decide: (request) => {
      if (!isAsked(workshop, request)) return 'allow';
      const verdicts = new Set(lists.map((list) => list.decide(request)));
      const [only] = verdicts;
      const agreed = verdicts.size === 1 && only !== undefined ? only : 'undecided';
      return bothVerdicts(agreed, v1Verdict(workshop, applying, request));
    },
    replay: (request, verdict) => combine(lists.map((list) => replayBoth(workshop, applying, list, request, verdict))),
  };
}

/** Programs to come stand in the list leaf first, as the changes do. Should that not fit, only the diagram knows which stands where. */
function comingPrograms(workshop: Workshop, { changes }: Predicted, list: readonly EffectiveEntry[]): InPartition {
  const coming = changes.filter(({ adds, refused }) => adds && !refused);
  const { space } = workshop;
  const places = list.filter((entry) => entry.kind === 'partition' && !isUnread(entry.partition, space)).length;
  let next = 0;
  return (partition, request) => {
    if (isUnread(partition, space)) return { verdict: 'undecided', reason: 'unreadable' };
    const change = places === coming.length ? coming[next++] : undefined;
    const verdict = change === undefined ? null : comingVerdict(workshop, change, request);
    return { verdict: verdict ?? partitionVerdict(workshop, partition, request), reason: 'systemd' };
  };
}

/** systemd's next program asked rule by rule; or, where it can only be told from the attached one, by running that. Null: neither is possible. */
function comingVerdict(
  workshop: Workshop,
  { compiled, asBefore }: LevelChange,
  request: DeviceRequest,
): Verdict | null {
  if (asBefore !== null)
    return decide([workshop.loader.get(asBefore)], request, workshop.snapshot.host.kernelRelease).verdict;
  if (compiled.program === null) return null;
  return decideCompiled(compiled.program, request).allow ? 'allow' : 'deny';
}

function partitionVerdict(workshop: Workshop, partition: Partition, request: DeviceRequest): Verdict {
  const policy = toPolicy(workshop, partition);
  return policy.allowed.contains(request) ? 'allow' : policy.denied.contains(request) ? 'deny' : 'undecided';
}
