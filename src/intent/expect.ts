/**
 * Policy as a test: what a person expects of containers, jobs and services, in a file of their own. Read here from a document that is parsed already
 * (YAML or JSON, the same value), given meaning as sets, and decided for single requests without diagrams. The language: docs/expect.md.
 */
import { InputError } from '../errors.js';
import { accessNames, accessSetFromNames } from '../policy/access.js';
import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import { parseRule } from '../policy/rule-text.js';
import { ACCESS_NAMES, MAX_MAJOR, MAX_MINOR, type DeviceRequest, type DeviceRule } from '../policy/types.js';

/** `required`: must be allowed. `permitted`: either way is right. `forbidden`: must be denied. */
export type ExpectedKind = 'required' | 'permitted' | 'forbidden';

/** A line of such a file. */
export interface ExpectedLine {
  kind: ExpectedKind;
  rules: DeviceRule[];
  /** As written, for messages. */
  text: string;
}

/** What is expected of every subject that a pattern names. */
export interface ExpectationEntry {
  /** A name, or a pattern with `*`, `**` and `?`. */
  pattern: string;
  lines: ExpectedLine[];
  /** Everything that no line speaks of must be denied. */
  nothingElse: boolean;
}

/** A file of expectations (docs/expect.md), as `verify --expect` reads it. */
export interface Expectations {
  /** Where they were read. */
  path: string;
  entries: ExpectationEntry[];
}

/** Disjoint sets; on what is in neither, any answer is right. */
export interface ExpectedPolicy {
  required: DeviceSet;
  forbidden: DeviceSet;
}

const MOST_ENTRIES = 10_000;
const MOST_LINES = 2_000;
const MOST_LENGTH = 500;

/**
 * Reads `{ version: 1, containers: { web: ["c 10:200 rw", "no block devices", "nothing else"] } }`. Mappings may be Map (as a YAML reader gives them, so
 * that no key of the file becomes a property) or plain objects.
 * @param path what to call the file in messages
 * @throws InputError with the place of the first mistake
 */
export function parseExpectations(document: unknown, path: string): Expectations {
  const at = (place: string): string => `${path}: ${place}`;
  const top = mapping(document, at('the file'));
  for (const key of top.keys())
    if (key !== 'version' && key !== 'containers')
      throw new InputError(`${at(quote(key))} is not known here`, 'the file has "version" and "containers"');
  if (top.get('version') !== 1) throw new InputError(`${at('version')} must be 1`);
  const containers = mapping(top.get('containers'), at('containers'));
  if (containers.size > MOST_ENTRIES) throw new InputError(`${at('containers')}: more than ${String(MOST_ENTRIES)}`);
  return { path, entries: [...containers].map(([pattern, lines]) => entryOf(pattern, lines, at(quote(pattern)))) };
}

function entryOf(pattern: string, value: unknown, place: string): ExpectationEntry {
  if (pattern === '' || pattern.length > MOST_LENGTH) throw new InputError(`${place}: not a name`);
  if (!Array.isArray(value)) throw new InputError(`${place}: expected a list of lines`);
  if (value.length > MOST_LINES) throw new InputError(`${place}: more than ${String(MOST_LINES)} lines`);
  const entry: ExpectationEntry = { pattern, lines: [], nothingElse: false };
  for (const [index, line] of (value as unknown[]).entries()) {
    const where = `${place}[${String(index)}]`;
    if (typeof line !== 'string' || line.length > MOST_LENGTH)
      throw new InputError(`${where}: expected a line of text`);
    const text = line.trim().replace(/\s+/g, ' ');
    if (text === 'nothing else') entry.nothingElse = true;
    else entry.lines.push(lineOf(text, where));
  }
  return entry;
}

/** Given to every container unless somebody says otherwise: the default lists of runc and crun, and Docker's, which has the console too. */
const DEFAULT_DEVICES = ['c *:* m', 'b *:* m', 'c 1:3,5,7-9 rwm', 'c 5:0-2 rwm', 'c 136:* rwm'];

function lineOf(text: string, where: string): ExpectedLine {
  if (text === 'default devices')
    return { kind: 'permitted', rules: DEFAULT_DEVICES.flatMap((each) => rulesOf(each, where)), text };
  const whole = /^no (block|character) devices$/.exec(text)?.[1];
  if (text === 'no devices' || whole !== undefined) {
    // Making a node harms nobody who cannot open it, and runtimes allow it by default.
    const types = whole === undefined ? (['b', 'c'] as const) : ([whole === 'block' ? 'b' : 'c'] as const);
    return { kind: 'forbidden', rules: types.map((type) => anyDevice(type)), text };
  }
  const [, word, rest = ''] = /^(?:(no|may) )?(.*)$/.exec(text) ?? [];
  const rules = rulesOf(rest, where);
  if (word === undefined) return { kind: 'required', rules, text };
  if (word === 'may') return { kind: 'permitted', rules, text };
  // "no c 1:3 rw" is about reading and writing; the check without access bits follows neither.
  return { kind: 'forbidden', rules: rules.map((rule) => withoutCheck(rule)), text };
}

function anyDevice(type: 'b' | 'c'): DeviceRule {
  return { type, major: [0, MAX_MAJOR], minor: [0, MAX_MINOR], access: ['r', 'w', 'rw'] };
}

function withoutCheck(rule: DeviceRule): DeviceRule {
  const letters = rule.access.filter((name) => name !== '-');
  return letters.length === 0 ? rule : { ...rule, access: letters };
}

