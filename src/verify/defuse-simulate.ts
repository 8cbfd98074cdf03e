import type { Snapshot, UnitRecord } from '../snapshot/types.js';

/** What `systemctl set-property --runtime UNIT ...` leaves of a unit's device settings. */
export interface NewSettings {
  /** Null: left as it is. */
  readonly policy: 'auto' | null;
  /** All values DeviceAllow= then has, as systemd holds them. */
  readonly allow: readonly string[];
}

/**
 * The same host after `systemctl set-property --runtime`: what systemd holds, and the drop-ins it writes for it. For a transient unit they lie beside its
 * others in /run/systemd/transient, and each holds the whole list, begun with a reset (bus_cgroup_set_property(), src/core/dbus-cgroup.c;
 * unit_drop_in_dir(), src/core/unit.c).
 */
export function afterSetProperty(snapshot: Snapshot, unit: UnitRecord, settings: NewSettings): Snapshot {
  return { ...snapshot, units: snapshot.units.map((each) => (each === unit ? changedUnit(unit, settings) : each)) };
}

function changedUnit(unit: UnitRecord, { policy, allow }: NewSettings): UnitRecord {
  const section = sectionOf(unit.name);
  const folder = `/run/systemd/transient/${unit.name}.d`;
  const dropIns: NonNullable<UnitRecord['files']> = [
    {
      path: `${folder}/50-DeviceAllow.conf`,
      assignments: ['', ...allow.map(quoted)].map((value): [string, string, string] => [section, 'DeviceAllow', value]),
    },
    ...(policy === null
      ? []
      : [
          {
            path: `${folder}/50-DevicePolicy.conf`,
            assignments: [[section, 'DevicePolicy', policy]] as [string, string, string][],
          },
        ]),
  ];
  const written = new Set(dropIns.map(({ path }) => path));
  return {
    ...unit,
    shown: {
      ...unit.shown,
      DeviceAllow: [...allow],
      ...(policy === null ? {} : { DevicePolicy: [policy] }),
    },
    files: unit.files === null ? null : inOrder([...unit.files.filter(({ path }) => !written.has(path)), ...dropIns]),
  };
}

/** The unit file first, then drop-ins by the name of the file, whatever folder they are in (systemd.unit(5)). */
function inOrder(files: NonNullable<UnitRecord['files']>): NonNullable<UnitRecord['files']> {
  const isDropIn = (path: string): boolean => path.endsWith('.conf');
  const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const dropIns = files.filter(({ path }) => isDropIn(path));
  return [
    ...files.filter(({ path }) => !isDropIn(path)),
    ...dropIns.sort((a, b) => (nameOf(a.path) < nameOf(b.path) ? -1 : nameOf(a.path) > nameOf(b.path) ? 1 : 0)),
  ];
}

/** systemd escapes what it writes; the reader of files takes quotes and doubled "%". */
function quoted(line: string): string {
  const space = line.lastIndexOf(' ');
  const [node, rights] = space === -1 ? [line, ''] : [line.slice(0, space), line.slice(space)];
  return `"${node.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/%/g, '%%')}"${rights}`;
}

function sectionOf(name: string): string {
  return name.endsWith('.scope') ? 'Scope' : name.endsWith('.slice') ? 'Slice' : 'Service';
}
