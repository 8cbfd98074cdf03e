import type { DriverMajor } from '../policy/proc-devices.js';
import type { HostRecord } from '../snapshot/types.js';
import type { OciRule } from './oci-rule.js';
import { emulate, emulatorErrorText, type EmulatedException } from './runc-emulator.js';
import { inRange, type Version, type VersionRange } from './version.js';

/** How a version range of runc turned its list into DevicePolicy= and DeviceAllow= (libcontainer/cgroups/devices, systemd.go, common.go). */
export interface RuncGenerator {
  readonly range: VersionRange;
  /** None: this runc gave systemd no device property. */
  readonly properties: boolean;
  /** A rule `M:*` became the first name of that major in /proc/devices, or `char-M` where systemd is 240 or later. */
  readonly group: 'name' | 'number';
  /**
   * Entries left out because something did not exist: `every-entry`: os.Stat of each entry, "char-pts" too. `dev`: os.Stat of /dev/char/M:m only.
   * `dev-or-sys`: that, then /sys/dev/char/M:m. `old-systemd`: as `dev`, but only for systemd before 240 (or one that did not answer).
   */
  readonly filter: 'none' | 'every-entry' | 'dev' | 'dev-or-sys' | 'old-systemd';
}

export const RUNC_GENERATORS: readonly RuncGenerator[] = [
  { range: { before: '1.0.0-rc91' }, properties: false, group: 'name', filter: 'none' },
  { range: { from: '1.0.0-rc91', before: '1.1.3' }, properties: true, group: 'name', filter: 'none' },
  { range: { from: '1.1.3', before: '1.1.4' }, properties: true, group: 'name', filter: 'every-entry' },
  { range: { from: '1.1.4', before: '1.1.5' }, properties: true, group: 'name', filter: 'dev' },
  { range: { from: '1.1.5', before: '1.1.7' }, properties: true, group: 'name', filter: 'dev-or-sys' },
  { range: { from: '1.1.7', before: '1.2.0-rc1' }, properties: true, group: 'name', filter: 'old-systemd' },
  { range: { from: '1.2.0-rc1' }, properties: true, group: 'number', filter: 'old-systemd' },
];

export function runcGenerator(version: Version): RuncGenerator {
  const found = RUNC_GENERATORS.find(({ range }) => inRange(version, range));
  if (found === undefined) throw new RangeError('the generators of runc leave no gap');
  return found;
}

export interface GenerationHost {
  readonly procDevices: readonly DriverMajor[] | null;
  readonly links: HostRecord['deviceLinks'];
  /** Links nobody looked at are taken to have existed where the list has the node: its own lines tell. Null: they are unknown. */
  readonly nodesInList?: ReadonlySet<string>;
  /** Release of systemd as runc asked it over D-Bus; -1: it did not answer. Null unknown. */
  readonly systemd: number | null;
}

/** Why a rule did not reach systemd. */
export type LossReason =
  /** `*:n`: systemd has no form for it. */
  | 'any-major'
  /** A denylist: systemd only has allow lists; runc sends an empty one ("temporary deny-all"). */
  | 'denylist'
  /** The major of `M:*` has no name in /proc/devices. */
  | 'unknown-major'
  /** 1.1.3: the entry is no path, so os.Stat of it failed. */
  | 'group-stat'
  /** /dev/{char,block}/M:m does not exist. */
  | 'no-dev-link'
  /** Neither /dev/{char,block}/M:m nor /sys/dev/{char,block}/M:m exists. */
  | 'no-dev-and-sys-link';

export interface GeneratedList {
  readonly policy: 'auto' | 'strict';
  /** As systemd writes them: "/dev/char/1:3 rwm", "char-pts rwm". */
  readonly lines: readonly string[];
  readonly lost: readonly { readonly rule: EmulatedException; readonly reason: LossReason }[];
}

export type Generated =
  | { readonly kind: 'list'; readonly list: GeneratedList }
  | { readonly kind: 'no-properties' }
  /** A fact about the host that decides is not known. */
  | { readonly kind: 'unknown'; readonly missing: string }
  | { readonly kind: 'refused'; readonly error: string };

