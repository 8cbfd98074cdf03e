import { formatRequest } from '../policy/rule-text.js';
import type { Snapshot } from '../snapshot/types.js';
import type { DenyingProgram, Evidence, Finding, PendingEvent, SubjectReport } from '../verify/types.js';
import { deviceNames } from '../verify/device-names.js';
import { fixesOfFinding } from '../verify/fix.js';
import { formatAge } from './age.js';
import { causeLines } from './cause-text.js';
import { custodyStepTexts } from './custody-text.js';
import { escapeText } from './escape.js';
import { fixesText } from './fix-text.js';
import { shortPath } from './paths.js';
import { shellWord } from './shell-word.js';
import { wrap } from './table.js';
import { ruleTable, rulesInline } from './words.js';

export interface FindingTextOptions {
  /** Print what is of use to few people too. */
  verbose: boolean;
  /** Width of the terminal. */
  columns: number;
}

/** Text is not broken into shorter lines than this. */
const NARROWEST = 24;

/** What a finding says to a person: one opening sentence, the requests concerned, then labelled lines. */
export function findingLines(
  finding: Finding,
  { subject }: SubjectReport,
  snapshot: Snapshot,
  options: FindingTextOptions,
): string[] {
  const { evidence, code } = finding;
  const lines = wrap(openingSentence(code, evidence), Math.max(NARROWEST, Math.min(options.columns, 100) - 2)).map(
    (line) => `  ${line}`,
  );
  lines.push(...ruleTable(evidence.rules, 'difference', deviceNames(snapshot, subject), { indent: 4 }));
  for (const line of evidence.remainder ?? []) lines.push(`    ${line}`);
  let before = '';
  for (const [label, text] of findingLabels(code, evidence, subject.name, options.verbose)) {
    lines.push(...labelledLines(label === before ? '' : label, text, options));
    before = label;
  }
  return lines;
}

function labelledLines(label: string, text: string, { columns }: FindingTextOptions): string[] {
  const [first = '', ...rest] = wrap(text, Math.max(NARROWEST, Math.min(columns, 100) - 9));
  return [`  ${label.padEnd(5)}  ${first}`, ...rest.map((line) => `         ${line}`)];
}

const EVENTS: Readonly<Record<PendingEvent['kind'], string>> = {
  'daemon-reload': 'the next `systemctl daemon-reload` (also run by apt, dnf, Ansible ...)',
  'unit-start-after-reload':
    'the next start of a unit in the same slice after a `systemctl daemon-reload` (this systemd does not act at the reload itself)',
  'unit-start': 'the next start of a unit in the same slice: `systemctl daemon-reload` has been run already',
  'set-property': 'any change of a property of the unit (`systemctl set-property`, `docker update`)',
  'reload-or-later': 'the next `systemctl daemon-reload`, or the next start of a unit in the same slice after it',
};

function eventText(evidence: Evidence): string {
  const words = (evidence.events ?? []).map(({ kind }) => EVENTS[kind]);
  return words.length === 0 ? 'the next event of systemd' : words.join(', or by ');
}

function reasonsText(evidence: Evidence): string {
  return (evidence.reasons ?? []).map(escapeText).join('; ');
}

/** Why a runtime or systemd attached nothing. */
const NO_PROGRAM: Readonly<Partial<Record<string, string>>> = {
  'crun:empty-list': 'crun attaches nothing for an empty device list',
  'lxc:empty-list': 'LXC attaches nothing for a list that is empty once "a" has cleared it',
  'lxc:cgroup-v1-keys': 'its keys are those of cgroup v1, which LXC ignores on cgroup v2',
  'lxc:hybrid-layout': 'LXC attaches nothing where cgroup v2 is not the whole hierarchy',
  'systemd:user-manager': "a user's own systemd may attach no program, and ignores the settings",
  'systemd:not-applied': 'systemd holds the settings and attached nothing',
};

function noProgramText({ reasons = [] }: Evidence): string {
  const words = reasons.flatMap((reason) => NO_PROGRAM[reason] ?? []);
  return words.length === 0 ? '' : ` Why: ${words.join('; ')}.`;
}

