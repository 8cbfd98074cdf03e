import type { DeviceRequest, DeviceRule } from '../policy/types.js';
import type { FleetFamily, FleetGroup, FleetHost } from '../verify/fleet.js';
import type { Examined, SubjectStatus } from '../verify/types.js';
import { escapeShort, escapeText } from './escape.js';
import { policyJson, type JsonPolicy } from './policy-json.js';
import type { Style } from './style.js';
import { wrap } from './table.js';
import { STATUS_WORDS } from './verify-text.js';
import { ruleTable } from './words.js';

export interface FleetReport {
  hosts: readonly FleetHost[];
  /** Outliers first. */
  families: readonly FleetFamily[];
  /** Snapshots that could not be read. */
  unread: readonly { file: string; message: string }[];
  /** 3: a snapshot could not be read, or something in one could not be read or decided. */
  exitStatus: 0 | 3;
}

export interface FleetTextOptions {
  style: Style;
  columns: number;
  /** Every host by name. */
  verbose: boolean;
}

export function fleetText({ hosts, families, unread }: FleetReport, options: FleetTextOptions): string {
  const { style } = options;
  const apart = families.filter(({ groups }) => groups.length > 1);
  const alike = families.filter(({ groups }) => groups.length === 1);
  const blocks = [
    hostLines(hosts, options),
    unread.map(({ file, message }) => `${style.warn('UNREAD')}  ${escapeText(file)}: ${escapeText(message)}`),
    ...apart.map((family) => familyLines(family, options)),
    alike.length === 0
      ? []
      : [style.bold('the same wherever it is'), ...alike.flatMap((family) => alikeLines(family, options))],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function hostLines(hosts: readonly FleetHost[], options: FleetTextOptions): string[] {
  const byStatus = new Map<SubjectStatus, string[]>();
  for (const { name, status } of hosts) byStatus.set(status, [...(byStatus.get(status) ?? []), name]);
  const statuses = (Object.keys(STATUS_WORDS) as SubjectStatus[]).filter((status) => byStatus.has(status));
  return [
    options.style.bold(`${String(hosts.length)} hosts, by their worst`),
    ...statuses.flatMap((status) => listed(status, byStatus.get(status) ?? [], [], options)),
  ];
}

/** "  BROKEN  2  DP102 db1 db2": the word, how many, what was found, and some of their names. */
function listed(
  status: SubjectStatus,
  names: readonly string[],
  codes: readonly string[],
  options: FleetTextOptions,
): string[] {
  const most = options.verbose ? names.length : MOST_NAMES;
  const shown = names.slice(0, most).map((name) => escapeShort(name, 60));
  const more = names.length - shown.length;
  const text = [...codes, ...shown, ...(more > 0 ? [`and ${String(more)} more`] : [])].join(' ');
  const word = STATUS_WORDS[status];
  const head = `  ${word.padEnd(WIDEST)}  ${String(names.length).padStart(4)}  `;
  const [first = '', ...rest] = wrap(text, Math.max(30, Math.min(options.columns, 120) - head.length));
  return [
    `${paint(status, options.style)(head.trimEnd())}${' '.repeat(head.length - head.trimEnd().length)}${first}`,
    ...rest.map((line) => ' '.repeat(head.length) + line),
  ];
}

const MOST_NAMES = 8;
const WIDEST = Math.max(...Object.values(STATUS_WORDS).map(({ length }) => length));

function paint(status: SubjectStatus, style: Style): (text: string) => string {
  if (status === 'ok') return style.good;
  return status === 'broken' || status === 'fail-open' || status === 'land-mine' || status === 'will-widen'
    ? style.bad
    : style.warn;
}

function familyLines({ name, members, groups }: FleetFamily, options: FleetTextOptions): string[] {
  const title = `${escapeShort(name, 80)}   ${String(members)} in all, ${String(groups.length)} different`;
  return [options.style.bold(title), ...groups.flatMap((group) => groupLines(group, options))];
}

function groupLines(group: FleetGroup, options: FleetTextOptions): string[] {
  const { codes, status, difference, isReference, names, enforced } = group;
  const lines = listed(status, memberNames(group), codes, options);
  if (isReference) return [...lines, '    the others are compared with these'];
  if (difference === null)
    return [...lines, `    not comparable${enforced.status === 'known' ? '' : `: ${escapeText(enforced.reason)}`}`];
  const part = (title: string, side: { rules: readonly DeviceRule[]; remainder?: string[] } | null): string[] =>
    side === null
      ? []
      : [
          `    ${title}`,
          ...ruleTable(side.rules, 'difference', names, { indent: 6 }),
          ...(side.remainder ?? []).map((line) => `      ${line}`),
        ];
  const { onlyLeft, onlyRight, undecided } = difference;
  if (onlyLeft === null && onlyRight === null && undecided.length === 0)
    lines.push('    the same is enforced; something else differs');
  lines.push(...part('denied here, allowed on most:', onlyLeft), ...part('allowed here, denied on most:', onlyRight));
  for (const each of undecided)
    lines.push(...part(`undecided ${each.side === 'left' ? 'on most' : 'here'} (${escapeText(each.reason)}):`, each));
  return lines;
}

/** A host, or the host and the subject where the subject has another name there. */
function memberNames({ members }: FleetGroup): string[] {
  const many = new Set(members.map(({ host }) => host)).size < members.length;
  return members.map(({ host, subject }) => (many ? `${host.name}#${subject.name}` : host.name));
}

function alikeLines({ name, members, groups }: FleetFamily, options: FleetTextOptions): string[] {
  const [group] = groups;
  if (group === undefined) return [];
  const codes = group.codes.length === 0 ? '' : `   ${group.codes.join(' ')}`;
  const word = STATUS_WORDS[group.status];
  const head = `  ${word.padEnd(WIDEST)}  ${String(members).padStart(4)}`;
  return [`${paint(group.status, options.style)(head)}  ${escapeShort(name, 80)}${codes}`];
}

export interface FleetJson {
  schema: 'devpolicy/fleet';
  schemaVersion: [1, 0];
  exitStatus: 0 | 3;
  hosts: FleetHost[];
  families: { name: string; members: number; groups: JsonFleetGroup[] }[];
  unread: { file: string; message: string }[];
}

interface JsonFleetGroup {
  status: SubjectStatus;
  codes: string[];
  isReference: boolean;
  members: { host: string; subject: string }[];
  enforced: JsonPolicy | null;
  afterReload: JsonPolicy | null;
  /** null: none, or not comparable. */
  deniedHere: JsonDifference | null;
  allowedHere: JsonDifference | null;
}
interface JsonDifference {
  rules: DeviceRule[];
  remainder?: string[];
  witness: DeviceRequest;
}

export function fleetJson({ hosts, families, unread, exitStatus }: FleetReport): FleetJson {
  return {
    schema: 'devpolicy/fleet',
    schemaVersion: [1, 0],
    exitStatus,
    hosts: [...hosts],
    families: families.map(({ name, members, groups }) => ({ name, members, groups: groups.map(groupJson) })),
    unread: [...unread],
  };
}

function groupJson(group: FleetGroup): JsonFleetGroup {
  const { status, codes, isReference, members, enforced, afterReload, difference } = group;
  return {
    status,
    codes,
    isReference,
    members: members.map(({ host, subject }) => ({ host: host.name, subject: subject.key })),
    enforced: ifKnown(enforced),
    afterReload: ifKnown(afterReload),
    deniedHere: difference?.onlyLeft ?? null,
    allowedHere: difference?.onlyRight ?? null,
  };
}

function ifKnown(examined: Examined): JsonPolicy | null {
  return examined.status === 'known' ? policyJson(examined.policy) : null;
}
