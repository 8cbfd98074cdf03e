import { InputError } from '../errors.js';
import {
  accessNames,
  accessSetFromNames,
  formatAccessSet,
  maskText,
  parseAccessSet,
  parseLetters,
  type Notation,
} from './access.js';
import { MAX_MAJOR, MAX_MINOR, type DeviceRequest, type DeviceRule, type DeviceType, type Range } from './types.js';

/** A field of a rule: an interval, and where that is not enough the bits that must have a value. */
interface Field {
  range: Range;
  mask?: { mask: number; value: number };
}

const FIELD = /^(\*|[0-9]{1,10}(?:-[0-9]{1,10})?)(?:&(0x[0-9a-f]{1,5})=(0x[0-9a-f]{1,5}))?$/;
const RULE = /^([bc])[ \t]+([^ \t:]+):([^ \t:]+)[ \t]+([^ \t]+)$/;
const DEVICE = /^([bc])[: \t]([0-9]{1,10}):([0-9]{1,10})$/;

/**
 * One rule as text: `c 1:3 rwm`, `b *:* m`, `c 226:0-127 rw`, `c 10:*&0x1=0x1 r` (a mask: the odd minors). A range that is a whole field is `*`.
 * Letters are read as `notation` says (see access.ts).
 */
export function formatRule(rule: DeviceRule, notation: Notation = 'policy'): string {
  const major = formatField(rule.major, MAX_MAJOR, rule.majorMask);
  const minor = formatField(rule.minor, MAX_MINOR, rule.minorMask);
  return `${rule.type} ${major}:${minor} ${formatAccessSet(accessSetFromNames(rule.access), notation)}`;
}

/** Reads what formatRule writes, and every line of cgroup v1's form but type `a`. Throws InputError. */
export function parseRule(text: string, notation: Notation = 'policy'): DeviceRule {
  const match = RULE.exec(text.trim());
  if (match === null)
    throw new InputError(
      `not a device rule: ${quote(text)}`,
      'a rule reads like "c 1:3 rwm", "b *:* m" or "c 226:0-127 rw"',
    );
  const [, type, majorText = '', minorText = '', accessText = ''] = match;
  const major = parseField(majorText, MAX_MAJOR, 'major');
  const minor = parseField(minorText, MAX_MINOR, 'minor');
  const access = parseAccessSet(accessText, notation);
  if (access === null) throw new InputError(`not an access: ${quote(accessText)}`, ACCESS_HINT);
  return {
    type: type as DeviceType,
    major: major.range,
    minor: minor.range,
    access: accessNames(access),
    ...(major.mask === undefined ? {} : { majorMask: major.mask }),
    ...(minor.mask === undefined ? {} : { minorMask: minor.mask }),
  };
}

const ACCESS_HINT =
  'an access is any of the letters r, w and m together ("rw"), or "-" for the check without access bits (F_OK)';

/** One request's access from the command line: letters in any order, or `-`. Returns 0 to 7. Throws InputError. */
export function parseAccess(text: string): number {
  const mask = text === '-' ? 0 : parseLetters(text);
  if (mask === null) throw new InputError(`not an access: ${quote(text)}`, ACCESS_HINT);
  return mask;
}

/** The letters of an access value (0 to 7), `-` for 0. */
export function formatAccess(access: number): string {
  return access === 0 ? '-' : maskText(access);
}

/** `c:1:3` or `c 1:3`. Null when the text does not look like one (it may be a path); throws InputError when it does but the numbers cannot be. */
export function parseDevice(text: string): { type: DeviceType; major: number; minor: number } | null {
  const match = DEVICE.exec(text.trim());
  if (match === null) return null;
  const [, type, major = '', minor = ''] = match;
  return {
    type: type as DeviceType,
    major: parseNumber(major, MAX_MAJOR, 'major'),
    minor: parseNumber(minor, MAX_MINOR, 'minor'),
  };
}

/** `c 1:3 rw`. */
export function formatRequest(request: DeviceRequest): string {
  return `${request.type} ${String(request.major)}:${String(request.minor)} ${formatAccess(request.access)}`;
}

/** A range as a rule shows it: `*` for the whole field, `7` or `7-9`. */
export function formatRange([low, high]: Range, max: number): string {
  if (low === 0 && high === max) return '*';
  return low === high ? String(low) : `${String(low)}-${String(high)}`;
}

/** A field as a rule shows it, `&mask=value` in hexadecimal after the range. */
export function formatField(range: Range, max: number, mask?: { mask: number; value: number }): string {
  const text = formatRange(range, max);
  return mask === undefined ? text : `${text}&0x${mask.mask.toString(16)}=0x${mask.value.toString(16)}`;
}

function parseField(text: string, max: number, what: string): Field {
  const match = FIELD.exec(text);
  if (match === null) throw new InputError(`not a ${what} number: ${quote(text)}`, 'a number, a range "0-127", or "*"');
  const [, numbers = '', maskHex, valueHex] = match;
  const range = parseRange(numbers, max, what);
  if (maskHex === undefined || valueHex === undefined) return { range };
  const mask = Number(maskHex);
  const value = Number(valueHex);
  if (mask === 0 || mask > max || (value & ~mask) !== 0)
    throw new InputError(`not a mask of a ${what} number: ${quote(text)}`);
  return { range, mask: { mask, value } };
}

function parseRange(text: string, max: number, what: string): Range {
  if (text === '*') return [0, max];
  const [lowText = '', highText] = text.split('-');
  const low = parseNumber(lowText, max, what);
  const high = highText === undefined ? low : parseNumber(highText, max, what);
  if (low > high) throw new InputError(`the ${what} range ${text} is empty`);
  return [low, high];
}

function parseNumber(text: string, max: number, what: string): number {
  const value = Number(text);
  if (value > max) throw new InputError(`${what} number ${text} does not exist: the largest is ${String(max)}`);
  return value;
}

/** Short and printable: a hostile line must not reach a terminal as it is. */
function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    '?',
  );
}
