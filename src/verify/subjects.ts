import { settingsFromShow } from '../intent/systemd-settings.js';
import type { CgroupRecord, ContainerRecord, Snapshot } from '../snapshot/types.js';

/** Something that has a device policy: a container, or a cgroup with a device program of its own. */
export interface Subject {
  /** Unique in the snapshot and accepted as a target: "docker:web", "cgroup:/user.slice/job_7", "docker:web/sub". */
  key: string;
  /** What people call it: "web", "x.service", "ns/pod/container". */
  name: string;
  container: ContainerRecord | null;
  /** The cgroup whose policy it is; null for a container that is stopped or whose cgroup could not be read. */
  cgroup: string | null;
  /** systemd unit that owns the cgroup, if any is known. */
  unit: string | null;
}

/**
 * All subjects of a host, sorted by key: every container, running or not, and every cgroup that is not a container's own and has a program attached, or
 * belongs to a unit that should have one.
 * Cgroups below a container's are subjects of their own, "docker:web/sub"; those between a container's unit and its init process (crun's and nspawn's
 * sub-cgroups) belong to the container and are part of its policy already.
 */
export function subjectsOf(snapshot: Snapshot): Subject[] {
  const subjects = snapshot.containers.map(containerSubject);
  const owned = ownedByContainers(snapshot);
  // Where no cgroup could be read it is the host that is unreadable, and its cgroups are no subjects for that.
  const anyReadable = snapshot.cgroups.some(({ attached }) => !('failed' in attached));
  for (const cgroup of snapshot.cgroups) {
    if (owned.has(cgroup.path) || !anyReadable || !hasOwnProgram(cgroup)) continue;
    subjects.push(cgroupSubject(snapshot, cgroup.path));
  }
  for (const path of unenforcedUnits(snapshot)) if (!owned.has(path)) subjects.push(cgroupSubject(snapshot, path));
  return subjects.sort((a, b) => compareText(a.key, b.key));
}

/**
 * Cgroups of units that systemd says it restricts, and that have no program: a kernel without CONFIG_CGROUP_BPF, a manager without the privilege (`systemd
 * --user`, systemd issue 23198). On hosts where the v1 devices controller is there, systemd uses that one.
 */
function unenforcedUnits({ units, cgroups, host }: Snapshot): string[] {
  if (host.cgroupLayout === 'v1' || host.v1Devices.length > 0) return [];
  return units.flatMap((unit) => {
    const record = unit.nestedIn === null ? cgroups.find(({ path }) => path === unit.cgroup) : undefined;
    if (record === undefined || 'failed' in record.attached || record.attached.programIds.length > 0) return [];
    // What files say may not have been loaded yet; what systemd holds has been applied.
    const held = settingsFromShow(unit);
    return held !== null && (held.policy !== 'auto' || held.allow.length > 0) ? [record.path] : [];
  });
}

/** The subject that a container is. */
export function containerSubject(container: ContainerRecord): Subject {
  const kubernetes = container.kubernetes;
  return {
    key: container.key,
    name:
      kubernetes === null
        ? (container.names[0] ?? container.id)
        : `${kubernetes.namespace}/${kubernetes.pod}/${kubernetes.container}`,
    container,
    cgroup: container.cgroup,
    unit: container.unit,
  };
}

/** The subject of a cgroup path, which need not have a program: its policy is that of the levels above it. */
export function cgroupSubject(snapshot: Snapshot, path: string): Subject {
  const above = snapshot.containers
    .filter(
      (container) => container.cgroup !== null && container.cgroup !== '/' && path.startsWith(`${container.cgroup}/`),
    )
    .sort((a, b) => (b.cgroup ?? '').length - (a.cgroup ?? '').length)[0];
  const unit = snapshot.units.find((each) => each.cgroup === path) ?? null;
  if (above?.cgroup != null) {
    const below = path.slice(above.cgroup.length);
    return {
      key: above.key + below,
      name: containerSubject(above).name + below,
      container: null,
      cgroup: path,
      unit: unit?.name ?? null,
    };
  }
  return { key: `cgroup:${path}`, name: unit?.name ?? path, container: null, cgroup: path, unit: unit?.name ?? null };
}

function hasOwnProgram(cgroup: CgroupRecord): boolean {
  // A level that could not be read may have a program: it is a subject, and will be reported as unreadable.
  return 'failed' in cgroup.attached || cgroup.attached.programIds.length > 0;
}

/** Cgroups that are containers' own: that of the init process and the levels from the container's systemd unit down to it. */
function ownedByContainers(snapshot: Snapshot): Set<string> {
  const owned = new Set<string>();
  for (const container of snapshot.containers) {
    if (container.cgroup === null) continue;
    owned.add(container.cgroup);
    const unitCgroup = cgroupOfUnit(snapshot, container);
    if (unitCgroup === null) continue;
    for (let path = container.cgroup; path !== unitCgroup; path = parentPath(path)) owned.add(path);
    owned.add(unitCgroup);
  }
  return owned;
}

/** Unit names repeat on nested hosts, so the unit is looked for above the container's own cgroup. */
function cgroupOfUnit(snapshot: Snapshot, container: ContainerRecord): string | null {
  const path = container.cgroup;
  if (path === null || container.unit === null) return null;
  const unit = snapshot.units.find(
    (each) => each.name === container.unit && each.cgroup !== null && isBelow(path, each.cgroup),
  );
  return unit?.cgroup ?? null;
}

/** Is a path the other one, or a cgroup above it? */
export function ancestorOrSelf(ancestor: string, path: string): boolean {
  return ancestor === path || isBelow(path, ancestor);
}

function isBelow(path: string, ancestor: string): boolean {
  return ancestor === '/' ? path !== '/' : path.startsWith(`${ancestor}/`);
}

export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** Order by code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
