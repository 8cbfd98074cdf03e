import { DeviceNames } from '../policy/names.js';
import type { Snapshot } from '../snapshot/types.js';
import type { Subject } from './subjects.js';

/** Names of devices as this subject sees them: its own nodes first, then the host's, then the host's drivers, then the numbers Linux allocates. */
export function deviceNames(snapshot: Snapshot, subject: Subject): DeviceNames {
  return new DeviceNames({
    nodes: [...(subject.container?.nodes ?? []), ...snapshot.nodes],
    procDevices: snapshot.host.procDevices,
  });
}
