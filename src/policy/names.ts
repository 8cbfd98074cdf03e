import { ALLOCATED, BY_DRIVER } from './device-table.js';
import { parseProcDevices } from './proc-devices.js';
import { MAX_MAJOR, MAX_MINOR, type DeviceRule, type DeviceType, type Range } from './types.js';

/** Where a name comes from: a device node that was seen, the kernel's list of drivers, or the numbers Linux allocates for good. */
export type NameSource = 'node' | 'proc-devices' | 'devices.txt';

/** A name for a device number, as it was read. */
export interface DeviceName {
  /** A path, `/dev/null`; with `*` where one name stands for many nodes or the number does not tell it all. */
  name: string;
  source: NameSource;
}

/** Where names are looked up, besides the table of numbers that Linux allocates for good. */
export interface NameSources {
  /** Nodes seen, the preferred ones first (the container's own, then the host's). Entries of type null are ignored. */
  nodes?: readonly { path: string; type: DeviceType | null; major: number; minor: number }[];
  /** Text of /proc/devices. */
  procDevices?: string | null;
}

/** At most this many names are listed for one rule. */
const MOST_NAMES = 4;

/** Names for device numbers. Only words for people: no verdict depends on them, and paths come as they were read, not escaped. */
export class DeviceNames {
  readonly #nodes = new Map<string, string>();
  readonly #drivers = new Map<string, string>();

  constructor(sources: NameSources = {}) {
    for (const { path, type, major, minor } of sources.nodes ?? []) {
      const key = type === null ? null : `${type} ${String(major)}:${String(minor)}`;
      if (key !== null && !this.#nodes.has(key)) this.#nodes.set(key, path);
    }
    for (const { type, major, name } of parseProcDevices(sources.procDevices ?? '') ?? []) {
      const key = `${type} ${String(major)}`;
      if (!this.#drivers.has(key)) this.#drivers.set(key, name);
    }
  }

  /** The name of one device number, or null if nobody knows one. */
  nameOf(type: DeviceType, major: number, minor: number): DeviceName | null {
    const node = this.#nodes.get(`${type} ${String(major)}:${String(minor)}`);
    if (node !== undefined) return { name: node, source: 'node' };
    const row = ALLOCATED.find((each) => each[0] === type && each[1] === major && each[2] <= minor && minor <= each[3]);
    if (row !== undefined) return { name: numbered(row[4], minor - row[2], minor), source: 'devices.txt' };
    const driver = this.driverOf(type, major);
    if (driver === null) return null;
    const pattern = BY_DRIVER.get(`${type} ${driver}`);
    return {
      name: pattern === undefined ? `driver ${driver}` : numbered(pattern, minor, minor),
      source: 'proc-devices',
    };
  }

  /** First name of a major in /proc/devices, or null. */
  driverOf(type: DeviceType, major: number): string | null {
    return this.#drivers.get(`${type} ${String(major)}`) ?? null;
  }

  /**
   * Names for what a rule covers, most of the time one: a node, a family (`/dev/pts/*`) or, for a rule of every number, words. At most four;
   * empty when nothing is known or the rule is a mask.
   */
  namesOf(rule: DeviceRule): DeviceName[] {
    const { type, major, minor } = rule;
    if (rule.majorMask !== undefined || rule.minorMask !== undefined) return [];
    if (isWhole(major, MAX_MAJOR)) return isWhole(minor, MAX_MINOR) ? [everyDevice(type)] : [];
    const found: DeviceName[] = [];
    for (let each = major[0]; each <= major[1] && found.length < MOST_NAMES; each++) {
      for (const name of this.#namesOfMajor(type, each, minor)) {
        if (!found.some((other) => other.name === name.name) && found.length < MOST_NAMES) found.push(name);
      }
    }
    return found;
  }

  /** The names of several rules in few words: `null zero full`, `/dev/net/tun`, `/dev/pts/*`; empty when none is known. */
  describe(rules: readonly DeviceRule[]): string {
    const names = [...new Set(rules.flatMap((rule) => this.namesOf(rule)).map(({ name }) => name))];
    const only = names[0];
    if (only === undefined) return '';
    if (names.length === 1) return only;
    return names.map((name) => (name.startsWith('/dev/') ? name.slice('/dev/'.length) : name)).join(' ');
  }

  #namesOfMajor(type: DeviceType, major: number, minor: Range): DeviceName[] {
    if (minor[0] === minor[1]) {
      const name = this.nameOf(type, major, minor[0]);
      return name === null ? [] : [name];
    }
    const rows = ALLOCATED.filter(
      (row) => row[0] === type && row[1] === major && row[2] <= minor[1] && row[3] >= minor[0],
    );
    if (rows.length > 0) return rows.map((row) => ({ name: family(row), source: 'devices.txt' as const }));
    const driver = this.driverOf(type, major);
    if (driver === null) return [];
    return [
      { name: BY_DRIVER.get(`${type} ${driver}`)?.replace('#', '*') ?? `driver ${driver}`, source: 'proc-devices' },
    ];
  }
}

function everyDevice(type: DeviceType): DeviceName {
  return { name: type === 'c' ? 'every character device' : 'every block device', source: 'devices.txt' };
}

function family(row: (typeof ALLOCATED)[number]): string {
  return row[4].replace(/[#@]/, '*');
}

function numbered(pattern: string, offset: number, minor: number): string {
  return pattern.replace('#', String(offset)).replace('@', String(minor));
}

function isWhole([low, high]: Range, max: number): boolean {
  return low === 0 && high === max;
}
