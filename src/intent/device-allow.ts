import { accessMask } from './compiled.js';
import type { DeviceType } from '../policy/types.js';

/** One line of DeviceAllow= after its grammar (systemd.resource-control(5)), not yet resolved to numbers. */
export interface DeviceAllowEntry {
  /** The line as written or as `systemctl show` prints it. */
  readonly text: string;
  readonly node: DeviceAllowNode;
  /** Mask of access bits; 7 when the line gives none. */
  readonly access: number;
  /** The setting that implied it, null when it was written: "PrivateDevices=", "ProtectClock=" ... */
  readonly impliedBy: string | null;
}
export type DeviceAllowNode =
  /** A path below /dev that is looked up when the unit's settings are applied. */
  | { readonly kind: 'path'; readonly path: string }
  /** /dev/char/M:m or /dev/block/M:m: read from the text, never looked up (since systemd 240). */
  | { readonly kind: 'number'; readonly type: DeviceType; readonly major: number; readonly minor: number }
  /** char-PATTERN or block-PATTERN, matched against /proc/devices. */
  | { readonly kind: 'pattern'; readonly type: DeviceType; readonly pattern: string }
  | { readonly kind: 'major'; readonly type: DeviceType; readonly major: number }
  | { readonly kind: 'class'; readonly type: DeviceType }
  /** Accepted when read and skipped when applied: a path outside /dev, or /dev/char/ with no number behind it. */
  | { readonly kind: 'skipped'; readonly why: string }
  /** A specifier whose value the unit's name does not give: any device. */
  | { readonly kind: 'unknown'; readonly why: string };

const MAX_MAJOR_NUMBER = 4095;
const MAX_MINOR_NUMBER = 1048575;

/** Reads one value of DeviceAllow=. `unit` gives the specifiers their meaning. An `error` is a line systemd ignores with a warning. */
export function parseDeviceAllow(text: string, unit: string): DeviceAllowEntry | { readonly error: string } {
  const word = firstWord(text.trim());
  if (word === null) return { error: 'no device node' };
  const letters = word.rest;
  const access = letters === '' ? 7 : accessMask(letters);
  if (access === null) return { error: `invalid device rights "${letters}"` };
  const expanded = expandSpecifiers(word.word, unit);
  if ('error' in expanded) return { error: expanded.error };
  if ('unknown' in expanded) return { text, access, impliedBy: null, node: { kind: 'unknown', why: expanded.unknown } };
  const node = parseNode(expanded.text);
  return 'error' in node ? node : { text, access, impliedBy: null, node };
}

/** The node part, specifiers already expanded. */
export function parseNode(name: string): DeviceAllowNode | { readonly error: string } {
  const group = /^(char|block)-(.*)$/s.exec(name);
  if (group !== null) return parseGroup(group[1] === 'char' ? 'c' : 'b', group[2] ?? '');
  if (!name.startsWith('/')) return { error: `not an absolute path: "${name}"` };
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return { error: `path is not normalised: "${name}"` };
  const path = `/${parts.join('/')}`;
  if (path.startsWith('/run/systemd/inaccessible/')) return { kind: 'skipped', why: 'outside /dev' };
  if (!path.startsWith('/dev/')) return { error: `invalid device node path "${name}"` };
  const numbered = /^\/dev\/(char|block)\/(.*)$/s.exec(path);
  if (numbered === null) return { kind: 'path', path };
  const [major, minor, extra] = (numbered[2] ?? '').split(':').map(parseUnsigned);
  const valid = extra === undefined && inside(major, MAX_MAJOR_NUMBER) && inside(minor, MAX_MINOR_NUMBER);
  if (!valid) return { kind: 'skipped', why: 'no device number' };
  return { kind: 'number', type: numbered[1] === 'char' ? 'c' : 'b', major, minor };
}

function parseGroup(type: DeviceType, pattern: string): DeviceAllowNode {
  if (pattern === '*') return { kind: 'class', type };
  const major = parseUnsigned(pattern);
  return inside(major, MAX_MAJOR_NUMBER) ? { kind: 'major', type, major } : { kind: 'pattern', type, pattern };
}

function inside(value: number | null | undefined, max: number): value is number {
  return value !== null && value !== undefined && value <= max;
}

/** safe_atou(): decimal, 0x hexadecimal or 0 octal, leading blanks and a plus allowed. */
function parseUnsigned(text: string): number | null {
  const match = /^[ \t\n\r\f\v]*\+?(?:0[xX]([0-9a-fA-F]{1,8})|(0[0-7]{0,11})|([1-9][0-9]{0,9}))$/.exec(text);
  if (match === null) return null;
  const [, hex, octal, decimal] = match;
  if (hex !== undefined) return Number.parseInt(hex, 16);
  return octal !== undefined ? Number.parseInt(octal, 8) : Number(decimal);
}

/** extract_first_word() with unquoting: the first word and what follows it, blanks between them dropped. */
function firstWord(text: string): { word: string; rest: string } | null {
  let word = '';
  let quote = '';
  let at = 0;
  for (; at < text.length; at++) {
    const letter = text[at] ?? '';
    if (letter === '\\') {
      word += text[++at] ?? '';
    } else if (quote !== '') {
      if (letter === quote) quote = '';
      else word += letter;
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (/\s/.test(letter)) break;
    else word += letter;
  }
  if (quote !== '' || word === '') return null;
  return { word, rest: text.slice(at).trim() };
}

/** Specifiers that follow from the unit's name (systemd.unit(5)); the others depend on the host or the user. */
function expandSpecifiers(text: string, unit: string): { text: string } | { unknown: string } | { error: string } {
  const dot = unit.lastIndexOf('.');
  const stem = dot === -1 ? unit : unit.slice(0, dot);
  const at = stem.indexOf('@');
  const prefix = at === -1 ? stem : stem.slice(0, at);
  const instance = at === -1 ? '' : stem.slice(at + 1);
  const values = new Map([
    ['%', '%'],
    ['n', unit],
    ['N', stem],
    ['p', prefix],
    ['P', unescapeName(prefix)],
    ['i', instance],
    ['I', unescapeName(instance)],
    ['j', prefix.slice(prefix.lastIndexOf('-') + 1)],
    ['J', unescapeName(prefix.slice(prefix.lastIndexOf('-') + 1))],
  ]);
  const unknown: string[] = [];
  const expanded = text.replace(/%(.?)/gs, (whole, letter: string) => {
    const value = values.get(letter);
    if (value === undefined && /[A-Za-z]/.test(letter)) unknown.push(`specifier %${letter}`);
    return value ?? whole;
  });
  return unknown[0] === undefined ? { text: expanded } : { unknown: unknown[0] };
}

/** unit_name_unescape(): "-" is "/", \xNN a byte. */
function unescapeName(name: string): string {
  return name
    .replace(/-/g, '/')
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
