import { ACCESS_VARIABLES } from '../../policy/variables.js';
import type { DeviceSet } from '../../policy/device-set.js';
import { ACCESS_NAMES, type AccessName } from '../../policy/types.js';

/** Requests of access `lacking` that are outside the set although for the same device every access of `having` is in it. */
export function withAccesses(set: DeviceSet, having: readonly AccessName[], lacking: AccessName): DeviceSet {
  const { space } = set;
  const devices = space.intersectAll(having.map((name) => devicesWith(set, name)));
  const request = space.forPattern({
    type: 'a',
    major: null,
    minor: null,
    access: (access) => access === valueOf(lacking),
  });
  return devices.intersect(request).subtract(set).subtract(space.neverAsked);
}

/** Devices (with any access) for which the set holds this access. */
function devicesWith(set: DeviceSet, name: AccessName): DeviceSet {
  const { space } = set;
  const value = valueOf(name);
  const request = space.forPattern({ type: 'a', major: null, minor: null, access: (access) => access === value });
  return space.fromRef(space.manager.exists(set.intersect(request).ref, ACCESS_VARIABLES));
}

function valueOf(name: AccessName): number {
  return ACCESS_NAMES.find((each) => each.name === name)?.access ?? 0;
}
