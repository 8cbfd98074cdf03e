/**
 * Findings that a person has looked at and lives with until a day: a file of entries, each with a reason and an end. Read here from a document that is
 * parsed already (YAML or JSON, the same value). The language: docs/ignore.md.
 */
import { InputError } from '../errors.js';
import { matchesPattern } from '../intent/expect.js';
import type { DeviceSpace } from '../policy/device-set.js';
import { parseRule } from '../policy/rule-text.js';
import type { DeviceRule } from '../policy/types.js';
import { CHECKS } from './checks/index.js';
import { namesOf } from './expected.js';
import type { Subject } from './subjects.js';
import type { Finding } from './types.js';

/** One line of an ignore file. */
export interface IgnoreEntry {
  /** Finding codes. */
  codes: string[];
  /** Names of subjects, or patterns with `*`, `**` and `?`. */
  subjects: string[];
  /** A finding that concerns other requests too is not hidden; null: whatever it concerns. */
  devices: DeviceRule[] | null;
  reason: string;
  /** Last day on which it hides anything, UTC: "2027-01-31". */
  until: string;
}

/** An ignore file. */
export interface Ignores {
  /** Where it was read. */
  path: string;
  entries: IgnoreEntry[];
}

/** A finding that is not reported, and the entry that says so. */
export interface IgnoredFinding extends Finding {
  /** Position of the entry in the file, from 0. */
  entry: number;
}

/** What became of an entry in one run. */
export interface IgnoreUse extends IgnoreEntry {
  status: 'used' | 'unused' | 'expired';
  /** Findings it hid; of an expired one, findings it would have hidden. */
  findings: number;
}

const MOST_ENTRIES = 10_000;
const MOST_LENGTH = 500;

/** Severities nobody may ignore: what is unknown is never healthy, whoever says so. */
const IGNORABLE: ReadonlyMap<string, boolean> = new Map(
  CHECKS.map(({ code, severity }) => [code, severity !== 'unknown']),
);

/**
 * Reads `{ version: 1, ignore: [{ code: "DP202", subjects: "docker:web", reason: "ticket 42", until: "2027-01-31" }] }`. Mappings may be Map or plain objects.
 * @param path what to call the file in messages
 * @throws InputError with the place of the first mistake
 */
export function parseIgnores(document: unknown, path: string): Ignores {
  const top = fieldsOf(document, path, ['version', 'ignore']);
  if (top.get('version') !== 1) throw new InputError(`${path}: version must be 1`);
  const list = top.get('ignore');
  if (!Array.isArray(list)) throw new InputError(`${path}: ignore: expected a list`);
  if (list.length > MOST_ENTRIES) throw new InputError(`${path}: ignore: more than ${String(MOST_ENTRIES)} entries`);
  return { path, entries: list.map((entry: unknown, index) => entryOf(entry, `${path}: ignore[${String(index)}]`)) };
}

function entryOf(value: unknown, place: string): IgnoreEntry {
  const fields = fieldsOf(value, place, ['code', 'subjects', 'devices', 'reason', 'until']);
  const codes = textsOf(fields.get('code'), `${place}: code`);
  for (const code of codes) {
    const ignorable = IGNORABLE.get(code);
    if (ignorable === undefined) throw new InputError(`${place}: code: there is no finding of that code`);
    if (!ignorable)
      throw new InputError(`${place}: code: ${code} says that something is not known, which cannot be ignored`);
  }
  const devices = fields.get('devices');
  const [reason = '', ...more] = textsOf(fields.get('reason'), `${place}: reason`);
  if (more.length > 0 || reason.trim() === '') throw new InputError(`${place}: reason: expected a line of text`);
  return {
    codes,
    subjects: textsOf(fields.get('subjects'), `${place}: subjects`),
    devices: devices === undefined ? null : textsOf(devices, `${place}: devices`).map((text) => ruleOf(text, place)),
    reason,
    until: dayOf(fields.get('until'), place),
  };
}

function ruleOf(text: string, place: string): DeviceRule {
  try {
    return parseRule(text);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${place}: devices: ${error.message}`, error.hint);
    throw error;
  }
}

/** @throws InputError unless it is a day that there is */
function dayOf(value: unknown, place: string): string {
  const text = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : '';
  const time = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== text)
    throw new InputError(`${place}: until: expected a day such as 2027-01-31`);
  return text;
}

/** One text, or a list of some. */
function textsOf(value: unknown, place: string): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MOST_ENTRIES)
    throw new InputError(`${place}: expected a text or a list of some`);
  return list.map((text) => {
    if (typeof text !== 'string' || text === '' || text.length > MOST_LENGTH)
      throw new InputError(`${place}: expected a text or a list of some`);
    return text;
  });
}

function fieldsOf(value: unknown, place: string, known: readonly string[]): ReadonlyMap<unknown, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(`${place}: expected a mapping`);
  const fields =
    value instanceof Map ? (value as Map<unknown, unknown>) : new Map<unknown, unknown>(Object.entries(value));
  for (const key of fields.keys())
    if (typeof key !== 'string' || !known.includes(key))
      throw new InputError(`${place}: there are only ${known.join(', ')} here`);
  return fields;
}

/** Findings of one subject, parted. */
export interface Parted {
  findings: Finding[];
  ignored: IgnoredFinding[];
  /** Positions of expired entries, once for each finding they would have hidden. */
  expired: number[];
}

/** Which findings of a subject an ignore file hides on a day (UTC, "2026-11-22"); those of severity unknown never. */
export function partIgnored(
  findings: readonly Finding[],
  subject: Subject,
  ignores: Ignores | undefined,
  today: string,
  space: DeviceSpace | null,
): Parted {
  const parted: Parted = { findings: [], ignored: [], expired: [] };
  const names = namesOf(subject);
  const entries = (ignores?.entries ?? []).flatMap((entry, index) =>
    entry.subjects.some((pattern) => names.some((name) => matchesPattern(pattern, name))) ? [{ entry, index }] : [],
  );
  for (const finding of findings) {
    const matching = entries.filter(({ entry }) => hides(entry, finding, space));
    const valid = matching.find(({ entry }) => today <= entry.until);
    if (valid === undefined) {
      parted.findings.push(finding);
      parted.expired.push(...matching.map(({ index }) => index));
    } else parted.ignored.push({ ...finding, entry: valid.index });
  }
  return parted;
}

function hides(
  { codes, devices }: IgnoreEntry,
  { code, severity, evidence }: Finding,
  space: DeviceSpace | null,
): boolean {
  if (!codes.includes(code) || severity === 'unknown') return false;
  if (devices === null) return true;
  // A region that its rules do not say in full may hold anything else.
  if (space === null || evidence.remainder !== undefined || evidence.rules.length === 0) return false;
  const concerned = space.forRules(evidence.rules).subtract(space.neverAsked);
  return concerned.implies(space.forRules(devices));
}

/** What became of every entry. */
export function ignoreUses(ignores: Ignores | undefined, parted: readonly Parted[], today: string): IgnoreUse[] {
  const count = (index: number, positions: readonly number[]): number =>
    positions.filter((each) => each === index).length;
  const hidden = parted.flatMap(({ ignored }) => ignored.map(({ entry }) => entry));
  const missed = parted.flatMap(({ expired }) => expired);
  return (ignores?.entries ?? []).map((entry, index): IgnoreUse => {
    if (today > entry.until) return { ...entry, status: 'expired', findings: count(index, missed) };
    const findings = count(index, hidden);
    return { ...entry, status: findings > 0 ? 'used' : 'unused', findings };
  });
}
