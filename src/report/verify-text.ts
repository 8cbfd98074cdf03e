import type { Snapshot } from '../snapshot/types.js';
import type { Finding, SubjectReport, SubjectStatus, VerifyReport } from '../verify/types.js';
import { escapeShort, escapeText } from './escape.js';
import { findingLines, type FindingTextOptions } from './finding-text.js';
import { ignoreLines, ignoredCount } from './ignored-text.js';
import type { Style } from './style.js';

/** With `verbose` notes and subjects that were not compared are printed too. */
export interface VerifyTextOptions extends FindingTextOptions {
  style: Style;
  /** Print every subject even where many have the same findings. */
  expand: boolean;
  /** Print the summary even if there is nothing to say (a terminal). */
  summary: boolean;
}

/** A status in one word. */
export const STATUS_WORDS: Readonly<Record<SubjectStatus, string>> = {
  broken: 'BROKEN',
  'fail-open': 'FAIL-OPEN',
  'land-mine': 'LAND-MINE',
  'will-widen': 'WILL-WIDEN',
  unknown: 'UNKNOWN',
  warning: 'WARNING',
  ok: 'OK',
  'not-compared': 'NOT-COMPARED',
  'not-running': 'NOT-RUNNING',
};

/** The report for people. Empty when all is healthy and no summary is wanted: cron then sends no mail. */
export function verifyText(report: VerifyReport, snapshot: Snapshot, options: VerifyTextOptions): string {
  const shown = report.subjects.filter((each) => isShown(each, options));
  const groups = options.expand ? shown.map((each) => [each]) : groupByFindings(shown);
  const blocks = groups.map((group) => groupLines(group, snapshot, options));
  const problems = report.problems.map(
    ({ subject, message }) => `${options.style.warn('UNREAD')}  ${escapeText(subject)}: ${escapeText(message)}`,
  );
  const ignores = ignoreLines(report, options.style, options.verbose);
  const printed = blocks.length + problems.length + ignores.length > 0;
  const parts = [...blocks.map((lines) => lines.join('\n')), ...[problems, ignores].flatMap(joined)];
  if (printed || options.summary) parts.push(summaryLine(report));
  return parts.length === 0 ? '' : `${parts.join('\n\n')}\n`;
}

function joined(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function isShown(subject: SubjectReport, { verbose }: VerifyTextOptions): boolean {
  return (
    visibleFindings(subject, verbose).length > 0 ||
    (verbose && (subject.status === 'not-compared' || subject.status === 'not-running'))
  );
}

/** Notes alone make nobody get up; beside a real finding they help. */
function visibleFindings(subject: SubjectReport, verbose: boolean): Finding[] {
  const serious = subject.findings.some(({ severity }) => severity !== 'note');
  return subject.findings.filter(
    ({ severity, code }) => severity !== 'note' || verbose || (serious && code === 'DP304'),
  );
}

/** On a host that is hit, every container has the same findings: the first is told in full, the others by name. */
export function groupByFindings(subjects: readonly SubjectReport[]): SubjectReport[][] {
  const groups = new Map<string, SubjectReport[]>();
  for (const subject of subjects) {
    const key = JSON.stringify([
      subject.status,
      subject.findings.map(({ code, evidence }) => [code, evidence.rules, evidence.reasons]),
    ]);
    const group = groups.get(key);
    if (group === undefined || subject.findings.length === 0)
      groups.set(group === undefined ? key : subject.subject.key, [subject]);
    else group.push(subject);
  }
  return [...groups.values()];
}

function groupLines(group: readonly SubjectReport[], snapshot: Snapshot, options: VerifyTextOptions): string[] {
  const [first, ...others] = group;
  if (first === undefined) return [];
  const findings = visibleFindings(first, options.verbose);
  const lines = [headline(first, findings, options)];
  for (const finding of findings) lines.push(...findingLines(finding, first, snapshot, options));
  if (others.length > 0) {
    const names = others.slice(0, 8).map(({ subject }) => escapeShort(subject.name, 40));
    const more = others.length > names.length ? ' …' : '';
    lines.push(`… ${String(others.length)} more with the same: ${names.join(' ')}${more} (--expand)`);
  }
  return lines;
}

function headline(
  { subject, status }: SubjectReport,
  findings: readonly Finding[],
  { style, columns }: VerifyTextOptions,
): string {
  const word = STATUS_WORDS[status];
  const paint =
    status === 'broken' || status === 'fail-open' || status === 'land-mine' || status === 'will-widen'
      ? style.bad
      : style.warn;
  const container = subject.container;
  const who = container === null ? '' : `   ${escapeText(container.engine)} ${escapeText(container.id.slice(0, 12))}`;
  const codes = [...new Set(findings.map(({ code }) => code))].join(' ');
  const left = `${word}  ${escapeText(subject.name)}${who}`;
  const room = Math.min(columns, 96) - left.length - codes.length;
  const blanks = room < 3 && columns < 60 ? '\n  ' : ' '.repeat(Math.max(3, room));
  return `${paint(style.bold(word))}${left.slice(word.length)}${codes === '' ? '' : `${blanks}${codes}`}`;
}

/** "12 containers: 1 broken, 2 land mines, 9 healthy.   31 programs (4 distinct)" */
export function summaryLine(report: VerifyReport): string {
  const { subjects, programs } = report;
  const count = (status: SubjectStatus): number => subjects.filter((each) => each.status === status).length;
  const running = subjects.length - count('not-running');
  const healthy = count('ok') + count('warning');
  const parts = [
    [count('broken'), 'broken'],
    [count('fail-open'), 'unrestricted'],
    [count('land-mine'), 'with a land mine'],
    [count('will-widen'), 'about to widen'],
    [count('unknown'), 'unknown'],
  ].flatMap(([number, word]) => (number === 0 ? [] : [`${String(number)} ${String(word)}`]));
  const head = `${String(running)} checked: `;
  const good =
    healthy > 0 && healthy === running - count('not-compared') && parts.length === 0
      ? `${String(healthy)} as intended, now and after a daemon-reload`
      : [...parts, `${String(healthy)} as intended`].join(', ');
  const notCompared =
    count('not-compared') === 0 ? '' : `, ${String(count('not-compared'))} not compared (no record of an intent)`;
  const stopped = count('not-running') === 0 ? '' : `, ${String(count('not-running'))} not running`;
  const hidden = ignoredCount(report);
  const ignored = hidden === 0 ? '' : `, ${String(hidden)} ${hidden === 1 ? 'finding' : 'findings'} ignored`;
  return `${head}${good}${notCompared}${stopped}${ignored}.   ${programsText(programs)}`;
}

function programsText({ total, distinct }: VerifyReport['programs']): string {
  return total === 1 ? '1 program' : `${String(total)} programs (${String(distinct)} distinct)`;
}
