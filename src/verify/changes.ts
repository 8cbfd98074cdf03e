import type { Snapshot } from '../snapshot/types.js';
import { diffSubjects, type SubjectDiff } from './diff.js';
import type { ProgramView } from './programs.js';
import { compareText, type Subject } from './subjects.js';
import type { Finding, SubjectAnalysis, VerifyReport } from './types.js';

/** A host at one moment, as far as changes are told. Two states can be compared if their analyses share their diagrams (`Run.beside`). */
export interface HostState {
  snapshot: Snapshot;
  /** By key of the subject. */
  analyses: ReadonlyMap<string, SubjectAnalysis>;
  /** Findings about the same subjects. */
  report: VerifyReport;
}

/** One thing that is otherwise than it was. Programs and findings of a subject that appeared or vanished as a whole are told with it, or not at all. */
export type Change =
  | { kind: 'appeared' | 'vanished'; subject: Subject; programs: ProgramView[] }
  | { kind: 'program-attached' | 'program-detached'; subject: Subject; program: ProgramView }
  | { kind: 'program-replaced'; subject: Subject; program: ProgramView; before: ProgramView }
  | {
      kind: 'policy-changed';
      subject: Subject;
      /** What is not allowed any more, and what is now; null: nothing. */
      lost: SubjectDiff['onlyLeft'];
      gained: SubjectDiff['onlyRight'];
    }
  | { kind: 'finding-appeared' | 'finding-cleared'; subject: Subject; finding: Finding }
  | { kind: 'problem-appeared' | 'problem-cleared'; problem: VerifyReport['problems'][number] };

export type ChangeKind = Change['kind'];

/** What happened between two states: subjects in the order of their keys, for each first what is attached, then what that means. Pure. */
export function changesBetween(before: HostState, after: HostState): Change[] {
  const [were, are] = [findingsByKey(before), findingsByKey(after)];
  const keys = [...new Set([...before.analyses.keys(), ...after.analyses.keys()])].sort(compareText);
  const changes = keys.flatMap((key) => {
    const [old, now] = [before.analyses.get(key), after.analyses.get(key)];
    if (now !== undefined) return subjectChanges(old, now, were.get(key) ?? [], are.get(key) ?? []);
    return old === undefined ? [] : [{ kind: 'vanished' as const, subject: old.subject, programs: ownPrograms(old) }];
  });
  return [...changes, ...problemChanges(before.report, after.report)];
}

function findingsByKey({ report }: HostState): Map<string, readonly Finding[]> {
  return new Map(report.subjects.map(({ subject, findings }) => [subject.key, findings]));
}

function subjectChanges(
  old: SubjectAnalysis | undefined,
  now: SubjectAnalysis,
  were: readonly Finding[],
  are: readonly Finding[],
): Change[] {
  const findings = findingChanges(were, are, now.subject);
  if (old === undefined) return [{ kind: 'appeared', subject: now.subject, programs: ownPrograms(now) }, ...findings];
  return [...programChanges(old, now), ...policyChange(old, now), ...findings];
}

/** Programs above a subject belong to other subjects, or to none: they are told where they are attached. */
function ownPrograms({ programs, subject }: SubjectAnalysis): ProgramView[] {
  return programs.filter(({ attachedAt }) => attachedAt === null || isOwn(subject, attachedAt));
}

/** A container's programs may be on its own cgroup or on the levels from its systemd unit's down to it, which no other subject has. */
function isOwn({ cgroup, unit, container }: Subject, attachedAt: string): boolean {
  if (cgroup === null || attachedAt === cgroup) return true;
  if (unit === null || container === null || !cgroup.startsWith(`${attachedAt}/`)) return false;
  return `${attachedAt}/`.includes(`/${unit}/`);
}

/** A program that came where another one went, on the same cgroup, replaced it. The kernel gives ids in order of loading. */
function programChanges(old: SubjectAnalysis, now: SubjectAnalysis): Change[] {
  const { subject } = now;
  const [were, are] = [ownPrograms(old), ownPrograms(now)];
  const gone = without(were, are);
  const changes: Change[] = [];
  for (const program of without(are, were)) {
    const index = gone.findIndex(({ attachedAt }) => attachedAt === program.attachedAt);
    const [replaced] = index < 0 ? [] : gone.splice(index, 1);
    changes.push(
      replaced === undefined
        ? { kind: 'program-attached', subject, program }
        : { kind: 'program-replaced', subject, program, before: replaced },
    );
  }
  return [...changes, ...gone.map((program): Change => ({ kind: 'program-detached', subject, program }))];
}

/** Those of `some` that are not among `others`; a program attached twice counts twice. */
function without(some: readonly ProgramView[], others: readonly ProgramView[]): ProgramView[] {
  const left = others.map(placeOf);
  return some.filter((view) => {
    const index = left.indexOf(placeOf(view));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

const placeOf = ({ id, attachedAt }: ProgramView): string => `${String(id)} ${attachedAt ?? ''}`;

/** Also when no program came or went: contents of maps decide too, and so do the cgroups above. */
function policyChange(old: SubjectAnalysis, now: SubjectAnalysis): Change[] {
  if (old.enforced.status !== 'known' || now.enforced.status !== 'known') return [];
  if (old.enforced.policy.allowed.equals(now.enforced.policy.allowed)) return [];
  const diff = diffSubjects(old, now);
  if (diff === null || (diff.onlyLeft === null && diff.onlyRight === null)) return [];
  return [{ kind: 'policy-changed', subject: now.subject, lost: diff.onlyLeft, gained: diff.onlyRight }];
}

function findingChanges(old: readonly Finding[], now: readonly Finding[], subject: Subject): Change[] {
  const [were, are] = [new Set(old.map(identityOf)), new Set(now.map(identityOf))];
  return [
    ...old
      .filter((finding) => !are.has(identityOf(finding)))
      .map((finding): Change => ({ kind: 'finding-cleared', subject, finding })),
    ...now
      .filter((finding) => !were.has(identityOf(finding)))
      .map((finding): Change => ({ kind: 'finding-appeared', subject, finding })),
  ];
}

/** The same finding about the same requests; that a program has another id or a map was read again makes it no other one. */
function identityOf({ code, severity, evidence }: Finding): string {
  const { rules, remainder, policy, cgroup, unit, reasons } = evidence;
  return JSON.stringify([code, severity, rules, remainder, policy, cgroup, unit, reasons]);
}

function problemChanges(before: VerifyReport, after: VerifyReport): Change[] {
  const key = (problem: VerifyReport['problems'][number]): string => JSON.stringify(problem);
  const [were, are] = [new Set(before.problems.map(key)), new Set(after.problems.map(key))];
  return [
    ...before.problems
      .filter((problem) => !are.has(key(problem)))
      .map((problem): Change => ({ kind: 'problem-cleared', problem })),
    ...after.problems
      .filter((problem) => !were.has(key(problem)))
      .map((problem): Change => ({ kind: 'problem-appeared', problem })),
  ];
}
