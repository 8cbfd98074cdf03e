import type {
  CgroupRecord,
  ContainerRecord,
  NestedHostRecord,
  ProblemRecord,
  Snapshot,
  UnitRecord,
} from '../snapshot/types.js';
import { loadBinding } from './binding.js';
import { ancestry } from './captured/levels.js';
import { CgroupReader } from './cgroups.js';
import type { Detail, EngineContext } from './containers/draft.js';
import { findContainers } from './containers/index.js';
import { emptySnapshot } from './empty.js';
import { FileTree, errorCode } from './files.js';
import { devCharExists, deviceLinks, hostRecord, v1Devices } from './host.js';
import type { NativeBinding } from './native.js';
import { nativeFailure } from './native-reads.js';
import { initIn, nestedHosts } from './nested.js';
import { hostNodes, namedDevicePaths, nodesBelow } from './nodes.js';
import { machineByteOrder } from './program-file.js';
import { collectPrograms } from './programs.js';
import { askSystemctl } from './systemctl.js';
import { UnitReader, unitsOnPath } from './units.js';
import { runtimeVersions, systemdVersion } from './versions.js';
import type { HostView } from './view.js';
import { Machine } from './view.js';
import { matcherOf } from './wanted.js';

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
  /** "full" (default): bundles' configurations, installed versions and all. "brief": what deciding takes. */
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
 * What could not be read is a failure in its record or a problem of the snapshot. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN for the programs (Linux before 6.12; CAP_SYS_ADMIN
 * alone later), CAP_SYSLOG for the names of helpers; without them the rest is still collected.
 * @throws InputError if hostRoot is no directory
 * @throws UnsupportedError if the native addon cannot be loaded
 */
export async function collectSnapshot(options: CollectOptions = {}): Promise<Snapshot> {
  const step = (name: string): void => {
    options.signal?.throwIfAborted();
    options.onProgress?.(name);
  };
  const started = new Date().toISOString();
  const machine = new Machine(options.hostRoot);
  const binding = loadBinding();
  const collector = new Collector(machine, binding, options);

  step('cgroups');
  await collector.readCgroups();
  step('containers');
  const containers = collector.findContainers();
  step('units');
  const units = collector.readUnits(containers);
  if (options.systemctl === true) await collector.askSystemd(units);
  step('programs');
  const cgroups = collector.cgroupRecords(containers, units);
  const programs = collectPrograms(
    binding,
    collector.programInfos(cgroups),
    machineByteOrder(),
    machine.proc.directory,
  );
  step('host');
  const running = collector.stillThere(containers);
  return {
    ...emptySnapshot(machineByteOrder()),
    collectedAt: started,
    bootTimeNs: binding.bootTimeNs(),
    scope: options.targets === undefined ? 'host' : 'targets',
    host: collector.host(running, units),
    cgroups,
    programs: programs.programs,
    maps: programs.maps,
    containers: running,
    units,
    nodes: hostNodes(
      machine.tree,
      namedDevicePaths(
        units,
        running.flatMap((container) => container.sources),
      ),
    ),
    nestedHosts: collector.nestedRecords(),
    vanished: collector.vanished,
    problems: [...collector.problems, ...programs.problems],
  };
}

/** The steps of collecting, and what they share. */
class Collector {
  readonly problems: ProblemRecord[] = [];
  vanished = 0;
  readonly #machine: Machine;
  readonly #binding: NativeBinding;
  readonly #options: CollectOptions;
  readonly #reader: CgroupReader | null;
  readonly #nested: HostView[] = [];
  #unitsLoaded: number | null = null;

  constructor(machine: Machine, binding: NativeBinding, options: CollectOptions) {
    this.#machine = machine;
    this.#binding = binding;
    this.#options = options;
    this.#reader = machine.cgroupMount === null ? null : new CgroupReader(binding, machine.cgroupMount);
  }

  async readCgroups(): Promise<void> {
    if (this.#reader === null) {
      this.problems.push({ subject: 'host', message: 'there is no cgroup v2 hierarchy mounted here', code: null });
      return;
    }
    try {
      await this.#reader.scan();
      this.#placeOwnNamespace();
    } catch (error) {
      const { syscall, code } = nativeFailure(error);
      this.problems.push({ subject: 'host', message: `the cgroups could not be walked: ${syscall}`, code });
    }
  }

