import type { DeviceSpace } from '../policy/device-set.js';
import type { LxcConfigSource, NodeRecord } from '../snapshot/types.js';
import { accessMask, type CompiledPolicy } from './compiled.js';
import { chooseDialects, type VersionKnowledge } from './dialects.js';
import {
  compileLxc,
  LXC_DIALECTS,
  parseLxcValue,
  type LxcDialect,
  type LxcItem,
  type LxcParsed,
} from './lxc-compile.js';
import { compiledSet, decidedPartition, joinAlternatives, partitionWith } from './set.js';
import type { IntendedPolicy, IntentWarning, PolicyPartition, UndecidedRegion } from './types.js';
import { rangeText } from './version.js';
import { denyWarnings } from './warnings.js';

const KEYS: ReadonlyMap<string, boolean> = new Map([
  ['lxc.cgroup2.devices.allow', true],
  ['lxc.cgroup2.devices.deny', false],
]);
const OLD_KEY = /^lxc\.cgroup\.devices\.(allow|deny)$/;

export interface LxcContext {
  readonly version: VersionKnowledge;
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** "lxc" or "incus". */
  readonly runtime: string;
  /** LXC writes device programs only where cgroup v2 is the whole hierarchy; null unknown. */
  readonly pureUnified: boolean | null;
}

type Value = { item: LxcItem } | { all: boolean };
interface Parsed {
  readonly values: readonly Value[];
  readonly open: readonly { readonly path: string; readonly access: number }[];
  readonly error: string | null;
}

/** What LXC means by the `lxc.cgroup2.devices.*` lines of a configuration, includes already followed. */
export function intendedFromLxc(space: DeviceSpace, config: LxcConfigSource, context: LxcContext): IntendedPolicy {
  const oldKeys = config.assignments.filter(({ key }) => OLD_KEY.test(key));
  const parsed = readValues(config, context.nodes);
  const common = { source: { kind: config.kind, path: config.path }, runtime: context.runtime };
  const restricts =
    parsed.values.some((value) => ('all' in value ? !value.all : true)) ||
    oldKeys.some(({ key }) => key.endsWith('.deny'));
  const keyWarnings =
    parsed.values.length > 0
      ? []
      : oldKeys.map(({ key, value }): IntentWarning => ({
          code: 'wrong-cgroup-version',
          about: `${key} = ${value}`,
          region: null,
        }));
  if (parsed.error !== null) return refused(space, common, parsed.error, restricts);
  const candidates = LXC_DIALECTS.map((dialect) => {
    const result = compileLxc(parsed.values, dialect);
    return { dialect, ...(context.pureUnified === false ? { ...result, compiled: null } : result) };
  });
  // What a jump astray makes of a list is not known to be what is attached, however much the list itself says so.
  const comparable = candidates.map((each) => (jumpsAstray(each) ? { ...each, compiled: null } : each));
  const { chosen, warnings } = chooseDialects(space, 'lxc', comparable, context.version);
  const known = candidates.filter(({ dialect }) => chosen.some((each) => each.dialect === dialect));
  const partitions = known.map(({ dialect, compiled }) => partitionOf(space, dialect, compiled, parsed.open));
  const none = known.filter(({ compiled }) => compiled === null).length;
  return {
    ...common,
    ...joinAlternatives(space, partitions, 'lxc:version'),
    generation: known.map(({ dialect }) => rangeText(dialect.range)).join(' or '),
    warnings: [...keyWarnings, ...warnings, ...(known[0] === undefined ? [] : listWarnings(space, known[0]))],
    attaches: none === 0 ? 'program' : none === known.length ? 'none' : 'undecided',
    attachesReason: none === 0 ? null : noneReason(context, parsed, oldKeys.length > 0),
    restricts,
    couldNotStart: null,
    dialects: known.map(({ dialect, compiled }) => ({ name: `lxc ${rangeText(dialect.range)}`, compiled })),
  };
}

function noneReason({ pureUnified }: LxcContext, { values }: Parsed, oldKeys: boolean): string {
  if (pureUnified === false) return 'lxc:hybrid-layout';
  return oldKeys && values.length === 0 ? 'lxc:cgroup-v1-keys' : 'lxc:empty-list';
}

function readValues(config: LxcConfigSource, nodes: ReadonlyMap<string, NodeRecord>): Parsed {
  const values: Value[] = [];
  const open: { path: string; access: number }[] = [];
  for (const { key, value } of config.assignments) {
    const allow = KEYS.get(key);
    if (allow === undefined) continue;
    // An empty value clears the key, as everywhere in LXC's configuration.
    if (value === '') {
      for (let index = values.length - 1; index >= 0; index--) {
        const each = values[index];
        if (each !== undefined && ('all' in each ? each.all : each.item.allow) === allow) values.splice(index, 1);
      }
      continue;
    }
    const parsed: LxcParsed = parseLxcValue(allow, value, nodes);
    if ('error' in parsed) return { values, open, error: parsed.error };
    if ('unknownPath' in parsed) open.push({ path: parsed.unknownPath, access: accessMask(parsed.access) ?? 0 });
    else values.push(parsed);
  }
  return { values, open, error: null };
}

/** Is there a rule with less than all accesses, whose jump LXC 4.0.0 to 4.0.3 miscounts? */
function jumpsAstray({ dialect, compiled }: { dialect: LxcDialect; compiled: CompiledPolicy | null }): boolean {
  return dialect.misjump && compiled?.rules.some(({ access }) => access !== 7) === true;
}

function partitionOf(
  space: DeviceSpace,
  dialect: LxcDialect,
  compiled: CompiledPolicy | null,
  open: Parsed['open'],
): PolicyPartition {
  const unknown: UndecidedRegion[] = open.map(({ path, access }) => ({
    region: space.forPattern({ type: 'a', major: null, minor: null, access: (each) => (each & access) === each }),
    reason: `node:${path}`,
  }));
  // With an unresolved path the list is not empty, whatever else is in it.
  if (compiled === null)
    return unknown.length === 0 ? decidedPartition(space.everything) : partitionWith(space.nothing, unknown);
  if (jumpsAstray({ dialect, compiled })) {
    return partitionWith(space.nothing, [{ region: space.everything, reason: 'lxc:4.0.0-4.0.3-jump' }]);
  }
  const allowed = compiledSet(space, compiled);
  return partitionWith(
    allowed,
    compiled.defaultAllow ? [] : unknown.map((each) => ({ ...each, region: each.region.subtract(allowed) })),
  );
}

function listWarnings(
  space: DeviceSpace,
  { compiled, ignored, dialect }: { compiled: CompiledPolicy | null; ignored: readonly LxcItem[]; dialect: LxcDialect },
): IntentWarning[] {
  if (compiled === null || dialect.misjump) return [];
  return [
    ...ignored.map((item): IntentWarning => ({
      code: item.allow ? 'rule-ignored' : 'deny-ineffective',
      about: `${item.allow ? 'allow' : 'deny'} ${item.text}`,
      region: null,
    })),
    ...denyWarnings(space, compiled, compiledSet(space, compiled)),
  ];
}

function refused(
  space: DeviceSpace,
  common: Pick<IntendedPolicy, 'source' | 'runtime'>,
  error: string,
  restricts: boolean,
): IntendedPolicy {
  return {
    ...common,
    generation: 'every version',
    allowed: space.nothing,
    denied: space.nothing,
    undecided: [{ region: space.everything, reason: 'lxc:refused-list' }],
    warnings: [],
    attaches: 'undecided',
    attachesReason: 'lxc:refused-list',
    restricts,
    couldNotStart: error,
    dialects: [],
  };
}
