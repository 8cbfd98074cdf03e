import type { FailOn, Severity, VerifyReport } from './types.js';

/** Order of severities in a report: what needs a person first. */
export const SEVERITY_RANK: Readonly<Record<Severity, number>> = { error: 0, unknown: 1, warning: 2, note: 3 };

/** Does a finding of this severity make the exit status 1? `unknown` never does: it makes a run incomplete, which is status 3. */
export function reachesFailOn(severity: Severity, failOn: FailOn): boolean {
  return severity !== 'unknown' && SEVERITY_RANK[severity] <= SEVERITY_RANK[failOn];
}

/** Is anything of the report's subjects unknown? */
export function hasUnknown({ subjects }: Pick<VerifyReport, 'subjects'>): boolean {
  return subjects.some(({ findings }) => findings.some(({ severity }) => severity === 'unknown'));
}

/** Could something not be read or decided, of a subject or of the host? */
export function isIncomplete(report: Pick<VerifyReport, 'subjects' | 'problems'>): boolean {
  return hasUnknown(report) || report.problems.length > 0;
}