/** `c 1:3,5,7-9 rwm`, the way reports print several numbers on one line, as rules of one range each. */
function rulesOf(text: string, where: string): DeviceRule[] {
  const match = /^([bc]) ([^ :]+):([^ :]+) ([^ ]+)$/.exec(text);
  if (match === null) {
    throw new InputError(
      `${where}: not understood: ${quote(text)}`,
      'lines are like "c 10:200 rw", "no block devices", "may c 226:* rw", "default devices", "nothing else"',
    );
  }
  const [, type = '', majors = '', minors = '', access = ''] = match;
  return majors.split(',').flatMap((major) =>
    minors.split(',').map((minor) => {
      try {
        return normalised(parseRule(`${type} ${major}:${minor} ${access}`));
      } catch (error) {
        if (error instanceof InputError) throw new InputError(`${where}: ${error.message}`, error.hint);
        throw error;
      }
    }),
  );
}

function normalised(rule: DeviceRule): DeviceRule {
  return { ...rule, access: accessNames(accessSetFromNames(rule.access)) };
}

/**
 * What entries that apply to one subject mean together.
 * @throws InputError when one line requires what another forbids
 */
export function expectedPolicy(space: DeviceSpace, entries: readonly ExpectationEntry[]): ExpectedPolicy {
  const lines = entries.flatMap((entry) => entry.lines);
  const sets = new Map<ExpectedKind, DeviceSet>();
  for (const kind of ['required', 'permitted', 'forbidden'] as const)
    sets.set(kind, space.forRules(lines.filter((line) => line.kind === kind).flatMap(({ rules }) => rules)));
  const set = (kind: ExpectedKind): DeviceSet => sets.get(kind) ?? space.nothing;
  if (!set('required').intersect(set('forbidden')).isEmpty()) throw conflict(space, entries);
  const forbidden = entries.some(({ nothingElse }) => nothingElse)
    ? set('forbidden').union(space.everything.subtract(set('required')).subtract(set('permitted')))
    : set('forbidden');
  return { required: set('required'), forbidden };
}

function conflict(space: DeviceSpace, entries: readonly ExpectationEntry[]): InputError {
  const lines = entries.flatMap(({ pattern, lines: all }) => all.map((line) => ({ pattern, ...line })));
  for (const required of lines.filter(({ kind }) => kind === 'required')) {
    const against = lines.find(
      ({ kind, rules }) =>
        kind === 'forbidden' && !space.forRules(rules).intersect(space.forRules(required.rules)).isEmpty(),
    );
    if (against !== undefined)
      return new InputError(
        `${quote(required.text)} of ${quote(required.pattern)} and ${quote(against.text)} of ${quote(against.pattern)} contradict each other`,
      );
  }
  return new InputError('the expectations contradict each other');
}

/** One request, from the lines themselves: a second opinion on the sets. Null: either answer is right. */
export function decideExpected(entries: readonly ExpectationEntry[], request: DeviceRequest): 'allow' | 'deny' | null {
  const kinds = new Set(
    entries.flatMap(({ lines }) =>
      lines.filter(({ rules }) => rules.some((rule) => speaksOf(rule, request))).map(({ kind }) => kind),
    ),
  );
  if (kinds.has('required')) return 'allow';
  if (kinds.has('forbidden')) return 'deny';
  if (kinds.has('permitted')) return null;
  return entries.some(({ nothingElse }) => nothingElse) ? 'deny' : null;
}

function speaksOf(rule: DeviceRule, { type, access, major, minor }: DeviceRequest): boolean {
  const within = (
    value: number,
    [low, high]: readonly [number, number],
    mask?: { mask: number; value: number },
  ): boolean => value >= low && value <= high && (mask === undefined || (value & mask.mask) === mask.value);
  const name = ACCESS_NAMES.find((each) => each.access === access)?.name;
  return (
    rule.type === type &&
    name !== undefined &&
    rule.access.includes(name) &&
    within(major, rule.major, rule.majorMask) &&
    within(minor, rule.minor, rule.minorMask)
  );
}

/**
 * Does the pattern name it? `*` stands for any characters but "/", `**` for any, `?` for one but "/". All places in the pattern that the name so far
 * may have reached are followed at once, so that a long hostile name costs no more than its length times the pattern's.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const tokens = pattern.match(/\*\*|[^]/gu) ?? [];
  const isStar = (index: number): boolean => tokens[index] === '*' || tokens[index] === '**';
  let places = new Set([0]);
  const skipStars = (reached: Set<number>): Set<number> => {
    // A star may stand for nothing. Places that are added here are visited in turn.
    for (const place of reached) if (isStar(place)) reached.add(place + 1);
    return reached;
  };
  places = skipStars(places);
  for (const character of name) {
    const next = new Set<number>();
    for (const place of places) {
      const token = tokens[place];
      if (token === '**' || (token === '*' && character !== '/')) next.add(place);
      else if (token === character || (token === '?' && character !== '/')) next.add(place + 1);
    }
    places = skipStars(next);
  }
  return places.has(tokens.length);
}

/** A plain name must exist; a pattern may name nothing. */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

function mapping(value: unknown, place: string): Map<string, unknown> {
  if (value instanceof Map) {
    for (const key of value.keys())
      if (typeof key !== 'string') throw new InputError(`${place}: keys are text; put ${String(key)} in quotes`);
    return value as Map<string, unknown>;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(`${place}: expected a mapping`);
  return new Map(Object.entries(value));
}

/** Short and printable. */
function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    '?',
  );
}
