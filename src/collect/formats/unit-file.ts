import { InputError } from '../../errors.js';
import type { UnitFileRecord } from '../../snapshot/types.js';
import { saysNothing } from './systemctl-words.js';

/**
 * Settings that are kept: those that decide a unit's device policy (systemd.resource-control(5), and what systemd.exec(5) adds to it implicitly), and
 * where the unit stands. Values that could hold secrets (credentials) are kept by name only.
 */
const KEPT = new Set([
  'DevicePolicy',
  'DeviceAllow',
  'BPFProgram',
  'PrivateDevices',
  'RootImage',
  'MountImages',
  'ExtensionImages',
  'ProtectClock',
  'LoadCredentialEncrypted',
  'SetCredentialEncrypted',
  'ImportCredential',
  'Slice',
  'Delegate',
]);

/**
 * Reads a unit file (systemd.syntax(7)): [section, key, value] of the settings that matter, in order. Lines that end in a backslash go on in the next
 * one, comment lines in between are dropped. An empty value is a reset and is kept. Specifiers are not expanded.
 */
export function parseUnitFile(content: string): UnitFileRecord['assignments'] {
  const assignments: UnitFileRecord['assignments'] = [];
  let section = '';
  for (const line of logicalLines(content)) {
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) {
      section = header[1] ?? '';
      continue;
    }
    const equals = line.indexOf('=');
    const key = line.slice(0, Math.max(equals, 0)).trim();
    if (!KEPT.has(key)) continue;
    assignments.push([section, key, keptValue(key, line.slice(equals + 1).trim())]);
  }
  return assignments;
}

/** "ID:data" of a credential becomes "ID:". */
function keptValue(key: string, value: string): string {
  return key === 'SetCredentialEncrypted' ? value.replace(/:.*$/s, ':') : value;
}

function logicalLines(content: string): string[] {
  const lines: string[] = [];
  let continued: string | null = null;
  for (const raw of content.split('\n')) {
    const line = raw.trim();
    if (line.startsWith('#') || line.startsWith(';') || (continued === null && line === '')) continue;
    const joined: string = continued === null ? line : `${continued} ${line}`;
    if (line.endsWith('\\')) {
      continued = joined.slice(0, -1).trimEnd();
      continue;
    }
    lines.push(joined);
    continued = null;
  }
  if (continued !== null) lines.push(continued);
  return lines;
}

/** Name of a unit, or of a drop-in: what `systemctl cat` puts above each file. */
const FILE_HEADER = /^# (\/.+\.(?:conf|service|socket|scope|slice|mount|swap|device|target|timer|path|automount))$/;

/**
 * Splits the output of `systemctl cat` into its files, in the order systemd reads them. Output for several units runs together; the caller tells them
 * apart by the paths.
 * @throws InputError if it is something else
 */
export function parseSystemctlCat(content: string): UnitFileRecord[] {
  const files: { path: string; lines: string[] }[] = [];
  let afterBlank = true;
  for (const line of content.split('\n')) {
    const header = afterBlank ? FILE_HEADER.exec(line) : null;
    if (header !== null) files.push({ path: header[1] ?? '', lines: [] });
    else files[files.length - 1]?.lines.push(line);
    afterBlank = line.trim() === '';
  }
  if (files.length === 0 && !saysNothing(content)) throw new InputError('no output of "systemctl cat"');
  return files.map((file) => ({ path: file.path, assignments: parseUnitFile(file.lines.join('\n')) }));
}