/** What a generator would have told systemd for a list (built-ins included) on this host. */
export function generateDeviceAllow(
  rules: readonly OciRule[],
  generator: RuncGenerator,
  host: GenerationHost,
): Generated {
  if (!generator.properties) return { kind: 'no-properties' };
  const emulated = emulate(rules);
  if ('error' in emulated) return { kind: 'refused', error: emulatorErrorText(emulated.error) };
  const { defaultAllow, exceptions } = emulated.state;
  if (defaultAllow) {
    const lost = exceptions.map((rule) => ({ rule, reason: 'denylist' as const }));
    return { kind: 'list', list: { policy: exceptions.length === 0 ? 'auto' : 'strict', lines: [], lost } };
  }
  const lines: string[] = [];
  const lost: { rule: EmulatedException; reason: LossReason }[] = [];
  for (const rule of exceptions) {
    const entry = entryOf(rule, generator, host);
    if ('missing' in entry) return { kind: 'unknown', missing: entry.missing };
    if ('reason' in entry) lost.push({ rule, reason: entry.reason });
    else lines.push(`${entry.node} ${letters(rule.access)}`);
  }
  return { kind: 'list', list: { policy: 'strict', lines, lost } };
}

type Entry = { node: string } | { reason: LossReason } | { missing: string };

function entryOf(rule: EmulatedException, generator: RuncGenerator, host: GenerationHost): Entry {
  const prefix = rule.type === 'c' ? 'char' : 'block';
  if (rule.major === null) {
    if (rule.minor !== null) return { reason: 'any-major' };
    return generator.filter === 'every-entry' ? { reason: 'group-stat' } : { node: `${prefix}-*` };
  }
  if (rule.minor !== null)
    return filtered(rule, generator, host, `/dev/${prefix}/${String(rule.major)}:${String(rule.minor)}`);
  if (generator.group === 'number') {
    if (host.systemd === null) return { missing: 'systemd' };
    if (host.systemd >= 240) return { node: `${prefix}-${String(rule.major)}` };
  }
  if (host.procDevices === null) return { missing: 'proc-devices' };
  const name = host.procDevices.find(({ type, major }) => type === rule.type && major === rule.major)?.name;
  if (name === undefined) return { reason: 'unknown-major' };
  return generator.filter === 'every-entry' ? { reason: 'group-stat' } : { node: `${prefix}-${name}` };
}

function filtered(rule: EmulatedException, { filter }: RuncGenerator, host: GenerationHost, node: string): Entry {
  const { devChar, devBlock, sysDevChar, sysDevBlock } = host.links;
  const [dev, sys] = rule.type === 'c' ? [devChar, sysDevChar] : [devBlock, sysDevBlock];
  const name = `${String(rule.major)}:${String(rule.minor)}`;
  switch (filter) {
    case 'none':
      return { node };
    case 'old-systemd':
      if (host.systemd === null) return { missing: 'systemd' };
      if (host.systemd >= 240) return { node };
      break;
    case 'dev-or-sys':
      if (dev?.includes(name) === true || sys?.includes(name) === true) return { node };
      if (dev === null || sys === null) {
        if (host.nodesInList === undefined) return { missing: 'device-links' };
        if (host.nodesInList.has(node)) return { node };
      }
      return { reason: 'no-dev-and-sys-link' };
    case 'every-entry':
    case 'dev':
      break;
  }
  if (dev === null) {
    if (host.nodesInList === undefined) return { missing: 'device-links' };
    return host.nodesInList.has(node) ? { node } : { reason: 'no-dev-link' };
  }
  return dev.includes(name) ? { node } : { reason: 'no-dev-link' };
}

function letters(mask: number): string {
  return `${(mask & 2) === 0 ? '' : 'r'}${(mask & 4) === 0 ? '' : 'w'}${(mask & 1) === 0 ? '' : 'm'}`;
}
