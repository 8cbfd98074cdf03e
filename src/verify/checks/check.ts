import type { DeviceNames } from '../../policy/names.js';
import type { Snapshot } from '../../snapshot/types.js';
import type { Comparison } from '../compare.js';
import type { ExpectedHere } from '../expected.js';
import type { DifferenceKind, Evidence, Finding, PolicyDifference, Severity, SubjectAnalysis } from '../types.js';

/** What a check looks at: one subject of one snapshot, and how its policies differ. */
export interface CheckInput {
  snapshot: Snapshot;
  names: DeviceNames;
  analysis: SubjectAnalysis;
  comparison: Comparison;
  /** What an expectations file says about the subject; null if nothing. */
  expected: ExpectedHere | null;
}

/** One finding code. Checks are independent of each other and of their order. */
export interface Check {
  code: string;
  severity: Severity;
  /** Empty when there is nothing to report. */
  run(input: CheckInput): Evidence[];
}

export function toFindings(check: Check, input: CheckInput): Finding[] {
  const subject = input.analysis.subject.key;
  return check.run(input).map((evidence) => ({ code: check.code, severity: check.severity, subject, evidence }));
}

export function differencesOf(input: CheckInput, kind: DifferenceKind): PolicyDifference[] {
  return input.comparison.differences.filter((each) => each.kind === kind);
}
