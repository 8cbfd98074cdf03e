import type { SubjectReport, SubjectStatus, VerifyReport } from '../verify/types.js';
import { counted } from './counted.js';
import { escapeShort } from './escape.js';
import { findingLine } from './finding-line.js';
import { ignoredCount } from './ignored-text.js';
import type { RunFacts } from './run-facts.js';

/** Exit statuses of the Monitoring Plugins guidelines, the only format that has its own: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
export type PluginStatus = 0 | 1 | 2 | 3;
const WORDS = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

/** Broken now: CRITICAL. Breaks at the next event: WARNING. Could not be read: UNKNOWN. */
const STATUS_OF: Readonly<Partial<Record<SubjectStatus, PluginStatus>>> = {
  broken: 2,
  'fail-open': 2,
  'land-mine': 1,
  'will-widen': 1,
  unknown: 3,
};
/** As everywhere in this program: what was found wins over what could not be read, and that over healthy. */
const WORST_FIRST: readonly PluginStatus[] = [2, 1, 3, 0];

/** Nagios keeps 8 KiB of a plugin's output (MAX_PLUGIN_OUTPUT_LENGTH), remote executors less. */
const MOST_LINES = 20;
const MOST_LINE_LENGTH = 300;
const MOST_NAMES = 5;

/** `verify --format nagios`: a line with performance data, then details. */
export function verifyNagios(report: VerifyReport, { seconds }: RunFacts): { text: string; status: PluginStatus } {
  const status = pluginStatus(report);
  const first = `DEVPOLICY ${WORDS[status]} - ${headline(report)}|${performanceData(report, seconds)}`;
  return { text: `${[first, ...details(report)].join('\n')}\n`, status };
}

/** When verify could not run at all. */
export function nagiosCannotRun(message: string): { text: string; status: PluginStatus } {
  const line = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  return { text: `DEVPOLICY UNKNOWN - ${plain(line, MOST_LINE_LENGTH)}\n`, status: 3 };
}

function pluginStatus(report: VerifyReport): PluginStatus {
  const found = new Set<PluginStatus>(report.subjects.map(({ status }) => STATUS_OF[status] ?? 0));
  // The run's own verdict knows what a subject's word does not: --fail-on, and problems of the host.
  if (report.exitStatus === 1) found.add(1);
  if (report.exitStatus === 3) found.add(3);
  if (report.problems.length > 0) found.add(3);
  return WORST_FIRST.find((each) => found.has(each)) ?? 0;
}

const TOLD: readonly [SubjectStatus, string][] = [
  ['broken', 'broken'],
  ['fail-open', 'unrestricted'],
  ['land-mine', 'with a land mine'],
  ['will-widen', 'about to widen'],
  ['unknown', 'unknown'],
  ['warning', 'with warnings'],
];

function headline(report: VerifyReport): string {
  const parts = TOLD.flatMap(([status, words]) => {
    const names = withStatus(report, status).map(({ subject }) => plain(subject.name, 40));
    if (names.length === 0) return [];
    const more = names.length > MOST_NAMES ? ' ...' : '';
    return [`${String(names.length)} ${words} (${names.slice(0, MOST_NAMES).join(', ')}${more})`];
  });
  if (report.problems.length > 0) parts.push(`${counted(report.problems.length, 'thing')} could not be read`);
  const hidden = ignoredCount(report);
  const ignored = hidden === 0 ? '' : `, ${counted(hidden, 'finding')} ignored`;
  return parts.length === 0
    ? `${String(withStatus(report, 'ok').length)} as intended, now and after a daemon-reload${ignored}`
    : `${parts.join(', ')}${ignored}`;
}

/** 'label'=value[UOM];[warn];[crit];[min];[max] (Monitoring Plugins guidelines, performance data). Only counts, so nothing here is untrusted. */
function performanceData(report: VerifyReport, seconds: number): string {
  const count = (...statuses: SubjectStatus[]): string =>
    String(report.subjects.filter(({ status }) => statuses.includes(status)).length);
  const running = report.subjects.length - withStatus(report, 'not-running').length;
  return [
    `containers=${String(running)};;;0`,
    `broken=${count('broken')};;0;0`,
    `failopen=${count('fail-open')};;0;0`,
    `landmine=${count('land-mine', 'will-widen')};0;;0`,
    `unknown=${count('unknown')};;;0`,
    `notcompared=${count('not-compared')};;;0`,
    `programs=${String(report.programs.total)};;;0`,
    `time=${seconds.toFixed(2)}s;;;0`,
  ].join(' ');
}

function details(report: VerifyReport): string[] {
  const lines = [
    ...report.subjects.flatMap(({ subject, findings }) =>
      findings
        .filter(({ severity }) => severity !== 'note')
        .map((finding) => `${finding.code} ${plain(subject.name, 60)}: ${findingLine(finding)}`),
    ),
    ...report.problems.map(({ subject, message }) => `unread ${plain(subject, 60)}: ${message}`),
  ].map((line) => plain(line, MOST_LINE_LENGTH));
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `and ${String(lines.length - MOST_LINES)} more: devpolicy verify --all`];
}

function withStatus(report: VerifyReport, wanted: SubjectStatus): SubjectReport[] {
  return report.subjects.filter(({ status }) => status === wanted);
}

/** A "|" would begin performance data, and a line break another line. */
function plain(text: string, limit: number): string {
  return escapeShort(text, limit).replaceAll('|', '\\x7c');
}
