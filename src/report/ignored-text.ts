import type { IgnoreUse } from '../verify/ignore.js';
import type { VerifyReport } from '../verify/types.js';
import { escapeShort } from './escape.js';
import { findingLine } from './finding-line.js';
import type { Style } from './style.js';

/** How many findings an ignore file hides. */
export function ignoredCount({ subjects }: VerifyReport): number {
  return subjects.reduce((sum, { ignored }) => sum + ignored.length, 0);
}

/** Entries that have ended, always; with `verbose` what the others hide, and those that hide nothing. Each with its reason. */
export function ignoreLines(report: VerifyReport, style: Style, verbose: boolean): string[] {
  const expired = report.ignores.filter(({ status }) => status === 'expired').map((entry) => expiredLine(entry, style));
  if (!verbose) return expired;
  const hidden = report.subjects.flatMap(({ subject, ignored }) =>
    ignored.map((finding) => {
      const { reason = '', until = '' } = report.ignores[finding.entry] ?? {};
      const name = escapeShort(subject.name, 60);
      return `${style.dim('IGNORED')}  ${name}: ${finding.code} ${findingLine(finding)}\n  until ${until}: ${escapeShort(reason, 500)}`;
    }),
  );
  const unused = report.ignores
    .filter(({ status }) => status === 'unused')
    .map((entry) => `${style.dim('UNUSED')}   ${entryText(entry)}: hides nothing here`);
  return [...expired, ...hidden, ...unused];
}

function expiredLine(entry: IgnoreUse, style: Style): string {
  const what = entry.findings === 0 ? 'and hides nothing here' : `and ${String(entry.findings)} reported again`;
  return `${style.warn('EXPIRED')}  ${entryText(entry)}: ended after ${entry.until}, ${what} (${escapeShort(entry.reason, 200)})`;
}

/** "ignore DP101 DP206 of web, db" */
function entryText({ codes, subjects }: IgnoreUse): string {
  return `ignore ${escapeShort(codes.join(' '), 60)} of ${escapeShort(subjects.join(', '), 100)}`;
}