/** The one place for the first sentence of each code. */
export function openingSentence(code: string, evidence: Evidence): string {
  switch (code) {
    case 'DP101':
      return `Works now. Will be taken away by ${eventText(evidence)}:`;
    case 'DP102':
      return `Intended, and denied now by another program on ${evidence.cgroup === undefined ? 'the same cgroup' : shortPath(evidence.cgroup)}:`;
    case 'DP103':
      return `Intended, and denied now by a cgroup above (${shortPath(evidence.cgroup ?? 'cgroup v1')}):`;
    case 'DP104':
      return 'Allowed now, but in no configuration: whatever rebuilds the policy removes it:';
    case 'DP105':
      return "Intended, and denied now by the container's own program:";
    case 'DP106':
      return 'A device node has another number on the host than in the configuration.';
    case 'DP107':
      return `Lines of ${shortPath(evidence.unit ?? 'the unit')} name no driver of this host and allow nothing:`;
    case 'DP108':
      return `Lines of ${shortPath(evidence.unit ?? 'the unit')} name no device node of this host and allow nothing:`;
    case 'DP109':
      return 'Reading and writing are allowed only separately; opening for both is denied:';
    case 'DP110':
      return 'Can be opened, but asking whether it exists (F_OK) is denied:';
    case 'DP111':
      return `A node of /dev/net/tun is there, and this version of the runtime leaves the device out of its defaults (${escapeText(evidence.reasons?.[0] ?? '')}):`;
    case 'DP201':
      return `No device program applies: every device is allowed, although the configuration restricts them.${noProgramText(evidence)}`;
    case 'DP202':
      return 'Allowed now, and not intended:';
    case 'DP203':
      return 'Every device is allowed, and the configuration says so.';
    case 'DP204':
      return evidence.reasons === undefined
        ? 'Asked for, and not in the list that the runtime was given:'
        : `Ignored, since this host has cgroup v2 only: ${reasonsText(evidence)}.`;
    case 'DP205':
      return 'The devices controller of cgroup v1 decides about this container as well.';
    case 'DP206':
      return `Denied now. Allowed after ${eventText(evidence)}:`;
    case 'DP207':
      return `The rule "${reasonsText(evidence)}" does not stop these requests, which cgroup v1 denied:`;
    case 'DP208':
      return 'A rootless container: its device list is not enforced by BPF. Its processes have the rights of its user on device nodes, and can make none.';
    case 'DP301':
      return `Could not be read: ${reasonsText(evidence)}. Not counted as healthy.`;
    case 'DP302':
      return 'The same program is attached several times, or more programs than needed.';
    case 'DP303':
      return `Depends on the contents of maps${evidence.asOf === undefined ? '' : `, read at ${escapeText(evidence.asOf)}`}.`;
    case 'DP304':
      return `systemd asks for a daemon-reload (NeedDaemonReload=yes of ${shortPath(evidence.unit ?? 'the unit')}).`;
    case 'DP305':
      return `Undecided (${POLICY_WORDS[evidence.policy ?? 'enforced']}): ${reasonsText(evidence)}. Not counted as healthy.`;
    case 'DP306':
      return `Could not be read: ${POLICY_WORDS[evidence.policy ?? 'intended']}: ${reasonsText(evidence)}.`;
    case 'DP307':
      return 'Attached with NONE or OVERRIDE: an unprivileged user may be able to detach it.';
    case 'DP401':
      return `The device policy allows it; something else refuses: ${reasonsText(evidence)}.`;
    case 'DP501':
      return 'Expected to be allowed, and denied:';
    case 'DP502':
      return 'Expected to be denied, and allowed:';
    default:
      return code;
  }
}

const POLICY_WORDS = {
  enforced: 'what the kernel enforces',
  intended: 'what was intended',
  afterReload: 'what a daemon-reload would leave',
  afterApply: 'what a property change would leave',
} as const;

