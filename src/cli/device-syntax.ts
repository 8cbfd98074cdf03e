import { InputError } from '../errors.js';
import { parseLetters } from '../policy/access.js';
import { parseDevice } from '../policy/rule-text.js';
import { MAX_MAJOR, MAX_MINOR, type DeviceRequest, type DeviceType } from '../policy/types.js';

/** `c:1:3`, `b:8:0`, or an absolute path inside the container. */
export type DeviceSyntax =
  { kind: 'number'; type: DeviceType; major: number; minor: number } | { kind: 'path'; path: string };

/** @throws InputError with one line that says what is wrong. */
export function parseDeviceArgument(text: string): DeviceSyntax {
  if (text.startsWith('/')) {
    if (text.includes('\0') || text.length > 4096) throw new InputError('the device path is not a valid path');
    return { kind: 'path', path: text };
  }
  const device = parseDevice(text);
  if (device === null)
    throw new InputError(`"${text}" is no device`, 'devices: c:1:3, b:8:0, or a path such as /dev/null');
  return { kind: 'number', ...device };
}

/** True where a word is a device rather than a target, for commands whose target may be left out. */
export function looksLikeDevice(text: string): boolean {
  return text.startsWith('/') || /^[bc]:[0-9]/.test(text);
}

/** Any subset of r, w, m, each letter once, in any order; `-` for no access bit. @returns 0 to 7, or null. */
function accessValue(text: string): number | null {
  return text === '-' ? 0 : parseLetters(text);
}

/** One line of a requests file: four fields, separated by single tabs. @returns null for a malformed line. */
export function parseRequestLine(line: string): DeviceRequest | null {
  const fields = line.split('\t');
  if (fields.length !== 4) return null;
  const [type = '', majorText = '', minorText = '', accessWord = ''] = fields;
  if (type !== 'b' && type !== 'c') return null;
  const major = parseNumber(majorText, MAX_MAJOR);
  const minor = parseNumber(minorText, MAX_MINOR);
  const access = accessValue(accessWord);
  if (major === null || minor === null || access === null) return null;
  return { type, major, minor, access };
}

function parseNumber(text: string, limit: number): number | null {
  if (!/^[0-9]{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value <= limit ? value : null;
}
