import type { Snapshot } from '../snapshot/types.js';
import { isUnenforcedRootless } from '../verify/checks/dp208.js';
import type { Comparison } from '../verify/compare.js';
import { custodyOf } from '../verify/custody.js';
import { deviceNames } from '../verify/device-names.js';
import { ownProblems } from '../verify/problems.js';
import type { ProgramView } from '../verify/programs.js';
import { regionRules } from '../verify/region-rules.js';
import type { Examined, PolicyDifference, SubjectAnalysis } from '../verify/types.js';
import { formatAge, momentText } from './age.js';
import { custodyLines } from './custody-text.js';
import { escapeText } from './escape.js';
import { installedText } from './installed-text.js';
import type { Style } from './style.js';
import { attachFlagsName, programAge } from './subject-json.js';
import { shortPath, shortPaths } from './paths.js';
import { policyBlock } from './policy-text.js';
import { table, wrap } from './table.js';
import { rulesInline } from './words.js';

export interface ShowTextOptions {
  style: Style;
  /** Tags, owners, exact times, and the way of the devices to the kernel. */
  verbose: boolean;
  /** Width of the terminal; null: lines are not broken. */
  columns: number | null;
}

/** Everything about one subject on one screen. */
export function showText(
  analysis: SubjectAnalysis,
  comparison: Comparison,
  snapshot: Snapshot,
  options: ShowTextOptions,
): string {
  const { style } = options;
  const blocks = [
    headLines(analysis, snapshot, options),
    programLines(analysis, snapshot, options),
    policyLines(analysis, snapshot, style),
    [...comparisonLines(analysis, comparison, options.columns), ...unreadLines(analysis, snapshot)],
    options.verbose ? custodyBlock(analysis, snapshot, style) : [],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** For `-v`: which station on the way from the request to the kernel lost or added what. */
function custodyBlock(analysis: SubjectAnalysis, snapshot: Snapshot, style: Style): string[] {
  const lines = custodyLines(custodyOf(snapshot, analysis));
  return lines.length === 0 ? [] : [style.bold('ON THE WAY TO THE KERNEL'), ...lines];
}

function headLines({ subject }: SubjectAnalysis, snapshot: Snapshot, { style, verbose }: ShowTextOptions): string[] {
  const { container } = subject;
  const parts = [style.bold(shortPath(subject.name))];
  if (container !== null) {
    const id = container.id === subject.name ? '' : ` ${escapeText(container.id.slice(0, 12))}`;
    parts.push(`${escapeText(container.engine)}${id}`);
    const up = upTime(container.startedAt, snapshot.collectedAt);
    if (container.state !== 'unknown')
      parts.push(container.state === 'running' ? (up === null ? 'running' : `up ${up}`) : container.state);
    if (container.runtime !== null && (container.runtime !== container.engine || container.runtimeVersion !== null)) {
      const version = container.runtimeVersion === null ? '' : ` ${escapeText(container.runtimeVersion.version)}`;
      parts.push(`${escapeText(container.runtime)}${version}`);
    }
  }
  const lines = [parts.join('   ')];
  if (subject.cgroup !== null && subject.cgroup !== subject.name) lines.push(`cgroup ${escapeText(subject.cgroup)}`);
  if (subject.unit !== null && subject.cgroup?.endsWith(`/${subject.unit}`) !== true)
    lines.push(`unit   ${escapeText(subject.unit)}`);
  const installed = container === null ? null : installedText(snapshot, container, verbose);
  if (installed !== null) lines.push(`note   ${installed}`);
  for (const other of container?.otherThreadCgroups ?? [])
    lines.push(`note   some threads of its first process are in ${escapeText(other)}`);
  return lines;
}

function upTime(startedAt: string | null, collectedAt: string | null): string | null {
  if (startedAt === null || collectedAt === null) return null;
  const seconds = (Date.parse(collectedAt) - Date.parse(startedAt)) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? formatAge(seconds) : null;
}

function programLines(analysis: SubjectAnalysis, snapshot: Snapshot, { style, verbose }: ShowTextOptions): string[] {
  const { programs, enforced, subject } = analysis;
  if (subject.cgroup === null && programs.length === 0) return [];
  if (programs.length === 0)
    return enforced.status === 'known' ? [style.bold('PROGRAMS'), '  none: the kernel asks no device program'] : [];
  const rows = programs.map((view) => programCells(view, subject.cgroup, snapshot, verbose));
  const heading = [
    'ID',
    'ATTACHED TO',
    'WRITTEN BY',
    'LOADED',
    'SIZE',
    ...(verbose ? ['TAG', 'NAME', 'UID', 'FLAGS'] : []),
  ];
  const lines = table([heading, ...rows], { indent: 2, decorate: (cell, row) => (row === 0 ? style.dim(cell) : cell) });
  return [`${style.bold('PROGRAMS')}${programs.length > 1 ? ' (a device needs a yes from every one)' : ''}`, ...lines];
}

function programCells(view: ProgramView, cgroup: string | null, snapshot: Snapshot, verbose: boolean): string[] {
  const { author, record } = view;
  const age = programAge(view, snapshot);
  const cells = [
    view.id === 0 ? '-' : String(view.id),
    view.attachedAt === null
      ? '?'
      : view.attachedAt === cgroup
        ? 'this cgroup'
        : view.attachedAt === '/'
          ? '/ (root)'
          : escapeText(view.attachedAt),
    author.confidence === 'unknown' ? 'unknown' : `${escapeText(author.name)} (${author.confidence})`,
    age === null ? '-' : `${formatAge(age)} ago${verbose ? momentText(age, record?.loadedAtNs ?? null, snapshot) : ''}`,
    view.problem !== null
      ? `unreadable: ${escapeText(view.problem)}`
      : view.slots === null
        ? '-'
        : `${String(view.slots)} insns`,
  ];
  if (!verbose) return cells;
  return [
    ...cells,
    record?.tag ?? '-',
    escapeText(record?.name ?? '') || '-',
    record?.uid == null ? '-' : String(record.uid),
    attachFlagsName(view.attachFlags) ?? '-',
  ];
}

function policyLines({ enforced, intended, subject }: SubjectAnalysis, snapshot: Snapshot, style: Style): string[] {
  const names = deviceNames(snapshot, subject);
  if (enforced.status === 'known') return policyBlock('', enforced.policy, names, style);
  const why = [
    `${style.warn(enforced.status === 'unread' ? 'UNKNOWN' : 'NOT ENFORCED')}  ${escapeText(enforced.reason)}`,
  ];
  if (intended.status !== 'known') return why;
  return [...why, '', ...policyBlock(' (intended)', intended.policy, names, style)];
}

/** What was there and could not be read: the lines above may lack it. */
function unreadLines({ subject }: SubjectAnalysis, snapshot: Snapshot): string[] {
  const messages = new Set(ownProblems(snapshot, subject).map(({ message }) => message));
  return [...messages].sort().map((message) => `unread        ${escapeText(message)}`);
}

function comparisonLines(analysis: SubjectAnalysis, { differences }: Comparison, columns: number | null): string[] {
  const intent = isUnenforcedRootless({ analysis })
    ? [['intent', `not enforced by BPF: a rootless container${intentSource(analysis)}`]]
    : comparedLines(
        'intent',
        analysis.intended,
        differences.filter((each) => each.against === 'intended'),
        intentSource(analysis),
      );
  const reload = comparedLines(
    'reload',
    analysis.afterReload,
    differences.filter((each) => each.against === 'afterReload'),
    pendingSource(analysis.afterReload),
  );
  const apply = comparedLines(
    'set-property',
    analysis.afterApply,
    differences.filter((each) => each.against === 'afterApply'),
    pendingSource(analysis.afterApply),
  );
  const lines = [...intent, ...reload, ...apply];
  return columns === null ? table(lines) : table(lines.flatMap((cells) => wrapped(cells, columns)));
}

/** The label, and the text beside it in as many lines as it takes. */
function wrapped([label = '', text = '']: readonly string[], columns: number): string[][] {
  const lines = wrap(text, Math.max(24, columns - LABEL_WIDTH));
  return lines.map((line, index) => [index === 0 ? label : '', line]);
}

/** "set-property" and the gap behind it. */
const LABEL_WIDTH = 14;

function comparedLines(
  label: string,
  examined: Examined,
  differences: readonly PolicyDifference[],
  source: string,
): string[][] {
  if (examined.status !== 'known')
    return [[label, `${examined.status === 'none' ? '-' : 'UNREAD'}  ${escapeText(examined.reason)}`]];
  const open =
    examined.policy.undecided.length > 0
      ? ['', `partly undecided: ${examined.policy.undecided.map(({ reason }) => escapeText(reason)).join(', ')}`]
      : null;
  const lines =
    differences.length === 0
      ? [[label, `${label === 'intent' ? 'same' : 'no change'}${source}`]]
      : differences.map((difference, index) => [
          index === 0 ? label : '',
          `${KIND_WORDS[difference.kind]} ${inline(difference)}${index === 0 ? source : ''}`,
        ]);
  return open === null ? lines : [...lines, open];
}

const KIND_WORDS = {
  missing: 'MISSING',
  excess: 'more than intended:',
  pendingLoss: 'WILL LOSE',
  pendingGain: 'WILL GAIN',
} as const;

function inline({ region }: PolicyDifference): string {
  const { rules, remainder } = regionRules(region);
  return remainder === undefined
    ? rulesInline(rules, 'difference')
    : [rulesInline(rules, 'difference'), ...remainder].join(' · ');
}

function intentSource({ intended }: SubjectAnalysis): string {
  if (intended.status !== 'known') return '';
  const { runtime, generation, source } = intended.policy;
  return ` (${escapeText(runtime)} ${escapeText(generation)}, ${shortPaths([source.path])})`;
}

function pendingSource(examined: SubjectAnalysis['afterReload']): string {
  if (examined.status !== 'known') return '';
  const { event, sources, assumed } = examined.policy;
  const measured = event.measured ? '' : ', inferred for this version of systemd';
  const taken = assumed.length === 0 ? '' : `, taken to be there: ${assumed.map(escapeText).join(' ')}`;
  return sources.length === 0 ? '' : ` (${shortPaths(sources)}${measured}${taken})`;
}
