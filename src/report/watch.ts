import type { Snapshot } from '../snapshot/types.js';
import type { Change } from '../verify/changes.js';
import type { SubjectDiff } from '../verify/diff.js';
import type { ProgramView } from '../verify/programs.js';
import type { Finding } from '../verify/types.js';
import { formatAge } from './age.js';
import { escapeShort, escapeText } from './escape.js';
import { findingLine } from './finding-line.js';
import { toJsonLine } from './json.js';
import { shortName, shortPath } from './paths.js';
import type { Style } from './style.js';
import { programAge, programJson, subjectJson, type JsonProgram, type JsonSubject } from './subject-json.js';
import { wrap } from './table.js';
import { rulesInline } from './words.js';

/**
 * One line about one change: when it was seen, who, what.
 * @param columns width of the terminal, where the line goes on in further ones; null: nothing breaks it
 */
export function changeText(change: Change, snapshot: Snapshot, style: Style, columns: number | null): string {
  const who = 'subject' in change ? shortName(change.subject.name, 80) : 'host';
  const line = `${style.dim(timeText(snapshot))}  ${style.bold(who)}  ${whatText(change, snapshot, style)}`;
  return `${columns === null ? line : wrap(line, columns, 4).join('\n')}\n`;
}

/** UTC to the second; where the clock is not synchronised, the time since boot, which is exact. */
function timeText({ collectedAt, bootTimeNs, host }: Snapshot): string {
  if (bootTimeNs !== null && (host.clockSynchronised === false || collectedAt === null))
    return `boot+${(bootTimeNs / 1e9).toFixed(1)}s`;
  return collectedAt === null ? '-' : `${collectedAt.slice(0, 19)}Z`;
}

function whatText(change: Change, snapshot: Snapshot, style: Style): string {
  switch (change.kind) {
    case 'appeared':
      return `appeared  ${subjectText(change, snapshot)}`;
    case 'vanished':
      return `vanished${change.subject.container === null ? '' : `  ${engineText(change.subject.container)}`}`;
    case 'program-attached':
      return `program attached  ${programText(change.program, snapshot)} ${placeText(change)}`;
    case 'program-detached':
      return `program detached  ${nameText(change.program)} ${placeText(change)}`;
    case 'program-replaced':
      return `program replaced  ${nameText(change.before)} by ${programText(change.program, snapshot)} ${placeText(change)}`;
    case 'policy-changed':
      return `policy changed  ${policyText(change)}`;
    case 'finding-appeared':
      return `${paint(change.finding, style)(change.finding.code)}  ${findingLine(change.finding)}`;
    case 'finding-cleared':
      return `${style.good('cleared')}  ${change.finding.code}  ${clearedText(change.finding)}`;
    case 'problem-appeared':
      return `${style.warn('UNREAD')}  ${escapeText(change.problem.subject)}: ${escapeText(change.problem.message)}`;
    case 'problem-cleared':
      return `${style.good('cleared')}  UNREAD  ${escapeText(change.problem.subject)}: ${escapeText(change.problem.message)}`;
  }
}

/** What does not hold any more: the requests, or what was said. */
function clearedText(finding: Finding): string {
  const { rules, remainder = [] } = finding.evidence;
  return rules.length + remainder.length > 0 ? regionText({ rules, remainder }) : findingLine(finding);
}

function subjectText({ subject, programs }: Extract<Change, { programs: ProgramView[] }>, snapshot: Snapshot): string {
  const { container, cgroup } = subject;
  const stopped = cgroup === null ? ['not running'] : [];
  const attached =
    programs.length === 0
      ? cgroup === null
        ? []
        : ['no device program']
      : programs.map((each) => programText(each, snapshot));
  return [...(container === null ? [] : [engineText(container)]), ...stopped, ...attached].join(', ');
}

function engineText({ engine, id }: { engine: string; id: string }): string {
  return `${escapeText(engine)} ${escapeText(id.slice(0, 12))}`;
}

function nameText({ id, author }: ProgramView): string {
  return `${String(id)} (${escapeShort(author.name, 20)})`;
}

function programText(program: ProgramView, snapshot: Snapshot): string {
  const age = programAge(program, snapshot);
  const words = [escapeShort(program.author.name, 20), ...(age === null ? [] : [`loaded ${formatAge(age)} ago`])];
  return `${String(program.id)} (${words.join(', ')})`;
}

function placeText({ program, subject }: Extract<Change, { program: ProgramView }>): string {
  const { attachedAt } = program;
  return attachedAt === null || attachedAt === subject.cgroup ? 'on its cgroup' : `on ${shortPath(attachedAt)}`;
}

function policyText({ lost, gained }: Extract<Change, { kind: 'policy-changed' }>): string {
  return [
    ...(lost === null ? [] : [`no longer allowed: ${regionText(lost)}`]),
    ...(gained === null ? [] : [`now allowed: ${regionText(gained)}`]),
  ].join('; ');
}

function regionText({ rules, remainder = [] }: Pick<Region, 'rules' | 'remainder'>): string {
  return [rulesInline(rules, 'difference'), ...remainder].filter((part) => part !== '').join(' · ');
}

function paint({ severity }: Finding, style: Style): (text: string) => string {
  return severity === 'error' ? style.bad : severity === 'note' ? (text): string => text : style.warn;
}

type Region = Pick<NonNullable<SubjectDiff['onlyLeft']>, 'rules' | 'remainder' | 'witness'>;

/** A line of `watch --json`. Schema: docs/schemas/watch.schema.json. */
export interface WatchLine {
  schema: 'devpolicy/watch';
  schemaVersion: [1, 0];
  hostname: string | null;
  bootId: string | null;
  /** When it was seen: wall clock, and CLOCK_BOOTTIME in nanoseconds. */
  seenAt: string | null;
  bootTimeNs: number | null;
  clockSynchronised: boolean | null;
  change: Change['kind'];
  /** null: about the host. */
  subject: JsonSubject | null;
  programs?: JsonProgram[];
  program?: JsonProgram;
  before?: JsonProgram;
  lost?: Region | null;
  gained?: Region | null;
  finding?: Omit<Finding, 'subject'>;
  problem?: { subject: string; message: string; code: string | null };
}

export function changeJson(change: Change, snapshot: Snapshot): string {
  const { host, collectedAt, bootTimeNs } = snapshot;
  const line: WatchLine = {
    schema: 'devpolicy/watch',
    schemaVersion: [1, 0],
    hostname: host.hostname,
    bootId: host.bootId,
    seenAt: collectedAt,
    bootTimeNs,
    clockSynchronised: host.clockSynchronised,
    change: change.kind,
    subject: 'subject' in change ? subjectJson(change.subject) : null,
    ...detailsOf(change, snapshot),
  };
  return toJsonLine(line);
}

function detailsOf(change: Change, snapshot: Snapshot): Partial<WatchLine> {
  switch (change.kind) {
    case 'appeared':
    case 'vanished':
      return { programs: change.programs.map((each) => programJson(each, snapshot)) };
    case 'program-attached':
    case 'program-detached':
      return { program: programJson(change.program, snapshot) };
    case 'program-replaced':
      return { program: programJson(change.program, snapshot), before: programJson(change.before, snapshot) };
    case 'policy-changed':
      return { lost: change.lost, gained: change.gained };
    case 'finding-appeared':
    case 'finding-cleared': {
      const { code, severity, evidence } = change.finding;
      return { finding: { code, severity, evidence } };
    }
    case 'problem-appeared':
    case 'problem-cleared':
      return { problem: change.problem };
  }
}
