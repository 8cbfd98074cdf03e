import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type {
  ContainerRecord,
  CrunStatusSource,
  IncusConfigSource,
  LxcConfigSource,
  NestedHostRecord,
  NodeRecord,
  OciConfigSource,
  RuncStateSource,
  Snapshot,
  SourceRecord,
  UnitRecord,
  UnreadableSource,
} from '../snapshot/types.js';
import { intendedFromCrun } from './crun.js';
import { incusDeviceRules } from './custody.js';
import type { VersionKnowledge } from './dialects.js';
import { intendedFromLxc } from './lxc.js';
import { intendedFromRuncConfig, intendedFromRuncState } from './runc.js';
import { joinAlternatives } from './set.js';
import { intendedBelowSlices, intendedFromUnit } from './systemd.js';
import { systemdHost, type SystemdHost } from './systemd-compile.js';
import type { IntendedPolicy } from './types.js';
import { systemdRelease } from './version.js';
import { intendedFromYouki } from './youki.js';

/** The answer to "what was this container meant to have?". */
export type Intention =
  | { readonly kind: 'policy'; readonly policy: IntendedPolicy }
  /** No source of intent exists for this kind of subject: it is not compared. */
  | { readonly kind: 'none' }
  /** A source exists and could not be read: the comparison is incomplete. */
  | { readonly kind: 'unreadable'; readonly source: UnreadableSource };

const LXC_ENGINES: ReadonlySet<string> = new Set(['lxc', 'incus', 'lxd']);
const ROOTLESS_PATH = /^\/run\/user\/[1-9][0-9]*\//;
/** The manager that systemd runs for a user (user@.service(5)), not for root. */
const USER_MANAGER = /\/user@[1-9][0-9]*\.service(?:\/|$)/;

/**
 * What the runtime of a container meant it to have. `observed` are the policies of single programs attached to the container's cgroups, if the
 * caller evaluated them: they only help to tell which version of a runtime wrote one of them, where no record says.
 */
export function intendedOf(
  space: DeviceSpace,
  snapshot: Snapshot,
  container: ContainerRecord,
  observed: readonly DeviceSet[] = [],
): Intention {
  const host = hostOf(snapshot, container.nestedIn);
  const policy = LXC_ENGINES.has(container.engine)
    ? lxcIntent(space, container, host, observed)
    : container.engine === 'nspawn'
      ? nspawnIntent(space, snapshot, container, host, observed)
      : ociIntent(space, container, host, observed);
  if (policy !== null) return { kind: 'policy', policy };
  const source = container.sources.find((each) => each.kind === 'unreadable' && DECISIVE.has(each.expected));
  return source?.kind === 'unreadable' ? { kind: 'unreadable', source } : { kind: 'none' };
}

/** What a systemd unit that is no container was meant to have, the slices it is in included; "none" where no device settings apply to it. */
export function intendedOfUnit(
  space: DeviceSpace,
  snapshot: Snapshot,
  unit: UnitRecord,
  observed: readonly DeviceSet[] = [],
): Intention {
  const policy = unitIntent(space, snapshot, unit, hostOf(snapshot, unit.nestedIn), 'systemd', observed);
  return policy?.attaches !== 'program' ? { kind: 'none' } : { kind: 'policy', policy };
}

function unitIntent(
  space: DeviceSpace,
  snapshot: Snapshot,
  unit: UnitRecord,
  host: HostFacts,
  runtime: string,
  observed: readonly DeviceSet[],
): IntendedPolicy | null {
  const own = intendedFromUnit(space, unit, host.systemd, runtime, observed);
  if (own === null) return null;
  const above = snapshot.units.filter(
    ({ cgroup, nestedIn }) => nestedIn === unit.nestedIn && isAbove(cgroup, unit.cgroup),
  );
  return intendedBelowSlices(space, own, above, host.systemd, observed);
}

function isAbove(cgroup: string | null, below: string | null): boolean {
  if (cgroup === null || below === null || cgroup === below) return false;
  return cgroup === '/' || below.startsWith(`${cgroup}/`);
}

/** The kinds of record a policy is read from; the others (Docker, Podman, Incus) only say what was asked for. */
const DECISIVE: ReadonlySet<string> = new Set(['runc-state', 'oci-config', 'crun-status', 'lxc-config']);

export interface HostFacts {
  readonly systemd: SystemdHost;
  readonly runtimes: NestedHostRecord['runtimes'];
  readonly pureUnified: boolean | null;
  readonly nodes: ReadonlyMap<string, NodeRecord>;
}

/**
 * The host a container or unit lives on: the snapshot's own, or a nested one. Nodes belong to the outer host's /dev, so for a nested host
 * none is known; /proc/devices is the kernel's and the same for all.
 */
export function hostOf(snapshot: Snapshot, nestedIn: string | null): HostFacts {
  const known = HOSTS.get(snapshot) ?? new Map<string | null, HostFacts>();
  HOSTS.set(snapshot, known);
  const facts = known.get(nestedIn) ?? readHost(snapshot, nestedIn);
  known.set(nestedIn, facts);
  return facts;
}

/** Each host is read once, and not for each of its containers. */
const HOSTS = new WeakMap<Snapshot, Map<string | null, HostFacts>>();

function readHost(snapshot: Snapshot, nestedIn: string | null): HostFacts {
  const nested = nestedIn === null ? undefined : snapshot.nestedHosts.find(({ key }) => key === nestedIn);
  const systemd = nestedIn === null ? snapshot.host.systemd : (nested?.systemd ?? null);
  const nodes = nestedIn === null ? snapshot.nodes : [];
  return {
    systemd: systemdHost(systemd === null ? null : systemdRelease(systemd.version), nodes, snapshot.host.procDevices),
    runtimes: nestedIn === null ? snapshot.host.runtimes : (nested?.runtimes ?? {}),
    pureUnified: snapshot.host.cgroupLayout === null ? null : snapshot.host.cgroupLayout === 'unified',
    nodes: new Map(nodes.map((node) => [node.path, node])),
  };
}

