import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import { parseProcDevices, type DriverMajor } from '../policy/proc-devices.js';
import type { DeviceType } from '../policy/types.js';
import type { NodeRecord } from '../snapshot/types.js';
import type { CompiledPolicy, CompiledRule } from './compiled.js';
import type { DeviceAllowEntry } from './device-allow.js';
import { fnmatch } from './fnmatch.js';
import { compiledSet, decidedPartition, partitionWith, ruleSet } from './set.js';
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
  /** Why it contributes nothing ("missing", "unmatched", "skipped"), that it is not known what it contributes, or that a standard node was taken to exist. */
  readonly state: 'resolved' | 'assumed' | 'missing' | 'unmatched' | 'skipped' | 'unknown';
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
  /**
   * Standard nodes nobody looked at (captures without a listing of /dev), taken to exist with their fixed numbers: devtmpfs and every container
   * manager make them. Their rules are part of `program`.
   */
  readonly assumed: readonly { readonly rule: CompiledRule; readonly path: string }[];
}

/** Node rules of the static list (closed, and auto with a list), src/core/bpf-devices.c. Numbers as Documentation/admin-guide/devices.txt has them. */
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
    return { settings, program: null, entries: [], open: [], forcedDeny: false, maybeNone: null, assumed: [] };
  }
  const entries = listed.map((entry) => resolveEntry(entry, host));
  const possible = uncertain.map((entry) => resolveEntry(entry, host));
  const withStatic: StaticRules = policy !== 'strict' ? staticRules(host) : { rules: [], open: [], assumed: [] };
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
    assumed: [...withStatic.assumed, ...entries.flatMap(assumedRules)],
  };
}

/**
 * The partition a compiled unit enforces at its own cgroup. Null where it has no program.
 *
 * @param lastApplied policies of programs systemd attached to this unit before. Where the snapshot does not tell what a line resolves to, one of
 *   them does, if it is these settings with nothing but such lines resolved: it shows what systemd found when it applied them.
 */
export function unitPartition(
  space: DeviceSpace,
  unit: CompiledUnit,
  lastApplied: readonly DeviceSet[] = [],
): PolicyPartition | null {
  if (unit.program === null) return null;
  const allowed = compiledSet(space, unit.program);
  const undecided = unit.open.map(({ rule, reason }) => ({ region: ruleSet(space, rule).subtract(allowed), reason }));
  if (unit.maybeNone !== null)
    return partitionWith(allowed, [...undecided, { region: allowed.complement(), reason: unit.maybeNone }]);
  if (undecided.length > 0 || unit.assumed.length > 0) {
    const taken = new Set(unit.assumed.map(({ rule }) => rule));
    const certain = compiledSet(space, {
      ...unit.program,
      rules: unit.program.rules.filter((rule) => !taken.has(rule)),
    });
    const most = space.unionAll([allowed, ...undecided.map(({ region }) => region)]);
    const shown = lastApplied.find((set) => certain.implies(set) && set.implies(most));
    if (shown !== undefined) return decidedPartition(shown);
  }
  return partitionWith(allowed, undecided);
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
      if (record === undefined) {
        const standard = STATIC_NODES.find(({ path }) => path === node.path);
        if (standard === undefined) return unknown(`node:${node.path}`);
        return { entry, rules: [allow('c', standard.major, standard.minor, access)], state: 'assumed', reason: null };
      }
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

interface StaticRules {
  readonly rules: readonly CompiledRule[];
  readonly open: CompiledUnit['open'];
  readonly assumed: CompiledUnit['assumed'];
}

function staticRules(host: SystemdHost): StaticRules {
  const entries = STATIC_NODES.map(({ path }) =>
    resolveEntry({ text: path, node: { kind: 'path', path }, access: 7, impliedBy: 'DevicePolicy=' }, host),
  );
  const pts = resolveEntry(
    {
      text: 'char-pts rw',
      node: { kind: 'pattern', type: 'c', pattern: 'pts' },
      access: 6,
      impliedBy: 'DevicePolicy=',
    },
    host,
  );
  return {
    // /run/systemd/inaccessible/chr and blk are nodes 0:0.
    rules: [allow('c', 0, 0, 7), allow('b', 0, 0, 7), ...[...entries, pts].flatMap(({ rules }) => rules)],
    open: pts.state === 'unknown' ? [{ rule: allow('c', 136, null, 6), reason: 'proc-devices' }] : [],
    assumed: entries.flatMap(assumedRules),
  };
}

function assumedRules({ entry, rules, state }: ResolvedEntry): { rule: CompiledRule; path: string }[] {
  const path = entry.node.kind === 'path' ? entry.node.path : entry.text;
  return state === 'assumed' ? rules.map((rule) => ({ rule, path })) : [];
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
