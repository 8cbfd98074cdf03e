import { BddManager } from '../../src/bdd/manager.js';
import { emptySnapshot } from '../../src/collect/empty.js';
import type { IntendedPolicy, PolicyPartition, UndecidedRegion } from '../../src/intent/types.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { DeviceNames } from '../../src/policy/names.js';
import { parseRule } from '../../src/policy/rule-text.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import type { ContainerRecord, Snapshot } from '../../src/snapshot/types.js';
import type { CheckInput } from '../../src/verify/checks/check.js';
import { compare } from '../../src/verify/compare.js';
import { judge } from '../../src/verify/examine/concrete.js';
import type { ProgramView } from '../../src/verify/programs.js';
import type { Examined, PendingEvent, PendingPolicy, SubjectAnalysis } from '../../src/verify/types.js';

/** Subjects made from rules, for tests of what is done with policies: where policies come from is tested elsewhere. */
export const space: DeviceSpace = new DeviceSpace(new BddManager());

/** The set of some rules, `c 1:3 rwm`; letters as in a policy. */
export function rules(...lines: string[]): DeviceSet {
  return space.forRules(lines.map((line) => parseRule(line)));
}

export function partition(allowed: DeviceSet, undecided: UndecidedRegion[] = []): PolicyPartition {
  const open = space.unionAll(undecided.map(({ region }) => region));
  return { allowed: allowed.subtract(open), denied: space.everything.subtract(allowed).subtract(open), undecided };
}

/** A policy whose concrete decider answers from the sets, unless the test wants a lying one. */
export function known<P extends PolicyPartition>(
  policy: P,
  decide?: (request: DeviceRequest) => 'allow' | 'deny' | 'undecided',
): Examined<P> {
  const fromSets = (request: DeviceRequest): 'allow' | 'deny' | 'undecided' =>
    policy.allowed.contains(request) ? 'allow' : policy.denied.contains(request) ? 'deny' : 'undecided';
  const answer = decide ?? fromSets;
  return { status: 'known', policy, decide: answer, replay: (request, verdict) => judge(answer(request), verdict) };
}

export function intended(allowed: DeviceSet, more: Partial<IntendedPolicy> = {}): Examined<IntendedPolicy> {
  const policy: IntendedPolicy = {
    ...partition(allowed),
    source: { kind: 'runc-state', path: '/run/runc/web/state.json' },
    runtime: 'runc',
    generation: '1.0.0 and later',
    warnings: [],
    attaches: 'program',
    attachesReason: null,
    restricts: true,
    couldNotStart: null,
    dialects: [],
    ...more,
  };
  return known(policy);
}

export function pending(allowed: DeviceSet, kind: PendingEvent['kind'] = 'daemon-reload'): Examined<PendingPolicy> {
  return known({
    ...partition(allowed),
    event: { kind, text: kind, measured: true },
    needDaemonReload: null,
    unread: [],
    missingPins: [],
    assumed: [],
    unit: 'docker-web.scope',
    sources: ['/run/systemd/transient/docker-web.scope'],
  });
}

export const none: Examined<never> = { status: 'none', reason: 'nothing recorded' };
export const unread: Examined<never> = { status: 'unread', reason: 'EACCES' };

export const container: ContainerRecord = {
  key: 'docker:web',
  engine: 'docker',
  runtime: 'runc',
  runtimeVersion: null,
  id: '3f2a9c1b7e55aaaa',
  names: ['web'],
  namespace: null,
  kubernetes: null,
  state: 'running',
  pid: 4242,
  cgroup: '/system.slice/docker-web.scope',
  otherThreadCgroups: [],
  nestedIn: null,
  unit: 'docker-web.scope',
  userNamespace: false,
  startedAt: null,
  sources: [],
  nodes: [],
  confinement: null,
};

export function program(id: number, allowed: DeviceSet | null, more: Partial<ProgramView> = {}): ProgramView {
  return {
    id,
    record: null,
    attachedAt: container.cgroup,
    attachFlags: 2,
    author: { name: 'runc', confidence: 'certain', marks: [] },
    slots: 69,
    alone: allowed === null ? null : partition(allowed),
    problem: allowed === null ? 'EPERM' : null,
    behindHook: null,
    ...more,
  };
}

export interface SubjectParts {
  enforced?: SubjectAnalysis['enforced'];
  intended?: SubjectAnalysis['intended'];
  afterReload?: SubjectAnalysis['afterReload'];
  afterApply?: SubjectAnalysis['afterApply'];
  programs?: ProgramView[];
  container?: ContainerRecord;
}

export function analysisOf(parts: SubjectParts): SubjectAnalysis {
  const record = parts.container ?? container;
  return {
    subject: {
      key: record.key,
      name: record.names[0] ?? record.id,
      container: record,
      cgroup: record.cgroup,
      unit: record.unit,
    },
    programs: parts.programs ?? [],
    enforced: parts.enforced ?? none,
    intended: parts.intended ?? none,
    afterReload: parts.afterReload ?? none,
    afterApply: parts.afterApply ?? none,
    decidedBy: null,
  };
}

export function inputOf(parts: SubjectParts, snapshot: Partial<Snapshot> = {}): CheckInput {
  const analysis = analysisOf(parts);
  return {
    snapshot: { ...emptySnapshot('little'), ...snapshot },
    names: new DeviceNames(),
    analysis,
    comparison: compare(analysis),
    expected: null,
  };
}
