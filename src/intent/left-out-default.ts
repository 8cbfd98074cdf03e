import type { ContainerRecord, NestedHostRecord } from '../snapshot/types.js';
import { crunDialect } from './crun-compile.js';
import { ociRuleText, type OciRule } from './oci-rule.js';
import { mergeWithBuiltIns, RUNC_BUILT_INS, type BuiltInEra } from './runc-builtin.js';
import { stateRules } from './runc.js';
import { parseVersion, rangeText } from './version.js';

/** A default device that the container's runtime left out and that other versions of it allow. */
export interface LeftOutDefault {
  readonly runtime: string;
  /** Versions that leave it out. */
  readonly versions: string;
  /** First version that has it again. */
  readonly fixedIn: string;
}

const TUN = 'c 10:200 rwm';

/**
 * Is /dev/net/tun missing from the defaults of the runtime that made this container? For runc that is read from its state: the recorded list must be the
 * configuration's with the built-ins of a version that has no tun (1.2.0-rc.1 to 1.2.3), and not with those of any other. For crun the version decides
 * (1.5 to 1.19), since it records no list.
 */
export function leftOutTun(
  { sources, runtime, runtimeVersion }: ContainerRecord,
  installed: NestedHostRecord['runtimes'],
): LeftOutDefault | null {
  const state = sources.find((each) => each.kind === 'runc-state');
  const config = sources.find((each) => each.kind === 'oci-config');
  if (state?.kind === 'runc-state' && config?.kind === 'oci-config') {
    const recorded = stateRules(state).map(ociRuleText).join('\n');
    const eras = RUNC_BUILT_INS.filter((era) => texts(mergeWithBuiltIns(config, era).rules) === recorded);
    const [era] = eras;
    return era === undefined || eras.some(hasTun)
      ? null
      : { runtime: 'runc', versions: rangeText(era.range), fixedIn: era.range.before ?? '' };
  }
  if (runtime !== 'crun') return null;
  const known = runtimeVersion?.version ?? (Object.hasOwn(installed, 'crun') ? installed['crun']?.version : undefined);
  const version = known === undefined ? null : parseVersion(known);
  if (version === null || crunDialect(version).tun) return null;
  return { runtime: 'crun', versions: '1.5 to before 1.20', fixedIn: '1.20' };
}

function hasTun({ list }: BuiltInEra): boolean {
  return list.some(({ rule }) => rule === TUN);
}

function texts(rules: readonly OciRule[]): string {
  return rules.map(ociRuleText).join('\n');
}
