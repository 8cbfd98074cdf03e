import type { Snapshot } from '../snapshot/types.js';
import type { Finding, SubjectStatus, VerifyReport } from '../verify/types.js';
import { toJsonLine } from './json.js';
import { subjectJson, type JsonSubject } from './subject-json.js';

/** What every line says, so that lines of many hosts and boots can be kept in one place. Schema: docs/schemas/verify-line.schema.json. */
interface LineHead {
  schema: 'devpolicy/verify-line';
  schemaVersion: [1, 0];
  hostname: string | null;
  bootId: string | null;
  collectedAt: string | null;
}

export type VerifyLine = LineHead &
  (
    | { record: 'subject'; subject: JsonSubject; status: SubjectStatus; codes: string[] }
    | { record: 'finding'; subject: string; name: string; finding: Omit<Finding, 'subject'> }
    /** A finding that the ignore file hides. */
    | {
        record: 'ignored';
        subject: string;
        name: string;
        finding: Omit<Finding, 'subject'>;
        reason: string;
        until: string;
      }
    /** An entry of the ignore file that has ended. */
    | { record: 'expired'; ignore: VerifyReport['ignores'][number] }
    | { record: 'problem'; problem: VerifyReport['problems'][number] }
    /** Always the last line: without it the output is not complete. */
    | { record: 'run'; failOn: VerifyReport['failOn']; exitStatus: 0 | 1 | 3; subjects: number; findings: number }
  );

/** `verify --format ndjson`: one line for each subject, finding and problem, then one for the run. */
export function verifyNdjson(report: VerifyReport, snapshot: Snapshot): string {
  return [...verifyLines(report, snapshot)].map(toJsonLine).join('');
}

export function* verifyLines(report: VerifyReport, snapshot: Snapshot): Generator<VerifyLine> {
  const head: LineHead = {
    schema: 'devpolicy/verify-line',
    schemaVersion: [1, 0],
    hostname: snapshot.host.hostname,
    bootId: snapshot.host.bootId,
    collectedAt: snapshot.collectedAt,
  };
  let count = 0;
  for (const { subject, status, findings, ignored } of report.subjects) {
    const codes = [...new Set(findings.map(({ code }) => code))];
    yield { ...head, record: 'subject', subject: subjectJson(subject), status, codes };
    for (const { code, severity, evidence } of findings) {
      count++;
      yield {
        ...head,
        record: 'finding',
        subject: subject.key,
        name: subject.name,
        finding: { code, severity, evidence },
      };
    }
    for (const { code, severity, evidence, entry } of ignored) {
      const { reason = '', until = '' } = report.ignores[entry] ?? {};
      const finding = { code, severity, evidence };
      yield { ...head, record: 'ignored', subject: subject.key, name: subject.name, finding, reason, until };
    }
  }
  for (const entry of report.ignores)
    if (entry.status === 'expired') yield { ...head, record: 'expired', ignore: entry };
  for (const problem of report.problems) yield { ...head, record: 'problem', problem };
  yield {
    ...head,
    record: 'run',
    failOn: report.failOn,
    exitStatus: report.exitStatus,
    subjects: report.subjects.length,
    findings: count,
  };
}
