import type { Decoder } from '../../snapshot/decode.js';
import { array, boolean, integer, nullable, object, plainObject, property, string } from '../../snapshot/decode.js';
import type { RawDeviceNode, RawDeviceRule } from '../../snapshot/types.js';

/** More rules than any verifier would load a program for: such a file is refused. */
const MAX_RULES = 100_000;

const number = nullable(integer());
const text = nullable(string(4096));

/** The type of a device in runc's state.json is a Go rune, a number: 99 is "c". OCI documents have it as text. */
const deviceType: Decoder<string | null> = (value, path) =>
  typeof value === 'number' ? String.fromCodePoint(integer(1, 0x10_ffff)(value, path)) : text(value, path);

/** A rule of `linux.resources.devices` (OCI runtime specification, "Allowed Device list"). */
export const ociRules: Decoder<RawDeviceRule[] | null> = nullable(
  array(
    object<RawDeviceRule>({ allow: nullable(boolean), type: text, major: number, minor: number, access: text }),
    MAX_RULES,
  ),
);

/** An entry of `linux.devices` (OCI runtime specification, "Devices"), or of runc's `config.devices`. */
export const deviceNodes: Decoder<RawDeviceNode[]> = (value, path) =>
  nullable(
    array(object<RawDeviceNode>({ path: string(4096), type: deviceType, major: number, minor: number }), MAX_RULES),
  )(value, path) ?? [];

/** A rule as runc's state.json has it: `permissions` instead of `access`. */
const stateRule: Decoder<RawDeviceRule> = (value, path) => {
  const source = plainObject(value, path);
  const field = (key: string): unknown => property(source, key);
  return {
    allow: nullable(boolean)(field('allow'), `${path}.allow`),
    type: deviceType(field('type'), `${path}.type`),
    major: number(field('major'), `${path}.major`),
    minor: number(field('minor'), `${path}.minor`),
    access: text(field('permissions'), `${path}.permissions`),
  };
};

export const stateRules: Decoder<RawDeviceRule[] | null> = nullable(array(stateRule, MAX_RULES));

/** The programs of hooks, by path. Their arguments and environment are none of our business. */
export function hookPaths(hooks: unknown, path: string): string[] {
  if (hooks === null || hooks === undefined) return [];
  const stages = Object.entries(plainObject(hooks, path));
  const stage = nullable(array(object<{ path: string | null }>({ path: text }), 1000));
  const paths = stages.flatMap(([name, list]) => stage(list, `${path}.${name}`) ?? []).map((hook) => hook.path);
  return [...new Set(paths.filter((hook) => hook !== null))].sort();
}
