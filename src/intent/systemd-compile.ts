import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import { parseProcDevices, type DriverMajor } from '../policy/proc-devices.js';
import type { DeviceType } from '../policy/types.js';
import type { NodeRecord } from '../snapshot/types.js';
import type { CompiledPolicy, CompiledRule } from './compiled.js';
import { parseNode, type DeviceAllowEntry, type DeviceAllowNode } from './device-allow.js';
import { fnmatch } from './fnmatch.js';
import { compiledSet, partitionWith, ruleSet } from './set.js';
import { implicitEntries } from './systemd-implicit.js';
import type { UnitDeviceSettings } from './systemd-settings.js';
import type { PolicyPartition } from './types.js';

/** What PID 1 sees of the host when it applies a unit's settings. */
export interface SystemdHost {
  /** Release number, 257; null unknown. */
  readonly release: number | null;
  /** By path; absent is "not known", type null is "does not exist or is no device". */
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** Null: /proc/devices was not read. */
  readonly procDevices: readonly DriverMajor[] | null;
}

/** What one line contributes. */
export interface ResolvedEntry {
  readonly entry: DeviceAllowEntry;
  readonly rules: readonly CompiledRule[];
  /** Why it contributes nothing ("missing", "unmatched", "skipped"), or that it is not known what it contributes. */
  readonly state: 'resolved' | 'missing' | 'unmatched' | 'skipped' | 'unknown';
  /** For `unknown`: what would have to be known. */
  readonly reason: string | null;
}

/** The program systemd compiles for a unit on this host. */
export interface CompiledUnit {
  readonly settings: UnitDeviceSettings;
  /** Null: the unit gets no program of systemd's own. */
  readonly program: CompiledPolicy | null;
  readonly entries: readonly ResolvedEntry[];
  /** Requests that would be allowed too if something were otherwise than the snapshot could tell. */
  readonly open: readonly { readonly rule: CompiledRule; readonly reason: string }[];
  /** Nothing resolved: systemd then attaches "deny everything" rather than an empty list. */
  readonly forcedDeny: boolean;
  /** It is not certain whether there is a program at all. */
  readonly maybeNone: string | null;
  /** Nodes of the static list nobody looked at (captures without a listing of /dev), taken to exist with their fixed numbers. */
  readonly assumedNodes: readonly string[];
}

/** Node rules of the static list (closed, and auto with a list), src/core/bpf-devices.c. Numbers from Documentation/admin-guide/devices.txt. */
const STATIC_NODES: readonly { path: string; major: number; minor: number }[] = [
  { path: '/dev/null', major: 1, minor: 3 },
  { path: '/dev/zero', major: 1, minor: 5 },
  { path: '/dev/full', major: 1, minor: 7 },
  { path: '/dev/random', major: 1, minor: 8 },
  { path: '/dev/urandom', major: 1, minor: 9 },
  { path: '/dev/tty', major: 5, minor: 0 },
  { path: '/dev/ptmx', major: 5, minor: 2 },
];

/** Facts of a host as systemd needs them. */
export function systemdHost(
  release: number | null,
  nodes: readonly NodeRecord[],
  procDevices: string | null,
): SystemdHost {
  return {
    release,
    nodes: new Map(nodes.map((node) => [node.path, node])),
    procDevices: procDevices === null ? null : parseProcDevices(procDevices),
  };
}

/** Compiles a unit's settings for a host. Pure; systemd's order of lines has no meaning, its programs only allow. */
export function compileUnit(settings: UnitDeviceSettings, host: SystemdHost): CompiledUnit {
  const { policy, entries: listed, maybeNone, uncertain } = implicitEntries(settings, host.release);
  if (policy === 'auto' && listed.length === 0) {
    return { settings, program: null, entries: [], open: [], forcedDeny: false, maybeNone: null, assumedNodes: [] };
  }
  const entries = listed.map((entry) => resolveEntry(entry, host));
  const possible = uncertain.map((entry) => resolveEntry(entry, host));
  const withStatic = policy !== 'strict' ? staticRules(host) : { rules: [], open: [], assumed: [] };
  const rules = [...withStatic.rules, ...entries.flatMap((each) => each.rules)];
  const open = [
    ...withStatic.open,
    ...entries.flatMap((each) => openRules(each)),
    ...possible.flatMap((each) => openRules(each)),
    ...possible.flatMap(({ rules: added }) => added.map((rule) => ({ rule, reason: 'systemd:release' }))),
  ];
  return {
    settings,
    program: { rules, defaultAllow: false },
    entries,
    open,
    forcedDeny: rules.length === 0,
    maybeNone,
    assumedNodes: withStatic.assumed,
  };
}

