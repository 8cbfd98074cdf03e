import { accessMask, toInt32, type CompiledPolicy } from './compiled.js';
import { builtIn, type OciRule } from './oci-rule.js';

/** youki's defaults (libcgroups v2 devices, libcontainer default devices), listed after the user's rules. */
const BUILT_INS: readonly OciRule[] = [
  'c 1:3 rwm',
  'c 1:5 rwm',
  'c 1:7 rwm',
  'c 5:0 rwm',
  'c 1:9 rwm',
  'c 1:8 rwm',
  'c *:* m',
  'b *:* m',
  'c 5:1 rwm',
  'c 136:* rwm',
  'c 5:2 rwm',
  'c 10:200 rwm',
].map(builtIn);

/**
 * youki's program for an OCI list. A rule of type "a" clears the list so far and sets the default; rules without access are dropped;
 * the rest is emitted backwards, so built-ins win, then the last rule. Types "u" and "p" are an error.
 */
export function compileYouki(list: readonly OciRule[]): CompiledPolicy | { error: string } {
  let kept: OciRule[] = [];
  let defaultAllow = false;
  for (const rule of [...list, ...BUILT_INS]) {
    if (rule.type === 'a') {
      kept = [];
      defaultAllow = rule.allow;
    } else if (rule.type !== 'b' && rule.type !== 'c') {
      return { error: `device type "${rule.type}" is not supported` };
    } else if (rule.access !== '') kept.push(rule);
  }
  return {
    defaultAllow,
    rules: kept.toReversed().map((rule) => ({
      type: rule.type === 'b' ? 'b' : 'c',
      major: rule.major === null ? null : toInt32(rule.major),
      minor: rule.minor === null ? null : toInt32(rule.minor),
      access: accessMask(rule.access) ?? 0,
      test: 'subset',
      allow: rule.allow,
    })),
  };
}
