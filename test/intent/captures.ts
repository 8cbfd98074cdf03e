import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { BddManager } from '../../src/bdd/manager.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { ACCESS_NAMES, type DeviceRequest } from '../../src/policy/types.js';
import type {
  LxcConfigSource,
  NodeRecord,
  OciConfigSource,
  RawDeviceRule,
  RuncStateSource,
  UnitFileRecord,
  UnitRecord,
} from '../../src/snapshot/types.js';

/** Captures of real runtimes and the kernel's verdicts recorded with them; test/fixtures/captures/README.md says how they were made. */
export const CAPTURES: string = new URL('../fixtures/captures/', import.meta.url).pathname;

export interface Capture {
  readonly name: string;
  readonly folder: string;
  read(file: string): string;
  has(file: string): boolean;
}

export function capture(name: string): Capture {
  const folder = join(CAPTURES, name);
  return {
    name,
    folder,
    read: (file) => readFileSync(join(folder, file), 'utf8'),
    has: (file) => existsSync(join(folder, file)),
  };
}

/** Every capture that has a file of this name. */
export function capturesWith(file: string): Capture[] {
  return readdirSync(CAPTURES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => readdirSync(join(CAPTURES, entry.name)).map((each) => capture(`${entry.name}/${each}`)))
    .filter((each) => each.has(file));
}

export function space(): DeviceSpace {
  return new DeviceSpace(new BddManager());
}

export interface Probe extends DeviceRequest {
  readonly allowed: boolean;
}

/** The kernel's verdicts of oracle.tsv. Probes the kernel does not hand to a device program (lower-case letters) are left out. */
export function oracle(from: Capture): Probe[] {
  const columns = ['m', 'r', 'w', 'rw', '-'];
  return from
    .read('oracle.tsv')
    .split('\n')
    .filter((line) => /^[bc]\t/.test(line))
    .flatMap((line) => {
      const [type, major, minor, ...verdicts] = line.split('\t');
      return verdicts.flatMap((verdict, column): Probe[] => {
        const access = ACCESS_NAMES.find(({ name }) => name === columns[column])?.access;
        if (access === undefined || !/^[AD]$/.test(verdict)) return [];
        return [
          { type: type as 'b' | 'c', major: Number(major), minor: Number(minor), access, allowed: verdict === 'A' },
        ];
      });
    });
}

/** Probes on which a set and the kernel disagree, as text; empty when they agree everywhere. */
export function disagreements(allowed: DeviceSet, probes: readonly Probe[]): string[] {
  return probes
    .filter((probe) => allowed.contains(probe) !== probe.allowed)
    .map(
      (probe) =>
        `${probe.type} ${String(probe.major)}:${String(probe.minor)} access ${String(probe.access)}: the kernel ${probe.allowed ? 'allows' : 'denies'}`,
    );
}

interface StateJson {
  config: {
    cgroups: {
      devices?: { type: number; major: number; minor: number; permissions: string; allow: boolean }[];
    } & Record<string, unknown>;
  } & Record<string, unknown>;
}

/** A state.json as the collector hands it on, as far as intent reads it. */
export function runcState(from: Capture): RuncStateSource {
  const { config } = JSON.parse(from.read('state.json')) as StateJson;
  return stateSource(
    (config.cgroups.devices ?? []).map((rule) => ({
      allow: rule.allow,
      type: String.fromCharCode(rule.type),
      major: rule.major,
      minor: rule.minor,
      access: rule.permissions,
    })),
    { keys: [...Object.keys(config), ...Object.keys(config.cgroups)].sort() },
  );
}

export function stateSource(devices: RawDeviceRule[], other: Partial<RuncStateSource> = {}): RuncStateSource {
  return {
    kind: 'runc-state',
    path: '/run/runc/x/state.json',
    devices,
    allowedDevices: null,
    deniedDevices: null,
    allowAllDevices: null,
    skipDevices: null,
    nodes: [],
    hooks: [],
    id: 'x',
    bundle: null,
    initProcessPid: null,
    initProcessStart: null,
    cgroupPath: null,
    cgroup: { name: null, parent: null, scopePrefix: null, path: null, systemd: true, rootless: false },
    created: null,
    keys: ['Systemd', 'devices', 'name'],
    ...other,
  };
}

interface ConfigJson {
  ociVersion?: string;
  linux?: {
    resources?: { devices?: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[] };
    devices?: { path: string; type: string; major?: number; minor?: number }[];
    cgroupsPath?: string;
  };
}

export function ociConfig(from: Capture): OciConfigSource {
  const { ociVersion, linux } = JSON.parse(from.read('config.json')) as ConfigJson;
  return configSource(
    linux?.resources?.devices?.map((rule) =>
      raw(rule.allow, rule.type ?? null, rule.major ?? null, rule.minor ?? null, rule.access ?? null),
    ) ?? null,
    {
      ociVersion: ociVersion ?? null,
      hasResources: linux?.resources !== undefined,
      devices: (linux?.devices ?? []).map(({ path, type, major, minor }) => ({
        path,
        type,
        major: major ?? null,
        minor: minor ?? null,
      })),
      cgroupsPath: linux?.cgroupsPath ?? null,
    },
  );
}

