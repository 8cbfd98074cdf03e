import type { ContainerRecord, NestedHostRecord, ProblemRecord, UnitRecord } from '../snapshot/types.js';
import type { CgroupReader } from './cgroups.js';
import type { CollectOptions } from './collect.js';
import type { EngineContext } from './containers/draft.js';
import { findContainers } from './containers/index.js';
import { attemptNoted, noteFor } from './attempt.js';
import { FileTree } from './files.js';
import { bpfPins, devCharExists, deviceLinks } from './host.js';
import { firstIn, initIn, nestedHosts } from './nested.js';
import { mountsOfDevices, nodesAndModes } from './nodes.js';
import { isSystemdHost, runtimeVersions, systemdVersion } from './versions.js';
import type { HostView, Machine } from './view.js';
import { matcherOf } from './wanted.js';

/** Hosts in hosts in hosts: as deep as anybody nests them. */
const MAX_DEPTH = 4;

/** The containers of a machine, and of the hosts that are containers themselves. */
export class HostContainers {
  readonly containers: readonly ContainerRecord[];
  /** The machine, then every nested host. */
  readonly views: readonly HostView[];
  readonly #machine: Machine;
  readonly #reader: CgroupReader | null;

  constructor(machine: Machine, reader: CgroupReader | null, options: CollectOptions, problems: ProblemRecord[]) {
    this.#machine = machine;
    this.#reader = reader;
    const noted = problems.length;
    let { found, views } = this.#search(options, problems);
    if (found.length === 0 && options.targets !== undefined) {
      // It may be in a host that is a container itself and that nobody named: then all of them are looked into.
      problems.length = noted;
      ({ found, views } = this.#search({ ...options, targets: undefined, detail: 'full' }, problems));
    }
    this.views = views;
    this.containers = found.map((container) => this.#withProcessFacts(container, problems));
  }

  /** The machine's containers, then those inside them, level by level. */
  #search(options: CollectOptions, problems: ProblemRecord[]): { found: ContainerRecord[]; views: HostView[] } {
    const views = [this.#machine.view];
    const found = this.#containersOf(this.#machine.view, options, problems);
    for (let level = found, depth = 0; level.length > 0 && depth < MAX_DEPTH; depth++) {
      const nested = this.#reader === null ? [] : nestedHosts(this.#machine, this.#reader, level);
      level = nested.flatMap((view) => this.#containersOf(view, options, problems));
      views.push(...nested);
      found.push(...level);
    }
    return { found, views };
  }

  #containersOf(view: HostView, options: CollectOptions, problems: ProblemRecord[]): ContainerRecord[] {
    const reader = this.#reader;
    const prefix = view.cgroupPrefix;
    const paths = [...(reader?.paths ?? [])].filter((path) => prefix === '' || path.startsWith(`${prefix}/`));
    const context: EngineContext = {
      view,
      // A few containers are read in full: the chain of custody is what they were asked for.
      detail: options.targets === undefined ? (options.detail ?? 'full') : 'full',
      wanted: options.targets === undefined ? null : matcherOf(options.targets),
      cgroups: paths.map((path) => path.slice(prefix.length)),
      initIn: (cgroup) => (reader === null ? null : initIn(this.#machine, reader, prefix + cgroup)),
      firstIn: (cgroup) => (reader === null ? null : firstIn(this.#machine, reader, prefix + cgroup)),
      problem: (subject, message, code) => problems.push({ subject: view.nestedIn ?? subject, message, code }),
    };
    return findContainers(context);
  }

  #withProcessFacts(container: ContainerRecord, problems: ProblemRecord[]): ContainerRecord {
    const { pid, cgroup } = container;
    if (pid === null) return container;
    const proc = this.#machine.proc;
    const mountinfo = proc.mountinfo(pid);
    const tree = new FileTree(`${proc.directory}/${String(pid)}/root`, mountinfo);
    const { nodes, modes } = nodesAndModes(tree, container.key, problems);
    return {
      ...container,
      userNamespace: proc.ownUserNamespace(pid) ?? container.userNamespace,
      otherThreadCgroups: cgroup === null ? [] : this.#threadCgroups(pid, cgroup),
      nodes,
      confinement: { mounts: mountsOfDevices(mountinfo), modes, securityLabel: proc.securityLabel(pid) },
    };
  }

  /** Threads can only be elsewhere if their cgroup is part of a threaded subtree (cgroup-v2.rst, "Threads"). */
  #threadCgroups(pid: number, cgroup: string): string[] {
    const directory = this.#reader?.directory(cgroup);
    const { tree, problems } = this.#machine;
    const type =
      directory === undefined
        ? null
        : attemptNoted(problems, `cgroup:${cgroup}`, 'whether it is threaded could not be read', null, () =>
            tree.readTextIfThere(`${this.#machine.hostPath(directory)}/cgroup.type`, 4096),
          );
    if (type?.includes('threaded') !== true) return [];
    const others = this.#machine.proc.threads(pid).flatMap((thread) => this.#machine.cgroupOf(pid, thread) ?? []);
    return [...new Set(others)].filter((path) => path !== cgroup).sort();
  }

  /** Those whose process is still where it was: one that has gone or moved meanwhile is no finding, it is dropped and counted. */
  stillThere(): { containers: ContainerRecord[]; vanished: number } {
    const containers = this.containers.filter(
      ({ pid, cgroup }) => pid === null || this.#machine.cgroupOf(pid) === cgroup,
    );
    return { containers, vanished: this.containers.length - containers.length };
  }

  /** Facts about the nested hosts. `units`: those of all hosts. */
  nestedRecords(units: readonly UnitRecord[]): NestedHostRecord[] {
    const { proc, problems } = this.#machine;
    return this.views.flatMap((view) => {
      if (view.nestedIn === null) return [];
      const cgroup = view.cgroupPrefix === '' ? '/' : view.cgroupPrefix;
      const note = noteFor(problems, view.nestedIn);
      const runtimes = runtimeVersions(view.tree, 'full', note);
      const init = this.#reader === null ? null : initIn(this.#machine, this.#reader, cgroup);
      const systemd = isSystemdHost(view.tree, note)
        ? systemdVersion(view.tree, proc, init?.pid ?? null, runtimes['systemd'], note)
        : null;
      return [
        {
          key: view.nestedIn,
          cgroup,
          systemd,
          runtimes,
          devChar: devCharExists(view.tree),
          deviceLinks: deviceLinks(view.tree),
          bpfPins: bpfPins(view, this.containers, units, problems),
        },
      ];
    });
  }
}
