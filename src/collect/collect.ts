import type { ContainerRecord, Snapshot, UnitRecord } from '../snapshot/types.js';
import { noteFor } from './attempt.js';
import { loadBinding } from './binding.js';
import { ancestry } from './captured/levels.js';
import type { Detail } from './containers/draft.js';
import { emptySnapshot } from './empty.js';
import { HostContainers } from './host-containers.js';
import { bpfPins, hostRecord, v1Devices } from './host.js';
import { openCgroups } from './cgroups.js';
import type { CgroupReader } from './cgroups.js';
import { hostNodes, namedDevicePaths } from './nodes.js';
import { machineByteOrder } from './program-file.js';
import { processProblems } from './process-problems.js';
import { collectPrograms } from './programs.js';
import { askAboutUnits } from './systemctl.js';
import { hasDeviceSettings, unitsOf } from './units.js';
import { isSystemdHost, runtimeVersions, systemdVersion } from './versions.js';
import { Machine } from './view.js';

/** What to collect, and how. Nothing given: everything of this host, without asking systemd. */
export interface CollectOptions {
  /** Directory in which the host's "/" is seen, from a container that inspects its host. Default "/". */
  hostRoot?: string | undefined;
  /**
   * Names, ids, id prefixes or "ns/pod/container" of the containers that are asked for; the others' configuration is not read. More than was asked for may
   * come. Absent: all.
   */
  targets?: readonly string[] | undefined;
  /** Cgroups to have records of, besides those of containers and those with programs. */
  cgroups?: readonly string[] | undefined;
  /** "full" (default): bundles' configurations, what runtimes were built from, and all. "brief": what deciding takes. */
  detail?: Detail | undefined;
  /** Ask systemd what it holds now of the units (one subprocess). Default false: unit files only. */
  systemctl?: boolean | undefined;
  /** Stops before the next step; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called with what is being read, for something to show while it takes long. */
  onProgress?: ((step: string) => void) | undefined;
}

/**
 * Reads the host into a snapshot. Nothing is written, attached or executed but, if asked for, the machine's own systemctl.
 *
 * What could not be read is a failure in its record or a problem of the snapshot. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN for the programs (CAP_SYS_ADMIN alone since Linux
 * 6.12), CAP_SYSLOG for the names of helpers; without them the rest is still collected.
 * @throws InputError if hostRoot is no directory
 * @throws UnsupportedError if the native addon cannot be loaded
 */
export async function collectSnapshot(options: CollectOptions = {}): Promise<Snapshot> {
  const step = (name: string): void => {
    options.signal?.throwIfAborted();
    options.onProgress?.(name);
  };
  const started = new Date().toISOString();
  const binding = loadBinding();
  const empty = emptySnapshot(machineByteOrder());
  const problems = empty.problems;
  const machine = new Machine(options.hostRoot, problems);

  step('cgroups');
  const reader = await openCgroups(binding, machine, problems);
  step('containers');
  const found = new HostContainers(machine, reader, options, problems);
  step('units');
  const asked = options.cgroups ?? [];
  const units = unitsOf(
    found.views,
    [...(reader?.paths ?? [])],
    cgroupsInUse(reader, found.containers, asked),
    problems,
  );
  const unitsLoaded = options.systemctl === true ? await askAboutUnits(machine, units, problems, options.signal) : null;
  step('programs');
  const cgroups = reader?.records(recordedCgroups(reader, found.containers, units, asked)) ?? [];
  const read = collectPrograms(
    binding,
    reader?.infosOf(cgroups) ?? new Map(),
    machineByteOrder(),
    machine.proc.directory,
  );
  step('host');
  const { containers, vanished } = found.stillThere();
  const named = namedDevicePaths(
    units,
    containers.flatMap(({ sources }) => sources),
  );
  const nodes = hostNodes(machine.tree, named, problems);
  const note = noteFor(problems, 'host');
  const runtimes = runtimeVersions(machine.tree, options.detail ?? 'full', note);
  const systemd = isSystemdHost(machine.tree, note)
    ? systemdVersion(machine.tree, machine.proc, 1, runtimes['systemd'], note)
    : null;
  const nestedHosts = found.nestedRecords(units);
  return {
    ...empty,
    collectedAt: started,
    bootTimeNs: binding.bootTimeNs(),
    scope: options.targets === undefined ? 'host' : 'targets',
    host: {
      ...hostRecord(machine),
      systemd: systemd === null ? null : { ...systemd, unitsLoadTimestampMonotonicUs: unitsLoaded },
      runtimes,
      clockSynchronised: binding.clockSynchronised(),
      v1Devices: v1Devices(machine, containers, problems),
      bpfPins: bpfPins(machine.view, containers, units, problems),
    },
    cgroups,
    programs: read.programs,
    maps: read.maps,
    containers,
    units,
    nodes,
    nestedHosts,
    vanished,
    problems: [...problems, ...read.problems, ...processProblems(machine.proc, containers)],
  };
}

/** Cgroups whose policy somebody may ask for: of containers, with a program, or asked for by name. */
function cgroupsInUse(
  reader: CgroupReader | null,
  containers: readonly ContainerRecord[],
  asked: readonly string[],
): string[] {
  const own = containers.flatMap(({ cgroup, otherThreadCgroups }) =>
    cgroup === null ? otherThreadCgroups : [cgroup, ...otherThreadCgroups],
  );
  return [...own, ...(reader?.interesting() ?? []), ...asked];
}

/** Those, units with device settings whether or not they have a program, and every level above. */
function recordedCgroups(
  reader: CgroupReader,
  containers: readonly ContainerRecord[],
  units: readonly UnitRecord[],
  asked: readonly string[],
): string[] {
  const withSettings = units.filter(hasDeviceSettings).flatMap(({ cgroup }) => cgroup ?? []);
  return [...new Set(['/', ...cgroupsInUse(reader, containers, asked), ...withSettings].flatMap(ancestry))];
}
