import type { Expectations } from '../intent/expect.js';
import type { DeviceSpace } from '../policy/device-set.js';
import type { Snapshot } from '../snapshot/types.js';
import { missingCapabilities } from './capabilities.js';
import { compare } from './compare.js';
import { toFindings, type CheckInput } from './checks/check.js';
import { CHECKS } from './checks/index.js';
import { withCustody } from './custody-evidence.js';
import { deviceNames } from './device-names.js';
import { expectedHere, unmetExpectations, type ExpectedHere } from './expected.js';
import { ignoreUses, partIgnored, type Ignores } from './ignore.js';
import { problemsOf, unreadSources } from './problems.js';
import { reachesFailOn, SEVERITY_RANK } from './severity.js';
import { compareText } from './subjects.js';
import type { FailOn, Finding, SubjectAnalysis, SubjectReport, SubjectStatus, VerifyReport } from './types.js';

/** What counts as failure (default `error`), and what else to compare with. */
export interface VerifyOptions {
  failOn?: FailOn;
  /** True for a run over the whole host: problems of the host then count too. */
  all?: boolean;
  /** Policy as a test: what a person expects of some subjects. Each name in it must be among the analyses. */
  expectations?: Expectations;
  /** Findings that are not to be reported until a day. */
  ignores?: Ignores;
  /** The day it is, UTC, "2026-11-22": entries of `ignores` end. Default: the real one. */
  today?: string;
  /** Told before each subject: how many are done, and how many there are. */
  onSubject?: (done: number, all: number) => void;
}

/** Compares, runs every check on every subject, and decides the exit status. Pure: the same analyses give the same report. */
export function verifySubjects(
  snapshot: Snapshot,
  analyses: readonly SubjectAnalysis[],
  options: VerifyOptions = {},
): VerifyReport {
  const failOn = options.failOn ?? 'error';
  const { expectations, ignores, today = new Date().toISOString().slice(0, 10) } = options;
  const verified = analyses.map((analysis, index) => {
    options.onSubject?.(index, analyses.length);
    const expected = expectedHere(expectations, analysis.subject);
    const found = findingsOf(snapshot, analysis, expected);
    const parted = partIgnored(found, analysis.subject, ignores, today, spaceOf(analysis));
    const { findings, ignored } = parted;
    const status = statusOf(analysis, findings, expected !== null);
    return { parted, report: { subject: analysis.subject, status, findings, ignored } satisfies SubjectReport };
  });
  const subjects = verified.map(({ report }) => report);
  const noted = options.all === true ? snapshot.problems : problemsOf(snapshot, analyses);
  const problems = [
    ...noted,
    ...besidesFindings(snapshot, analyses),
    ...hostUnreadable(snapshot),
    ...lackingCapabilities(snapshot),
  ]
    .concat(unmetExpectations(expectations, analyses))
    .sort((a, b) => compareText(a.subject, b.subject) || compareText(a.message, b.message));
  const records = analyses.flatMap(({ programs }) => programs);
  return {
    subjects,
    failOn,
    problems,
    ignores: ignoreUses(
      ignores,
      verified.map(({ parted }) => parted),
      today,
    ),
    programs: {
      total: new Set(records.map(({ id }) => id)).size,
      distinct: new Set(records.map(({ id, record }) => record?.xlated ?? `id ${String(id)}`)).size,
    },
    exitStatus: exitStatusOf(subjects, failOn, problems.length > 0),
  };
}

/** Unreadable records of containers whose intent is known from another one; where it is not, a finding says so (DP306). */
function besidesFindings(snapshot: Snapshot, analyses: readonly SubjectAnalysis[]): VerifyReport['problems'] {
  const known = analyses.filter(({ intended }) => intended.status !== 'unread');
  return unreadSources(
    snapshot,
    known.flatMap(({ subject }) => subject.container ?? []),
  );
}

/** Where no cgroup at all could be asked, that is one problem of the host and not one of each cgroup. */
function hostUnreadable({ cgroups }: Snapshot): VerifyReport['problems'] {
  const [first, ...others] = cgroups.flatMap(({ attached }) => ('failed' in attached ? [attached] : []));
  if (first === undefined || others.length + 1 < cgroups.length) return [];
  return [{ subject: 'host', message: `device programs cannot be listed: ${first.failed}`, code: first.code }];
}

function lackingCapabilities({ host }: Snapshot): VerifyReport['problems'] {
  const message = missingCapabilities(host) ?? '';
  return message === '' ? [] : [{ subject: 'host', message, code: 'EPERM' }];
}

/** Worst first. */
function findingsOf(snapshot: Snapshot, analysis: SubjectAnalysis, expected: ExpectedHere | null): Finding[] {
  const names = deviceNames(snapshot, analysis.subject);
  const input: CheckInput = { snapshot, names, analysis, comparison: compare(analysis), expected };
  const found = CHECKS.flatMap((check) => toFindings(check, input));
  return withCustody(found, input).sort(
    (a, b) => SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] || compareText(a.code, b.code),
  );
}

function spaceOf({ enforced, intended }: SubjectAnalysis): DeviceSpace | null {
  const known = [enforced, intended].find((each) => each.status === 'known');
  return known?.policy.allowed.space ?? null;
}

const STATUS_OF_CODE: ReadonlyMap<string, SubjectStatus> = new Map([
  ['DP102', 'broken'],
  ['DP103', 'broken'],
  ['DP105', 'broken'],
  ['DP501', 'broken'],
  ['DP502', 'broken'],
  ['DP201', 'fail-open'],
  ['DP101', 'land-mine'],
  ['DP206', 'will-widen'],
]);
const WORST_FIRST: readonly SubjectStatus[] = ['broken', 'fail-open', 'land-mine', 'will-widen', 'unknown', 'warning'];

function statusOf(analysis: SubjectAnalysis, findings: readonly Finding[], isExpected: boolean): SubjectStatus {
  const found = new Set(
    findings.map(
      ({ code, severity }) =>
        STATUS_OF_CODE.get(code) ?? (severity === 'note' ? 'ok' : severity === 'error' ? 'broken' : severity),
    ),
  );
  const worst = WORST_FIRST.find((status) => found.has(status));
  if (worst !== undefined) return worst;
  if (analysis.enforced.status === 'none') return 'not-running';
  return analysis.intended.status === 'known' || isExpected ? 'ok' : 'not-compared';
}

/** A finding wins over "incomplete", and "incomplete" over "healthy": unknown is never healthy. */
function exitStatusOf(subjects: readonly SubjectReport[], failOn: FailOn, hostIncomplete: boolean): 0 | 1 | 3 {
  const findings = subjects.flatMap((each) => each.findings);
  if (findings.some(({ severity }) => reachesFailOn(severity, failOn))) return 1;
  return hostIncomplete || findings.some(({ severity }) => severity === 'unknown') ? 3 : 0;
}
