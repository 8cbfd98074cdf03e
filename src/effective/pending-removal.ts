import { compileUnit, type SystemdHost } from '../intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from '../intent/systemd-settings.js';
import type { Snapshot, UnitRecord } from '../snapshot/types.js';
import type { PendingBasis } from './pending-types.js';

/**
 * Does systemd take its program away from a unit that has no device settings any more? `either`: the snapshot does not tell.
 *
 * Up to 247 it does. Since it only touches attributes in a unit's mask (unit_get_target_mask(), src/core/cgroup.c): what the unit, the units below
 * it or the other units of its slice need; so the program is freed where one of those has a device list, and stays attached where none has
 * (measured on 252, 257 and 262). Releases 248 to 251 were not looked at.
 */
export function removalOfProgram(
  snapshot: Snapshot,
  unit: UnitRecord,
  basis: PendingBasis,
  host: SystemdHost,
): 'removed' | 'stays' | 'either' {
  const { release } = host;
  if (release !== null && release <= 247) return 'removed';
  if (release === null || release < 252 || unit.cgroup === null) return 'either';
  const slice = unit.cgroup.slice(0, Math.max(1, unit.cgroup.lastIndexOf('/')));
  const below = slice === '/' ? '/' : `${slice}/`;
  const relatives = snapshot.units.filter(
    (other) =>
      other !== unit &&
      other.nestedIn === unit.nestedIn &&
      other.cgroup !== null &&
      other.cgroup !== slice &&
      other.cgroup.startsWith(below),
  );
  const restricted = relatives.map((other) => hasList(other, basis, host));
  if (restricted.includes(true)) return 'removed';
  return snapshot.scope === 'host' && !restricted.includes(null) ? 'stays' : 'either';
}

function hasList(unit: UnitRecord, basis: PendingBasis, host: SystemdHost): boolean | null {
  const settings =
    basis === 'files'
      ? (settingsFromFiles(unit) ?? settingsFromShow(unit))
      : (settingsFromShow(unit) ?? settingsFromFiles(unit));
  return settings === null ? null : compileUnit(settings, host).program !== null;
}