function versionOf(
  container: ContainerRecord,
  runtime: string,
  { runtimes }: HostFacts,
  observed: readonly DeviceSet[],
): VersionKnowledge {
  const own = container.runtimeVersion?.version ?? null;
  const installed = Object.hasOwn(runtimes, runtime) ? (runtimes[runtime]?.version ?? null) : null;
  return { exact: own, installed, observed };
}

function ociIntent(
  space: DeviceSpace,
  container: ContainerRecord,
  host: HostFacts,
  observed: readonly DeviceSet[],
): IntendedPolicy | null {
  const state = find<RuncStateSource>(container.sources, 'runc-state');
  if (state !== null) return intendedFromRuncState(space, state, versionOf(container, 'runc', host, observed));
  const config = find<OciConfigSource>(container.sources, 'oci-config');
  if (config === null) return null;
  const status = find<CrunStatusSource>(container.sources, 'crun-status');
  const systemd = status?.systemdCgroup ?? driverOf(container, config);
  const rootless = isRootless(container, config, status, systemd);
  const crun = (): IntendedPolicy =>
    intendedFromCrun(space, config, status, {
      version: versionOf(container, 'crun', host, observed),
      systemd,
      host: host.systemd,
      rootless,
    });
  const runc = (): IntendedPolicy => {
    const version = container.runtimeVersion?.version ?? host.runtimes['runc']?.version ?? null;
    const policy = intendedFromRuncConfig(space, config, version);
    return rootless ? { ...policy, attaches: 'undecided', attachesReason: 'runc:rootless' } : policy;
  };
  if (status !== null || container.runtime === 'crun') return crun();
  if (container.runtime === 'youki') return intendedFromYouki(space, config);
  if (container.runtime === 'runc') return runc();
  return eitherRuntime(space, intendedFromRuncConfig(space, config, null), crun());
}

/**
 * Did the runtime itself run as a user? Its files are in the user's own /run, or its cgroup is below the user's manager: one that was asked over that user's
 * bus for a scope, or that had to make a user namespace. root's containers are the system manager's.
 */
function isRootless(
  container: ContainerRecord,
  config: OciConfigSource,
  status: CrunStatusSource | null,
  systemd: boolean | null,
): boolean {
  if (ROOTLESS_PATH.test(status?.path ?? config.path)) return true;
  return USER_MANAGER.test(container.cgroup ?? '') && (systemd === true || config.userNamespace);
}

/** A configuration nobody says the runtime of: what runc and crun agree on. */
function eitherRuntime(space: DeviceSpace, runc: IntendedPolicy, crun: IntendedPolicy): IntendedPolicy {
  if (runc.couldNotStart !== null) return crun;
  return {
    ...runc,
    ...joinAlternatives(space, [runc, crun], 'runtime'),
    runtime: 'runc or crun',
    generation: `${runc.generation} / ${crun.generation}`,
    warnings: [...runc.warnings, ...crun.warnings],
    attaches: runc.attaches === crun.attaches ? runc.attaches : 'undecided',
    attachesReason: runc.attachesReason ?? crun.attachesReason,
    dialects: [...runc.dialects, ...crun.dialects],
  };
}

/** systemd's driver names cgroups "slice:prefix:name"; null where neither path nor unit tells. */
function driverOf(container: ContainerRecord, config: OciConfigSource): boolean | null {
  if (config.cgroupsPath !== null) return config.cgroupsPath.split(':').length === 3;
  return container.unit === null ? null : container.unit.endsWith('.scope');
}

function lxcIntent(
  space: DeviceSpace,
  container: ContainerRecord,
  host: HostFacts,
  observed: readonly DeviceSet[],
): IntendedPolicy | null {
  const config = find<LxcConfigSource>(container.sources, 'lxc-config');
  if (config === null) return null;
  return intendedFromLxc(space, withPlugged(config, container, host), {
    version: versionOf(container, 'lxc', host, observed),
    nodes: host.nodes,
    runtime: container.engine === 'lxc' ? 'lxc' : 'incus',
    pureUnified: host.pureUnified,
  });
}

/** Incus allows a device it plugs into a running instance through LXC's live list; only privileged instances have one. */
function withPlugged(config: LxcConfigSource, container: ContainerRecord, host: HostFacts): LxcConfigSource {
  const incus = find<IncusConfigSource>(container.sources, 'incus-config');
  const key = 'lxc.cgroup2.devices.allow';
  if (incus === null || !config.assignments.some((each) => each.key === key)) return config;
  const present = new Set(config.assignments.filter((each) => each.key === key).map(({ value }) => value));
  const plugged = incusDeviceRules(incus, [...host.nodes.values()]).filter((value) => !present.has(value));
  return { ...config, assignments: [...config.assignments, ...plugged.map((value) => ({ key, value }))] };
}

/** nspawn writes no program: the unit of the machine has the list. */
function nspawnIntent(
  space: DeviceSpace,
  snapshot: Snapshot,
  container: ContainerRecord,
  host: HostFacts,
  observed: readonly DeviceSet[],
): IntendedPolicy | null {
  const unit = snapshot.units.find(({ name, nestedIn }) => name === container.unit && nestedIn === container.nestedIn);
  return unit === undefined ? null : unitIntent(space, snapshot, unit, host, 'nspawn', observed);
}

function find<Source extends SourceRecord>(sources: readonly SourceRecord[], kind: Source['kind']): Source | null {
  return (sources.find((source) => source.kind === kind) as Source | undefined) ?? null;
}
