import type { Snapshot } from '../snapshot/types.js';
import type { Finding, SubjectStatus, VerifyReport } from '../verify/types.js';
import { STATUSES } from '../verify/statuses.js';
import type { IgnoredFinding } from '../verify/ignore.js';
import { ignoredCount } from './ignored-text.js';
import { subjectJson, type JsonSubject } from './subject-json.js';

/** What `verify --json` prints; docs/schemas/verify.schema.json. */
export interface VerifyJson {
  schema: 'devpolicy/verify';
  schemaVersion: [1, 0];
  tool: { name: string; version: string };
  host: { hostname: string | null; kernelRelease: string | null; systemd: string | null };
  collectedAt: string | null;
  failOn: VerifyReport['failOn'];
  exitStatus: 0 | 1 | 3;
  summary: Record<SubjectStatus, number> & {
    subjects: number;
    programs: number;
    distinctPrograms: number;
    ignoredFindings: number;
  };
  subjects: (JsonSubject & {
    status: SubjectStatus;
    findings: Omit<Finding, 'subject'>[];
    /** Findings that the ignore file hides; `entry` is a position in `ignores`. */
    ignored: Omit<IgnoredFinding, 'subject'>[];
  })[];
  /** Entries of the ignore file, and what became of them. */
  ignores: VerifyReport['ignores'];
  problems: VerifyReport['problems'];
}

/** The document of `verify --json`. Equal input gives equal output, keys and lists in a fixed order. */
export function verifyJson(report: VerifyReport, snapshot: Snapshot): VerifyJson {
  const counts = Object.fromEntries(
    STATUSES.map((status) => [status, report.subjects.filter((each) => each.status === status).length]),
  ) as Record<SubjectStatus, number>;
  return {
    schema: 'devpolicy/verify',
    schemaVersion: [1, 0],
    tool: { name: snapshot.tool.name, version: snapshot.tool.version },
    host: {
      hostname: snapshot.host.hostname,
      kernelRelease: snapshot.host.kernelRelease,
      systemd: snapshot.host.systemd?.version ?? null,
    },
    collectedAt: snapshot.collectedAt,
    failOn: report.failOn,
    exitStatus: report.exitStatus,
    summary: {
      subjects: report.subjects.length,
      ...counts,
      programs: report.programs.total,
      distinctPrograms: report.programs.distinct,
      ignoredFindings: ignoredCount(report),
    },
    subjects: report.subjects.map(({ subject, status, findings, ignored }) => ({
      ...subjectJson(subject),
      status,
      findings: findings.map(({ code, severity, evidence }) => ({ code, severity, evidence })),
      ignored: ignored.map(({ code, severity, evidence, entry }) => ({ code, severity, evidence, entry })),
    })),
    ignores: report.ignores,
    problems: report.problems,
  };
}
