import type { OciConfigSource } from '../snapshot/types.js';
import { builtIn, ociRule, type OciRule } from './oci-rule.js';
import { inRange, type Version, type VersionRange } from './version.js';

/**
 * What runc adds to the device list of an OCI configuration (libcontainer/specconv, AllowedDevices). A `path` is also created as a node;
 * an entry of linux.devices with the same path takes the whole built-in away, its allow rule included (since rc93).
 */
interface BuiltIn {
  readonly rule: string;
  readonly path?: string;
}

const COMMON: readonly BuiltIn[] = [
  { rule: 'c *:* m' },
  { rule: 'b *:* m' },
  { rule: 'c 1:3 rwm', path: '/dev/null' },
  { rule: 'c 1:8 rwm', path: '/dev/random' },
  { rule: 'c 1:7 rwm', path: '/dev/full' },
  { rule: 'c 5:0 rwm', path: '/dev/tty' },
  { rule: 'c 1:5 rwm', path: '/dev/zero' },
  { rule: 'c 1:9 rwm', path: '/dev/urandom' },
  { rule: 'c 136:* rwm' },
  { rule: 'c 5:2 rwm' },
];
const TUN: BuiltIn = { rule: 'c 10:200 rwm' };

export interface BuiltInEra {
  readonly range: VersionRange;
  readonly list: readonly BuiltIn[];
  /** Does linux.devices push built-ins of the same path out of the list? */
  readonly dedup: boolean;
}

/**
 * Eras of the built-in list on cgroup v2. rc10 and rc90 kept it for cgroup v1 and did not apply it on v2. 10:200 (tun) was dropped in
 * 1.2.0-rc.1 (runc#3468) and restored in 1.2.4 (runc#4555, #4556).
 */
export const RUNC_BUILT_INS: readonly BuiltInEra[] = [
  { range: { before: '1.0.0-rc91' }, list: [], dedup: false },
  { range: { from: '1.0.0-rc91', before: '1.0.0-rc93' }, list: [...COMMON, TUN], dedup: false },
  { range: { from: '1.0.0-rc93', before: '1.2.0-rc1' }, list: [...COMMON, TUN], dedup: true },
  { range: { from: '1.2.0-rc1', before: '1.2.4' }, list: COMMON, dedup: true },
  { range: { from: '1.2.4' }, list: [...COMMON, TUN], dedup: true },
];

export function builtInEra(version: Version): BuiltInEra {
  const era = RUNC_BUILT_INS.find(({ range }) => inRange(version, range));
  if (era === undefined) throw new RangeError('the eras of built-in lists leave no gap');
  return era;
}

export interface MergedList {
  readonly rules: OciRule[];
  /** Paths of linux.devices that pushed a built-in allow rule out. */
  readonly displaced: { path: string; rule: OciRule }[];
}

/** The list runc builds from an OCI configuration: its device rules in order, then the built-ins of that version. */
export function mergeWithBuiltIns(config: OciConfigSource, era: BuiltInEra): MergedList {
  const paths = new Set(era.dedup ? config.devices.map(({ path }) => path) : []);
  const kept: OciRule[] = [];
  const displaced: MergedList['displaced'] = [];
  for (const { rule, path } of era.list) {
    if (path !== undefined && paths.has(path)) displaced.push({ path, rule: builtIn(rule) });
    else kept.push(builtIn(rule));
  }
  return { rules: [...(config.resourcesDevices ?? []).map(ociRule), ...kept], displaced };
}