  /** From inside a cgroup namespace: its root is what this process's own /sys/fs/cgroup shows, and has the same id on the host. */
  #placeOwnNamespace(): void {
    if (!this.#machine.names.needsOwn) return;
    const inode = new FileTree('/').stat('/sys/fs/cgroup')?.ino;
    const path = inode === undefined ? null : (this.#reader?.pathOfId(inode) ?? null);
    if (path !== null) this.#machine.names.setOwn(path);
  }

  findContainers(): ContainerRecord[] {
    const own = this.#containersOf(this.#machine.view);
    const found = [...own];
    if (this.#reader === null) return found;
    // Hosts in hosts in hosts: each level is looked for in the one above, as deep as anybody nests them.
    for (let level = own, depth = 0; level.length > 0 && depth < 4; depth++) {
      const views = nestedHosts(this.#machine, this.#reader, level);
      this.#nested.push(...views);
      level = views.flatMap((view) => this.#containersOf(view));
      found.push(...level);
    }
    return found.map((container) => this.#withProcessFacts(container));
  }

  #containersOf(view: HostView): ContainerRecord[] {
    const reader = this.#reader;
    const prefix = view.cgroupPrefix;
    const paths =
      reader === null ? [] : [...reader.paths].filter((path) => prefix === '' || path.startsWith(`${prefix}/`));
    const context: EngineContext = {
      view,
      detail: this.#options.targets === undefined ? (this.#options.detail ?? 'full') : 'full',
      wanted: this.#options.targets === undefined ? null : matcherOf(this.#options.targets),
      cgroups: paths.map((path) => path.slice(prefix.length)),
      initIn: (cgroup) => (reader === null ? null : initIn(this.#machine, reader, prefix + cgroup)),
      problem: (subject, message, code) => this.problems.push({ subject: view.nestedIn ?? subject, message, code }),
    };
    return findContainers(context);
  }

  #withProcessFacts(container: ContainerRecord): ContainerRecord {
    const { pid, cgroup } = container;
    if (pid === null) return container;
    const proc = this.#machine.proc;
    return {
      ...container,
      userNamespace: proc.ownUserNamespace(pid) ?? container.userNamespace,
      otherThreadCgroups: cgroup === null ? [] : this.#threadCgroups(pid, cgroup),
      nodes: nodesBelow(new FileTree(`${proc.directory}/${String(pid)}/root`, proc.mountinfo(pid))),
    };
  }

  /** Threads can only be elsewhere if their cgroup is part of a threaded subtree (cgroup-v2.rst, "Threads"). */
  #threadCgroups(pid: number, cgroup: string): string[] {
    const directory = this.#reader?.directory(cgroup);
    const type = directory === undefined ? null : this.#textOf(`${this.#machine.hostPath(directory)}/cgroup.type`);
    if (type?.includes('threaded') !== true) return [];
    const others = this.#machine.proc.threads(pid).map((thread) => this.#machine.cgroupOf(pid, thread));
    return [...new Set(others.filter((path) => path !== null && path !== cgroup))]
      .filter((path) => path !== null)
      .sort();
  }

  #textOf(path: string): string | null {
    try {
      return this.#machine.tree.readTextIfThere(path, 4096);
    } catch (error) {
      if (errorCode(error) === null) throw error;
      return null;
    }
  }

  /** Units on the way to every container, every cgroup with a program, and every unit with settings that bear on devices. */
  readUnits(containers: readonly ContainerRecord[]): UnitRecord[] {
    const units = new Map<string, UnitRecord>();
    for (const view of [...this.#nested, this.#machine.view]) {
      const reader = new UnitReader(view.tree, view.nestedIn);
      if (!reader.isManaged) continue;
      const cgroups = this.#cgroupsOf(view);
      const needed = new Set(
        [
          ...containers
            .filter((container) => container.nestedIn === view.nestedIn)
            .map((container) => container.cgroup),
          ...(this.#reader?.interesting() ?? []),
          ...(this.#options.cgroups ?? []),
        ].flatMap((cgroup) => (cgroup === null ? [] : ancestry(cgroup))),
      );
      for (const cgroup of cgroups) {
        for (const { name, cgroup: own } of unitsOnPath(cgroup.slice(view.cgroupPrefix.length) || '/')) {
          const path = own === '/' ? view.cgroupPrefix || '/' : view.cgroupPrefix + own;
          if (units.has(path)) continue;
          const unit = reader.read(name, path);
          if (hasDeviceSettings(unit) || needed.has(path)) units.set(path, unit);
        }
      }
      this.problems.push(...reader.problems);
    }
    return [...units.values()];
  }

  #cgroupsOf(view: HostView): string[] {
    const all = [...(this.#reader?.paths ?? [])];
    return view.cgroupPrefix === ''
      ? all
      : all.filter((path) => path === view.cgroupPrefix || path.startsWith(`${view.cgroupPrefix}/`));
  }

  async askSystemd(units: UnitRecord[]): Promise<void> {
    const own = units.filter((unit) => unit.nestedIn === null);
    if (own.length === 0) return;
    if (!this.#machine.isOwnRoot) {
      this.problems.push({
        subject: 'host',
        message: 'what systemd holds now can only be asked on the host itself',
        code: null,
      });
      return;
    }
    const shown = await askSystemctl(
      own.map((unit) => unit.name),
      this.#options.signal,
    );
    this.#unitsLoaded = shown.unitsLoadTimestampMonotonicUs;
    if (shown.failed !== null) this.problems.push({ subject: 'host', message: shown.failed, code: null });
    for (const unit of own) unit.shown = shown.byName.get(unit.name) ?? null;
  }

  /** Records of every cgroup that matters, and of all above it. */
  cgroupRecords(containers: readonly ContainerRecord[], units: readonly UnitRecord[]): CgroupRecord[] {
    const reader = this.#reader;
    if (reader === null) return [];
    const named = [
      '/',
      ...reader.interesting(),
      ...containers.flatMap((container) => [container.cgroup, ...container.otherThreadCgroups]),
      ...units.filter(hasDeviceSettings).map((unit) => unit.cgroup),
      ...(this.#options.cgroups ?? []),
    ].filter((path) => path !== null);
    const paths = new Set(named.flatMap(ancestry));
    const records = [...paths].map((path) => reader.record(path)).filter((record) => record !== null);
    this.problems.push(...reader.problems);
    return records;
  }

  /** The programs that some record refers to. */
  programInfos(cgroups: readonly CgroupRecord[]): CgroupReader['infos'] {
    const lists = cgroups.flatMap(({ attached, effective }) => [attached, effective]);
    const ids = new Set(lists.flatMap((list) => ('failed' in list ? [] : list.programIds)));
    return new Map([...(this.#reader?.infos ?? [])].filter(([id]) => ids.has(id)));
  }

  /** A container whose process has gone or moved meanwhile is no finding: it is dropped and counted, or its cgroup read anew. */
  stillThere(containers: readonly ContainerRecord[]): ContainerRecord[] {
    return containers.filter((container) => {
      if (container.pid === null || this.#machine.cgroupOf(container.pid) === container.cgroup) return true;
      this.vanished++;
      return false;
    });
  }

  host(containers: readonly ContainerRecord[], units: readonly UnitRecord[]): Snapshot['host'] {
    const { tree, proc } = this.#machine;
    const runtimes = runtimeVersions(tree, this.#options.detail);
    const managed = tree.exists('/run/systemd/system');
    const systemd = managed ? systemdVersion(tree, proc, 1, runtimes['systemd']) : null;
    if (systemd !== null) systemd.unitsLoadTimestampMonotonicUs = this.#unitsLoaded;
    const pids = containers.map((container) => container.pid).filter((pid) => pid !== null);
    return {
      ...hostRecord(this.#machine, { systemd, runtimes, clockSynchronised: this.#binding.clockSynchronised() }),
      v1Devices: v1Devices(this.#machine, pids),
      bpfPins: this.#pins(containers, units),
    };
  }

  /** Pins that units name, and crun's own: the name of the scope with "." written "_". */
  #pins(containers: readonly ContainerRecord[], units: readonly UnitRecord[]): Snapshot['host']['bpfPins'] {
    const settings = units.flatMap((unit) => [
      ...(unit.files ?? []).flatMap((file) =>
        file.assignments.filter(([, key]) => key === 'BPFProgram').map(([, , value]) => value),
      ),
      ...(unit.shown?.['BPFProgram'] ?? []),
    ]);
    const named = settings.map((value) => /^device:(\/\S+)/.exec(value)?.[1]).filter((path) => path !== undefined);
    const scopes = containers.filter((container) => container.runtime === 'crun').map((container) => container.unit);
    const crun = scopes.filter((unit) => unit !== null).map((unit) => `/sys/fs/bpf/crun/${unit.replaceAll('.', '_')}`);
    return [...new Set([...named, ...crun])].sort().map((path) => ({ path, present: this.#machine.tree.exists(path) }));
  }

  nestedRecords(): NestedHostRecord[] {
    return this.#nested.map((view) => {
      const runtimes = runtimeVersions(view.tree);
      const pid =
        this.#reader === null ? null : (initIn(this.#machine, this.#reader, view.cgroupPrefix || '/')?.pid ?? null);
      return {
        key: view.nestedIn ?? '',
        cgroup: view.cgroupPrefix || '/',
        systemd: view.tree.exists('/run/systemd/system')
          ? systemdVersion(view.tree, this.#machine.proc, pid, runtimes['systemd'])
          : null,
        runtimes,
        devChar: devCharExists(view.tree),
        deviceLinks: deviceLinks(view.tree),
      };
    });
  }
}

const DEVICE_SETTINGS = new Set(['DevicePolicy', 'DeviceAllow', 'BPFProgram', 'PrivateDevices', 'ProtectClock']);

function hasDeviceSettings(unit: UnitRecord): boolean {
  return (unit.files ?? []).some((file) => file.assignments.some(([, key]) => DEVICE_SETTINGS.has(key)));
}