export function configSource(
  resourcesDevices: RawDeviceRule[] | null,
  other: Partial<OciConfigSource> = {},
): OciConfigSource {
  return {
    kind: 'oci-config',
    path: '/run/bundle/config.json',
    ociVersion: '1.0.2',
    resourcesDevices,
    hasResources: resourcesDevices !== null,
    devices: [],
    cgroupsPath: null,
    userNamespace: false,
    annotations: {},
    hooks: [],
    ...other,
  };
}

export function raw(
  allow: boolean,
  type: string | null,
  major: number | null,
  minor: number | null,
  access: string | null,
): RawDeviceRule {
  return { allow, type, major, minor, access };
}

/** "allow c 1:3 rwm", "deny a", "allow c 10:* m": a rule as tests write it. */
export function rule(text: string): RawDeviceRule {
  const [verdict, type = null, numbers = '*:*', access = 'rwm'] = text.split(' ');
  const [major, minor] = numbers.split(':').map((part) => (part === '*' ? null : Number(part)));
  return raw(verdict === 'allow', type, major ?? null, minor ?? null, access === '-' ? '' : access);
}

/** Nodes of an `ls -l /dev` capture (dev-listing.txt). */
export function nodesOf(from: Capture): Map<string, NodeRecord> {
  const nodes = new Map<string, NodeRecord>();
  for (const line of from.read('dev-listing.txt').split('\n')) {
    const match = /^([bc])\S+\s+\d+\s+\S+\s+\S+\s+(\d+),\s*(\d+)\s.*?(\/\S+)$/.exec(line);
    if (match === null) continue;
    const [, type, major, minor, path = ''] = match;
    nodes.set(path, { path, type: type as 'b' | 'c', major: Number(major), minor: Number(minor) });
  }
  return nodes;
}

/** Unit files as `systemctl cat` prints them: "# /path" lines before each. Comments and the closing warning are dropped. */
export function unitFiles(text: string): UnitFileRecord[] {
  const files: UnitFileRecord[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    const path = /^# (\/\S+)$/.exec(line)?.[1];
    if (path !== undefined) files.push({ path, assignments: [] });
    const heading = /^\[(\w+)\]$/.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    const match = /^(\w+)=(.*)$/.exec(line);
    if (match !== null) files.at(-1)?.assignments.push([section, match[1] ?? '', match[2] ?? '']);
  }
  return files;
}

/** Properties as `systemctl show` prints them. */
export function shownProperties(text: string): Record<string, string[]> {
  const shown = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const match = /^(\w+)=(.*)$/.exec(line);
    if (match === null) continue;
    const [, key = '', value = ''] = match;
    shown.set(key, [...(shown.get(key) ?? []), value]);
  }
  return Object.fromEntries(shown);
}

/** A unit from text in the form of `systemctl cat`, and of `systemctl show`. */
export function unit(
  name: string,
  cat: string | null,
  show: string | null = null,
  cgroup: string | null = null,
): UnitRecord {
  return {
    name,
    nestedIn: null,
    cgroup,
    files: cat === null ? null : unitFiles(cat),
    shown: show === null ? null : shownProperties(show),
  };
}

/** The unit of a capture that has systemctl-cat.txt and systemctl-show.txt. */
export function unitOf(from: Capture): UnitRecord {
  const show = from.read('systemctl-show.txt');
  const properties = shownProperties(show);
  return unit(
    properties['Id']?.[0] ?? '',
    from.read('systemctl-cat.txt'),
    show,
    properties['ControlGroup']?.[0] ?? null,
  );
}

/** Assignments of an LXC configuration as the collector hands them on. */
export function lxcConfig(text: string, path = '/var/lib/lxc/x/config'): LxcConfigSource {
  const assignments = text.split('\n').flatMap((line) => {
    const match = /^\s*(lxc\.[\w.]+)\s*=\s*(.*?)\s*$/.exec(line);
    return match === null ? [] : [{ key: match[1] ?? '', value: match[2] ?? '' }];
  });
  return { kind: 'lxc-config', path, assignments };
}

const LETTERS: Record<string, number> = { '-': 0, m: 1, r: 2, w: 4, rw: 6 };

/** "c 1:3 rw" as a request. */
export function request(text: string): DeviceRequest {
  const [type, numbers = '', access = ''] = text.split(' ');
  const [major, minor] = numbers.split(':').map(Number);
  return { type: type as 'b' | 'c', major: major ?? 0, minor: minor ?? 0, access: LETTERS[access] ?? 0 };
}

/** "c 1:3 rw: allow": what a set says of requests, in the form of the expectation. */
export function answers(allowed: DeviceSet, wanted: Record<string, boolean>): Record<string, boolean> {
  return Object.fromEntries(Object.keys(wanted).map((text) => [text, allowed.contains(request(text))]));
}
