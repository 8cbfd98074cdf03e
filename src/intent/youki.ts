import type { DeviceSpace } from '../policy/device-set.js';
import type { OciConfigSource } from '../snapshot/types.js';
import { ociRule } from './oci-rule.js';
import { compiledSet, decidedPartition } from './set.js';
import type { IntendedPolicy } from './types.js';
import { denyWarnings, listRestricts, unmatchableRules } from './warnings.js';
import { compileYouki } from './youki-compile.js';

/** What youki means by a configuration; one dialect is known. */
export function intendedFromYouki(space: DeviceSpace, config: OciConfigSource): IntendedPolicy {
  const list = (config.resourcesDevices ?? []).map(ociRule);
  const compiled = compileYouki(list);
  const common = {
    source: { kind: config.kind, path: config.path },
    runtime: 'youki',
    generation: 'cgroupsv2_devices',
    restricts: listRestricts(list),
  };
  if ('error' in compiled) {
    return {
      ...common,
      allowed: space.nothing,
      denied: space.nothing,
      undecided: [{ region: space.everything, reason: 'youki:refused-list' }],
      warnings: [],
      attaches: 'undecided',
      attachesReason: 'youki:refused-list',
      couldNotStart: compiled.error,
      dialects: [],
    };
  }
  const allowed = compiledSet(space, compiled);
  return {
    ...common,
    ...decidedPartition(allowed),
    warnings: [...unmatchableRules(list), ...denyWarnings(space, compiled, allowed)],
    attaches: 'program',
    attachesReason: null,
    couldNotStart: null,
    dialects: [{ name: 'youki', compiled }],
  };
}
