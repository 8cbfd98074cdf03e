import { modelCallSites } from '../../effective/compose-call-sites.js';
import { attributeEffective, cgroupLevels, type Level } from '../../effective/compose-levels.js';
import type { LoadedProgram } from '../../effective/compose-programs.js';
import { composeEffective, intersectPartitions } from '../../effective/compose.js';
import { v1Partition } from '../../effective/compose-v1.js';
import type { PolicyPartition } from '../../intent/types.js';
import type { DeviceRequest } from '../../policy/types.js';
import { cgroupAt } from '../../snapshot/lookup.js';
import type { CgroupRecord } from '../../snapshot/types.js';
import type { Partition } from '../../symbolic/partition.js';
import type { Subject } from '../subjects.js';
import type { Examined, Replay, Verdict } from '../types.js';
import { combine, concreteList, judge, type ConcreteList } from './concrete.js';
import { lazily } from './lazily.js';
import { toPolicy } from './partitions.js';
import type { Workshop } from './workshop.js';

/** One program of a run array, with the cgroup it is attached to if that could be told. */
export interface RunningProgram {
  loaded: LoadedProgram;
  cgroup: string | null;
}

/** What applies to a cgroup: its levels and the programs in the order the kernel runs them. */
export interface Applying {
  cgroup: string;
  levels: Level[];
  programs: RunningProgram[];
  /** The cgroup v1 devices controller on hybrid hosts; null where there is none. */
  v1: Partition | null;
}

/** @returns what applies, or why that is not known */
export function applyingPrograms(
  workshop: Workshop,
  subject: Subject,
): Applying | Exclude<Examined, { status: 'known' }> {
  const { snapshot, loader } = workshop;
  if (subject.cgroup === null) return withoutCgroup(subject);
  const record = cgroupAt(snapshot, subject.cgroup);
  if (record === undefined) return { status: 'unread', reason: 'its cgroup is not in the snapshot' };
  if ('failed' in record.effective) return { status: 'unread', reason: failureText(record.effective) };
  const levels = cgroupLevels(snapshot, record.path);
  const { entries } = attributeEffective(record.effective.programIds, levels);
  const programs = entries.map(({ programId, cgroup }) => ({ loaded: loader.get(programId), cgroup }));
  return { cgroup: record.path, levels, programs, v1: v1Controller(workshop, subject) };
}

function withoutCgroup({ container }: Subject): Exclude<Examined, { status: 'known' }> {
  if (container?.state === 'running')
    return { status: 'unread', reason: 'the cgroup of its first process could not be read' };
  return {
    status: 'none',
    reason:
      container?.state === 'stopped'
        ? 'it is not running'
        : 'no running container belongs to this record: it has an intent only',
  };
}

function failureText({ failed, code }: Extract<CgroupRecord['effective'], { failed: string }>): string {
  return code === null || failed.includes(code) ? failed : `${failed} (${code})`;
}

/**
 * On a hybrid host the v1 controller decides too. Runtimes give a container the same path in both hierarchies; where the lists that were read have another
 * path, which of them is the container's is not known and neither is what they add.
 */
function v1Controller({ snapshot, space }: Workshop, { cgroup, container }: Subject): Partition | null {
  const { cgroupLayout, v1Devices } = snapshot.host;
  if (cgroupLayout !== 'hybrid' || v1Devices.length === 0 || container === null) return null;
  const record =
    v1Devices.find(({ path }) => path === cgroup) ??
    (v1Devices.length === 1 ? v1Devices.find(({ path }) => path === '/') : undefined);
  if (record !== undefined) return v1Partition(space.manager, record.list, record.path === '/');
  return {
    allowed: space.nothing.ref,
    denied: space.nothing.ref,
    undecided: [{ region: space.everything.ref, reason: 'v1:cgroup' }],
  };
}

/** What the kernel decides now: all programs in order, the v1 controller beside them, and requests nobody is asked about. */
export function enforcedPolicy(workshop: Workshop, applying: Applying): Examined {
  const { kernelRelease } = workshop.snapshot.host;
  const list = concreteList(
    applying.programs.map(({ loaded }) => loaded),
    kernelRelease,
  );
  const policy = lazily(() => evaluateAll(workshop, applying));
  return {
    status: 'known',
    get policy() {
      return policy();
    },
    decide: (request) =>
      isAsked(workshop, request) ? bothVerdicts(list.decide(request), v1Verdict(workshop, applying, request)) : 'allow',
    replay: (request, verdict) => replayBoth(workshop, applying, list, request, verdict),
  };
}

function evaluateAll(workshop: Workshop, { programs, v1 }: Applying): PolicyPartition {
  const { snapshot, space, evaluator } = workshop;
  const { kernelRelease } = snapshot.host;
  const composed = composeEffective(
    evaluator,
    programs.map(({ loaded }) => loaded),
    kernelRelease,
  );
  const both = v1 === null ? composed : intersectPartitions(space.manager, composed, v1);
  return toPolicy(workshop, modelCallSites(space.manager, both, kernelRelease));
}

/** Programs and v1 controller together: an allow needs both, for a denial one is enough. */
export function replayBoth(
  workshop: Workshop,
  applying: Applying,
  list: ConcreteList,
  request: DeviceRequest,
  verdict: Verdict,
): Replay {
  if (!isAsked(workshop, request)) return judge('allow', verdict);
  const v1 = v1Verdict(workshop, applying, request);
  if (verdict === 'deny') return v1 === 'deny' ? 'confirmed' : list.replay(request, 'deny');
  return combine([judge(v1, verdict), list.replay(request, verdict)]);
}

export function isAsked({ neverAsked }: Workshop, request: DeviceRequest): boolean {
  return !(request.major === 0 && request.minor === 0 && neverAsked.contains(request));
}

export function v1Verdict(workshop: Workshop, { v1 }: Applying, request: DeviceRequest): Verdict {
  if (v1 === null) return 'allow';
  const policy = toPolicy(workshop, v1);
  return policy.allowed.contains(request) ? 'allow' : policy.denied.contains(request) ? 'deny' : 'undecided';
}

/** Both must allow; a denial is a denial whatever the other says. */
export function bothVerdicts(first: Verdict, second: Verdict): Verdict {
  if (first === 'deny' || second === 'deny') return 'deny';
  return first === 'allow' && second === 'allow' ? 'allow' : 'undecided';
}
