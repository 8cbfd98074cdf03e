import type { PolicyPartition } from '../intent/types.js';
import type { Snapshot } from '../snapshot/types.js';
import type { Examined, PendingEvent, PolicyChoice, SubjectAnalysis } from '../verify/types.js';
import { ownProblems } from '../verify/problems.js';
import type { PolicyExplanation } from '../verify/explanation.js';
import { explanationJson, type JsonReason } from './explanation.js';
import { installedRuntime, type InstalledRuntime } from '../verify/installed.js';
import { policyJson, type JsonPolicy } from './policy-json.js';
import { programJson, subjectJson, type JsonProgram, type JsonSubject } from './subject-json.js';

/** What `show --json` prints; docs/schemas/show.schema.json. */
export interface ShowJson {
  schema: 'devpolicy/show';
  schemaVersion: [1, 0];
  tool: { name: string; version: string };
  collectedAt: string | null;
  subject: JsonSubject;
  /** The low-level runtime as it is installed now; `subject.runtimeVersion` is the one that started the container, where that is known. */
  runtimeInstalled: InstalledRuntime | null;
  programs: JsonProgram[];
  /** Each policy, or null and then `reasons` says why. */
  enforced: JsonPolicy | null;
  intended: (JsonPolicy & JsonIntent) | null;
  afterReload: (JsonPolicy & JsonPending) | null;
  afterApply: (JsonPolicy & JsonPending) | null;
  /** For each policy that is null: `none` there is none, `unread` it could not be had; and why. */
  /** With --explain, where the policy is known: its rules, and what is denied by which program, each with one request that shows it. */
  explanation?: JsonReason[];
  reasons: Partial<Record<PolicyChoice, { status: 'none' | 'unread'; reason: string }>>;
  /** What was there for this subject and could not be read; its policies may be known from something else. */
  problems: { message: string; code: string | null }[];
}

/** What `intended` has besides the policy. */
export interface JsonIntent {
  source: { kind: string; path: string };
  runtime: string;
  generation: string;
  restricts: boolean;
  attaches: 'program' | 'none' | 'undecided';
  attachesReason: string | null;
  warnings: { code: string; about: string }[];
}
/** What `afterReload` and `afterApply` have besides the policy. */
export interface JsonPending {
  event: PendingEvent;
  unit: string;
  sources: string[];
  needDaemonReload: boolean | null;
  unread: string[];
  missingPins: string[];
  assumed: string[];
}

/** The document of `show --json`. Equal input gives equal output, keys and lists in a fixed order. */
export function showJson(
  analysis: SubjectAnalysis,
  snapshot: Snapshot,
  explanation: PolicyExplanation | null = null,
): ShowJson {
  const { enforced, intended, afterReload, afterApply } = analysis;
  return {
    schema: 'devpolicy/show',
    schemaVersion: [1, 0],
    tool: { name: snapshot.tool.name, version: snapshot.tool.version },
    collectedAt: snapshot.collectedAt,
    subject: subjectJson(analysis.subject),
    runtimeInstalled:
      analysis.subject.container === null ? null : installedRuntime(snapshot, analysis.subject.container),
    programs: analysis.programs.map((view) => programJson(view, snapshot)),
    enforced: ifKnown(enforced, policyJson),
    intended: ifKnown(intended, (policy) => ({
      ...policyJson(policy),
      source: policy.source,
      runtime: policy.runtime,
      generation: policy.generation,
      restricts: policy.restricts,
      attaches: policy.attaches,
      attachesReason: policy.attachesReason,
      warnings: policy.warnings.map(({ code, about }) => ({ code, about })),
    })),
    afterReload: ifKnown(afterReload, pendingJson),
    afterApply: ifKnown(afterApply, pendingJson),
    ...(explanation === null ? {} : { explanation: explanationJson(explanation) }),
    reasons: reasonsOf({ enforced, intended, afterReload, afterApply }),
    problems: ownProblems(snapshot, analysis.subject).map(({ message, code }) => ({ message, code })),
  };
}

function pendingJson(
  policy: Extract<SubjectAnalysis['afterReload'], { status: 'known' }>['policy'],
): JsonPolicy & JsonPending {
  const { event, unit, sources, needDaemonReload, unread, missingPins, assumed } = policy;
  return { ...policyJson(policy), event, unit, sources, needDaemonReload, unread, missingPins, assumed };
}

function ifKnown<P extends PolicyPartition, T>(examined: Examined<P>, toJson: (policy: P) => T): T | null {
  return examined.status === 'known' ? toJson(examined.policy) : null;
}

function reasonsOf(policies: Record<PolicyChoice, Examined>): ShowJson['reasons'] {
  const reasons: ShowJson['reasons'] = {};
  for (const name of ['enforced', 'intended', 'afterReload', 'afterApply'] as const) {
    const examined = policies[name];
    if (examined.status !== 'known') reasons[name] = { status: examined.status, reason: examined.reason };
  }
  return reasons;
}