/** The partition a compiled unit enforces at its own cgroup. Null where it has no program. */
export function unitPartition(space: DeviceSpace, unit: CompiledUnit): PolicyPartition | null {
  if (unit.program === null) return null;
  const allowed = compiledSet(space, unit.program);
  const undecided = unit.open.map(({ rule, reason }) => ({ region: ruleSet(space, rule).subtract(allowed), reason }));
  if (unit.maybeNone === null) return partitionWith(allowed, undecided);
  return partitionWith(allowed, [...undecided, { region: allowed.complement(), reason: unit.maybeNone }]);
}

/** The part of a unit's allowed set that one line contributes. */
export function entrySet(space: DeviceSpace, entry: ResolvedEntry): DeviceSet {
  return space.unionAll(entry.rules.map((rule) => ruleSet(space, rule)));
}

/** One line on a host. */
export function resolveEntry(entry: DeviceAllowEntry, host: SystemdHost): ResolvedEntry {
  const { node, access } = entry;
  const resolved = (rules: readonly CompiledRule[]): ResolvedEntry => ({
    entry,
    rules,
    state: 'resolved',
    reason: null,
  });
  const nothing = (state: 'missing' | 'unmatched' | 'skipped'): ResolvedEntry => ({
    entry,
    rules: [],
    state,
    reason: null,
  });
  const unknown = (reason: string): ResolvedEntry => ({ entry, rules: [], state: 'unknown', reason });
  switch (node.kind) {
    case 'number':
      return resolved([allow(node.type, node.major, node.minor, access)]);
    case 'major':
      return resolved([allow(node.type, node.major, null, access)]);
    case 'class':
      return resolved([allow(node.type, null, null, access)]);
    case 'skipped':
      return nothing('skipped');
    case 'unknown':
      return unknown(`systemd:${node.why}`);
    case 'path': {
      const record = host.nodes.get(node.path);
      if (record === undefined) return unknown(`node:${node.path}`);
      return record.type === null
        ? nothing('missing')
        : resolved([allow(record.type, record.major, record.minor, access)]);
    }
    case 'pattern': {
      if (host.procDevices === null) return unknown('proc-devices');
      const hits = host.procDevices.filter(
        ({ type, major, name }) => type === node.type && major > 0 && fnmatch(node.pattern, name),
      );
      const majors = [...new Set(hits.map(({ major }) => major))];
      return majors.length === 0
        ? nothing('unmatched')
        : resolved(majors.map((major) => allow(node.type, major, null, access)));
    }
  }
}

/** devtmpfs and every container manager make these nodes, so one that was not looked at is taken to exist, and said. */
function staticRules(host: SystemdHost): {
  rules: CompiledRule[];
  open: { rule: CompiledRule; reason: string }[];
  assumed: string[];
} {
  const rules = [allow('c', 0, 0, 7), allow('b', 0, 0, 7)];
  const open: { rule: CompiledRule; reason: string }[] = [];
  const assumed: string[] = [];
  for (const { path, major, minor } of STATIC_NODES) {
    const record = host.nodes.get(path);
    if (record === undefined) assumed.push(path);
    if (record === undefined) rules.push(allow('c', major, minor, 7));
    else if (record.type !== null) rules.push(allow(record.type, record.major, record.minor, 7));
  }
  const pts: DeviceAllowNode | { error: string } = parseNode('char-pts');
  if ('error' in pts) throw new TypeError(pts.error);
  const resolved = resolveEntry({ text: 'char-pts rw', node: pts, access: 6, impliedBy: 'DevicePolicy=' }, host);
  rules.push(...resolved.rules);
  if (resolved.state === 'unknown') open.push({ rule: allow('c', 136, null, 6), reason: 'proc-devices' });
  return { rules, open, assumed };
}

/** What a line that could not be resolved may allow: any device of its type. */
function openRules({ entry, state, reason }: ResolvedEntry): { rule: CompiledRule; reason: string }[] {
  if (state !== 'unknown' || reason === null) return [];
  const type: DeviceType | 'any' = entry.node.kind === 'pattern' ? entry.node.type : 'any';
  return [{ rule: { ...allow('c', null, null, entry.access), type }, reason }];
}

function allow(type: DeviceType, major: number | null, minor: number | null, access: number): CompiledRule {
  return { type, major, minor, access, test: 'subset', allow: true };
}
