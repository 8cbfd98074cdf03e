import { isWholeRange, type OciRule } from './oci-rule.js';
import { crunBuiltIns, type CrunDialect } from './crun-compile.js';
import { inRange, type Version } from './version.js';

/**
 * How crun speaks to systemd (src/libcrun/cgroup-systemd.c). `none`: no device property. `list`: DevicePolicy= and DeviceAllow= beside its own
 * program on <scope>/container. `bpf-program`: BPFProgram=device:PIN on the scope, where root, bpffs and systemd >= 249 allow it, else as `list`.
 */
export type CrunSystemdMode = 'none' | 'list' | 'bpf-program';

const MODES: readonly {
  readonly range: { readonly from?: string; readonly before?: string };
  readonly mode: CrunSystemdMode;
}[] = [
  { range: { before: '1.18' }, mode: 'none' },
  { range: { from: '1.18', before: '1.23' }, mode: 'list' },
  { range: { from: '1.23' }, mode: 'bpf-program' },
];

export function crunSystemdMode(version: Version): CrunSystemdMode {
  const found = MODES.find(({ range }) => inRange(version, range));
  if (found === undefined) throw new RangeError('the modes of crun leave no gap');
  return found.mode;
}

export interface CrunUnitProperties {
  readonly policy: 'auto' | 'strict';
  /** Lines of DeviceAllow= in crun's order. */
  readonly allow: readonly string[];
  /** Rules that systemd cannot say and crun leaves out with a warning. */
  readonly dropped: readonly OciRule[];
}

/**
 * The device properties crun 1.18 and later gives a scope. Here 0 means "any" too (`IS_WILDCARD(x) (x <= 0)`): c 195:0 becomes char-195. A rule
 * with any major and one minor cannot be said; a deny that is not the leading "deny everything" is an error.
 */
export function crunUnitProperties(
  list: readonly OciRule[],
  dialect: CrunDialect,
): CrunUnitProperties | { readonly error: string } {
  if (list.some((rule) => rule.allow && rule.type.startsWith('a') && isWholeRange(rule)))
    return { policy: 'auto', allow: [], dropped: [] };
  const lastDenyAll = list.findLastIndex((rule) => !rule.allow && rule.type.startsWith('a') && isWholeRange(rule));
  const allow: string[] = [];
  const dropped: OciRule[] = [];
  for (const rule of [...crunBuiltIns(dialect), ...list.slice(lastDenyAll + 1)]) {
    if (!rule.allow) {
      // A deny of what nothing allowed so far is redundant and passed over.
      if (overlapsEarlier(rule, allow)) return { error: 'systemd device lists cannot express a deny rule' };
      continue;
    }
    const line = unitLine(rule);
    if (line === null) dropped.push(rule);
    else allow.push(line);
  }
  return { policy: 'strict', allow, dropped };
}

function unitLine(rule: OciRule): string | null {
  const group = rule.type.startsWith('b') ? 'block' : 'char';
  const major = rule.major === null || rule.major <= 0 ? null : rule.major;
  const minor = rule.minor === null || rule.minor <= 0 ? null : rule.minor;
  if (major === null) return minor === null ? `${group}-* ${rule.access}` : null;
  return minor === null
    ? `${group}-${String(major)} ${rule.access}`
    : `/dev/${group}/${String(major)}:${String(minor)} ${rule.access}`;
}

function overlapsEarlier(rule: OciRule, lines: readonly string[]): boolean {
  const line = unitLine(rule);
  return line === null || lines.some((each) => each.split(' ')[0] === line.split(' ')[0]);
}
