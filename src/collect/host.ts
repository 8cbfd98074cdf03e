import { hostname, machine, release } from 'node:os';
import type {
  ContainerRecord,
  DeviceLinks,
  HostRecord,
  ProblemRecord,
  UnitRecord,
  V1DevicesRecord,
} from '../snapshot/types.js';
import { attempt, attemptNoted } from './attempt.js';
import type { FileTree } from './files.js';
import { LIMITS } from './files.js';
import { machineByteOrder } from './program-file.js';
import type { HostView, Machine } from './view.js';

/** Facts of the host that the kernel and a few files tell, whatever runs there. */
export function hostRecord(host: Machine): HostRecord {
  const { proc, tree } = host;
  const sysctl = (name: string): number | null => proc.number(`sys/${name}`);
  return {
    kernelRelease: release(),
    machine: machine(),
    byteOrder: machineByteOrder(),
    hostname: host.isOwnRoot ? hostname() : (textOf(tree, '/etc/hostname')?.trim() ?? null),
    bootId: proc.text('sys/kernel/random/boot_id')?.trim() ?? null,
    cgroupLayout: host.layout,
    cgroupMount: host.cgroupMount,
    kptrRestrict: sysctl('kernel/kptr_restrict'),
    bpfJitHarden: sysctl('net/core/bpf_jit_harden'),
    bpfJitEnable: sysctl('net/core/bpf_jit_enable'),
    perfEventParanoid: sysctl('kernel/perf_event_paranoid'),
    unprivilegedBpfDisabled: sysctl('kernel/unprivileged_bpf_disabled'),
    capEff: effectiveCapabilities(host),
    systemd: null,
    runtimes: {},
    procDevices: proc.text('devices'),
    devChar: devCharExists(tree),
    deviceLinks: deviceLinks(tree),
    bpfPins: null,
    clockSynchronised: null,
    v1Devices: [],
    containerisedBy: containerisedBy(tree),
  };
}

/** Of this process, as /proc/self/status has them. */
function effectiveCapabilities(host: Machine): string | null {
  const status = host.proc.text('self/status') ?? host.proc.text(`${String(process.pid)}/status`);
  return /^CapEff:\s+([0-9a-f]+)$/m.exec(status ?? '')?.[1] ?? null;
}

/** Does /dev/char exist? null if that could not be seen. */
export function devCharExists(tree: FileTree): boolean | null {
  return attempt(
    () => tree.stat('/dev/char') !== null,
    null,
    () => undefined,
  );
}

/** Names of the form M:m in the four directories that runc asks for a device. */
export function deviceLinks(tree: FileTree): DeviceLinks {
  const names = (directory: string): string[] | null =>
    attempt(
      () => tree.list(directory).filter((name) => /^\d+:\d+$/.test(name)),
      null,
      () => undefined,
    );
  return {
    devChar: names('/dev/char'),
    devBlock: names('/dev/block'),
    sysDevChar: names('/sys/dev/char'),
    sysDevBlock: names('/sys/dev/block'),
  };
}

/** systemd writes what it found itself in to /run/systemd/container; Docker and Podman leave marks of their own. */
function containerisedBy(tree: FileTree): string | null {
  const told = textOf(tree, '/run/systemd/container')?.trim();
  if (told !== undefined && /^[a-z0-9_-]{1,40}$/.test(told)) return told;
  const isThere = (path: string): boolean =>
    attempt(
      () => tree.exists(path),
      false,
      () => undefined,
    );
  if (isThere('/.dockerenv')) return 'docker';
  return isThere('/run/.containerenv') ? 'podman' : null;
}

function textOf(tree: FileTree, path: string): string | null {
  return attempt(
    () => tree.readTextIfThere(path, LIMITS.text),
    null,
    () => undefined,
  );
}

/** The v1 devices lists that apply to processes, one record per v1 cgroup (kernel: Documentation/admin-guide/cgroup-v1/devices.rst). */
export function v1Devices(
  host: Machine,
  containers: readonly ContainerRecord[],
  problems: ProblemRecord[],
): V1DevicesRecord[] {
  if (host.devicesMount === null) return [];
  const paths = new Set(
    containers.flatMap(({ pid }) => (pid === null ? [] : (host.proc.cgroupV1(pid, 'devices') ?? []))),
  );
  const mounted = new Map<string, string>();
  const mount = host.devicesMount;
  for (const path of paths) {
    const file = host.hostPath(`${mount}${path === '/' ? '' : path}/devices.list`);
    const list = attemptNoted(problems, 'host', 'the devices controller of cgroup v1 decides too', null, () =>
      host.tree.readTextIfThere(file, LIMITS.text),
    );
    if (list !== null) mounted.set(path, list);
  }
  return [...mounted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, list]) => ({ path, list }));
}

/** Pins that units name as BPFProgram=device:PATH, and crun's own: the name of the scope with "." written "_". */
export function bpfPins(
  { tree, nestedIn }: Pick<HostView, 'tree' | 'nestedIn'>,
  containers: readonly ContainerRecord[],
  units: readonly UnitRecord[],
  problems: ProblemRecord[],
): HostRecord['bpfPins'] {
  const own = units.filter((unit) => unit.nestedIn === nestedIn);
  const inFiles = own
    .flatMap((unit) => unit.files ?? [])
    .flatMap((file) => file.assignments.filter(([, key]) => key === 'BPFProgram'));
  const settings = [...inFiles.map(([, , value]) => value), ...own.flatMap((unit) => unit.shown?.['BPFProgram'] ?? [])];
  const named = settings.flatMap((value) => /^device:(\/\S+)/.exec(value)?.[1] ?? []);
  const scopes = containers
    .filter((container) => container.runtime === 'crun' && container.nestedIn === nestedIn)
    .flatMap(({ unit }) => unit ?? []);
  const crun = scopes.map((unit) => `/sys/fs/bpf/crun/${unit.replaceAll('.', '_')}`);
  return [...new Set([...named, ...crun])].sort().flatMap((path) => {
    const present = attemptNoted(problems, nestedIn ?? 'host', 'a pinned program could not be looked for', null, () =>
      tree.exists(path),
    );
    // No record: unknown, which is neither there nor gone.
    return present === null ? [] : [{ path, present }];
  });
}