/** What there is to know about a finding, each line with its label; a label may come several times. Safe text. */
export function findingLabels(code: string, evidence: Evidence, name: string, verbose: boolean): [string, string][] {
  const { impacts = [], cause, denying = [], programs = [], witness, sources = [], events } = evidence;
  const lines: [string, string][] = [];
  const means = impacts.slice(0, MOST_IMPACTS).map(({ words }) => words);
  if (impacts.length > MOST_IMPACTS) means.push(`and ${String(impacts.length - MOST_IMPACTS)} more`);
  if (means.length > 0) lines.push(['Means', means.join('; ')]);
  for (const each of denying) lines.push(['Why', denyingText(each)]);
  if (cause !== undefined) lines.push(...causeLines(cause));
  for (const text of custodyStepTexts(evidence.custody ?? [])) lines.push(['Where', text]);
  if (evidence.needDaemonReload === true)
    lines.push([
      'Soon',
      'systemd asks for that reload (NeedDaemonReload=yes): package managers and automation run it.',
    ]);
  const fixes = fixesOfFinding(code, evidence);
  if (fixes.length > 0) lines.push(['Fix', fixesText(fixes)]);
  if (denying.length === 0 && programs.length > 0) lines.push(['Prog', programs.map(String).join(' ')]);
  if (witness !== null) lines.push(['Shown', `${formatRequest(witness.request)}: ${witnessText(code, witness)}`]);
  if (verbose || events === undefined) {
    lines.push(...sources.map((source, index): [string, string] => [index === 0 ? 'From' : '', shortPath(source)]));
  }
  if (code === 'DP102' || code === 'DP103' || code === 'DP105') {
    const device =
      witness === null
        ? ''
        : ` ${witness.request.type}:${String(witness.request.major)}:${String(witness.request.minor)}`;
    lines.push(['Note', 'files opened before keep working; new opens fail.']);
    lines.push(['More', `devpolicy can ${escapeText(name)}${device} ; devpolicy explain ${code}`]);
  } else if (code === 'DP101') {
    lines.push(['Until', `devpolicy explain DP101 --defuse ${targetWord(name)} (prints commands; no restart)`]);
    lines.push(['More', 'devpolicy explain DP101']);
  } else if (code === 'DP206' || code === 'DP201') {
    lines.push(['More', `devpolicy explain ${code}`]);
  }
  return lines;
}

/** A name as it is typed; one with control characters cannot be. */
function targetWord(name: string): string {
  return escapeText(name) === name ? shellWord(name) : 'TARGET';
}

/** What a person must know is said by the first few. */
const MOST_IMPACTS = 4;

function denyingText(program: DenyingProgram): string {
  const { id, author, allows } = program;
  const only = allows.length === 0 ? 'nothing' : rulesInline(allows, 'policy', 5);
  return `program ${String(id)} (${escapeText(author)}${whenText(program)}) allows only ${only}.`;
}

/** When it came: the reload that brought it, and how long the container had run. */
function whenText({ secondsAfterFirst, secondsAfterStart, secondsAfterReload, sinceStart }: DenyingProgram): string {
  if (sinceStart === true) return ', there since the start';
  const reload =
    secondsAfterReload === null ? [] : [`${formatAge(secondsAfterReload)} after a daemon-reload of systemd`];
  const start =
    secondsAfterStart !== null && secondsAfterStart > 0
      ? [`${formatAge(secondsAfterStart)} after the start`]
      : secondsAfterFirst !== null && secondsAfterFirst > 0
        ? [`${formatAge(secondsAfterFirst)} after the container's own`]
        : [];
  const parts = [...reload, ...start];
  return parts.length === 0 ? '' : `, loaded ${parts.join(', ')}`;
}

function witnessText(code: string, witness: NonNullable<Evidence['witness']>): string {
  const pending = code === 'DP101' || code === 'DP206';
  return pending
    ? `${witness.enforced} now, ${witness.other} afterwards`
    : `${witness.other === 'allow' ? 'intended' : 'not intended'}, the kernel says ${witness.enforced}`;
}
