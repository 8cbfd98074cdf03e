import type { NodeRecord } from '../snapshot/types.js';
import { accessMask, type CompiledPolicy, type CompiledRule } from './compiled.js';
import { inRange, type Version, type VersionRange } from './version.js';

/** Dialects of LXC's device program (src/lxc/cgroups/cgroup2_devices.c). */
export interface LxcDialect {
  readonly range: VersionRange;
  /** Which rule is emitted first; the first match wins. */
  readonly order: 'oldest first' | 'newest first';
  /** Are rules that say the same as the default left out? */
  readonly oppositeOnly: boolean;
  /** Does `a` forget the rules before it? */
  readonly clears: boolean;
  /** 4.0.0 to 4.0.3: a failed access test jumps two instructions into the next block. */
  readonly misjump: boolean;
}

export const LXC_DIALECTS: readonly LxcDialect[] = [
  { range: { before: '4.0.4' }, order: 'oldest first', oppositeOnly: false, clears: false, misjump: true },
  {
    range: { from: '4.0.4', before: '4.0.7' },
    order: 'oldest first',
    oppositeOnly: false,
    clears: false,
    misjump: false,
  },
  {
    range: { from: '4.0.7', before: '4.0.11' },
    order: 'oldest first',
    oppositeOnly: true,
    clears: true,
    misjump: false,
  },
  { range: { from: '4.0.11' }, order: 'newest first', oppositeOnly: true, clears: true, misjump: false },
];

export function lxcDialect(version: Version): LxcDialect {
  const dialect = LXC_DIALECTS.find(({ range }) => inRange(version, range));
  if (dialect === undefined) throw new RangeError('the dialects of LXC leave no gap');
  return dialect;
}

export interface LxcItem {
  allow: boolean;
  readonly type: 'a' | 'b' | 'c';
  readonly major: number | null;
  readonly minor: number | null;
  /** As written: LXC compares it as text. */
  readonly access: string;
  /** The value as it stands in the configuration. */
  readonly text: string;
}

export type LxcParsed =
  | { readonly item: LxcItem }
  /** `a` alone: chooses the default. */
  | { readonly all: boolean }
  /** LXC refuses the value: the container does not start. */
  | { readonly error: string }
  /** A device path whose node the snapshot does not know; the rule allows these access letters on one device nobody can name. */
  | { readonly unknownPath: string; readonly access: string };

const VALUE = /^([abc])[ \t\n\v\f\r](\*|[0-9]{1,49}):(\*|[0-9]{1,49})[ \t\n\v\f\r]([rwm]{0,3})(.*)$/s;
const INT_MAX = 2147483647;

/** Reads the value of `lxc.cgroup2.devices.allow` or `.deny`. Paths are only understood by `allow`. */
export function parseLxcValue(allow: boolean, text: string, nodes: ReadonlyMap<string, NodeRecord>): LxcParsed {
  if (text === 'a') return { all: allow };
  if (allow && text.startsWith('/')) return parsePath(text, nodes);
  const match = VALUE.exec(text);
  const [, type = '', majorText = '', minorText = '', access = '', rest = ''] = match ?? [];
  // Only the first three characters of the access are looked at, and a NUL or newline ends them.
  if (match === null || (access.length < 3 && rest !== '' && !rest.startsWith('\n')))
    return { error: `cannot parse device string "${text}"` };
  const major = majorText === '*' ? null : Number(majorText);
  const minor = minorText === '*' ? null : Number(minorText);
  if ((major ?? 0) > INT_MAX || (minor ?? 0) > INT_MAX) return { error: `number out of range in "${text}"` };
  return { item: { allow, type: type as LxcItem['type'], major, minor, access, text } };
}

function parsePath(text: string, nodes: ReadonlyMap<string, NodeRecord>): LxcParsed {
  const [path = '', ...words] = text.split(' ');
  const access = words.find((word) => word !== '') ?? '';
  const letters = /^[rwm]{0,3}/.exec(access)?.[0] ?? '';
  if (access === '' || (letters.length < 3 && letters.length !== access.length))
    return { error: `cannot parse device string "${text}"` };
  const node = nodes.get(path);
  if (node === undefined) return { unknownPath: path, access: letters };
  if (node.type === null) return { error: `${path} is no device` };
  return { item: { allow: true, type: node.type, major: node.major, minor: node.minor, access: letters, text } };
}

export interface LxcCompiled {
  /** null: the list is empty, LXC attaches nothing. */
  readonly compiled: CompiledPolicy | null;
  /** Deny (or allow) rules that were read and have no effect in this dialect. */
  readonly ignored: readonly LxcItem[];
}

/** Replays parsed values in the order of the configuration and compiles what is left. */
export function compileLxc(
  values: readonly ({ item: LxcItem } | { all: boolean })[],
  dialect: LxcDialect,
): LxcCompiled {
  let items: LxcItem[] = [];
  let defaultAllow = false;
  let any = false;
  for (const value of values) {
    if ('all' in value) {
      defaultAllow = value.all;
      // Before 4.0.7 the default is an entry of the list itself, so such a list is not empty.
      if (dialect.clears) items = [];
      else any = true;
      continue;
    }
    const known = items.find((item) => sameKey(item, value.item));
    if (known !== undefined) known.allow = value.item.allow;
    else items.push({ ...value.item });
  }
  if (items.length === 0 && !any) return { compiled: null, ignored: [] };
  const emitted = items.filter(({ allow }) => !dialect.oppositeOnly || allow !== defaultAllow);
  const ordered = dialect.order === 'newest first' ? emitted.toReversed() : emitted;
  return {
    compiled: { rules: ordered.map(compiledItem), defaultAllow },
    ignored: items.filter((item) => !emitted.includes(item)),
  };
}

function sameKey(left: LxcItem, right: LxcItem): boolean {
  return (
    left.type === right.type && left.major === right.major && left.minor === right.minor && left.access === right.access
  );
}

function compiledItem(item: LxcItem): CompiledRule {
  return {
    type: item.type === 'a' ? 'any' : item.type,
    major: item.major,
    minor: item.minor,
    access: accessMask(item.access) ?? 0,
    test: 'subset',
    allow: item.allow,
  };
}
