import type { HostRecord, Snapshot } from '../snapshot/types.js';
import { missingCapabilities } from '../verify/capabilities.js';
import { unreadSources } from '../verify/problems.js';
import type { SubjectAnalysis } from '../verify/types.js';
import { counted } from './counted.js';
import { escapeText } from './escape.js';
import { readFailureText } from './read-failure.js';
import type { Style } from './style.js';

export interface DoctorCheck {
  name: string;
  /** good: fine. poor: works, with a limit. bad: stands in the way. */
  state: 'good' | 'poor' | 'bad';
  text: string;
  /** What would help; null where nothing is wrong. */
  remedy: string | null;
}

export interface DoctorReport {
  schema: 'devpolicy/doctor';
  schemaVersion: [1, 0];
  ready: 'yes' | 'partly' | 'no';
  checks: DoctorCheck[];
}

/** Looks at a snapshot for everything that could keep devpolicy from a full answer. */
export function diagnose(snapshot: Snapshot, analyses: readonly SubjectAnalysis[]): DoctorReport {
  const checks = [
    kernelCheck(snapshot.host),
    layoutCheck(snapshot.host),
    capabilityCheck(snapshot.host),
    queryCheck(snapshot),
    hidingCheck(snapshot.host),
    nestingCheck(snapshot),
    runtimesCheck(snapshot),
    clockCheck(snapshot.host),
    anyQueryWorked(snapshot) ? programsCheck(snapshot, analyses) : null,
    problemsCheck(snapshot),
  ].flatMap((check) => (check === null ? [] : [check]));
  const bad = checks.some(({ state, name }) => state === 'bad' && (name === 'query' || name === 'cgroups'));
  return {
    schema: 'devpolicy/doctor',
    schemaVersion: [1, 0],
    ready: bad ? 'no' : checks.some(({ state }) => state === 'bad') ? 'partly' : 'yes',
    checks,
  };
}

const good = (name: string, text: string): DoctorCheck => ({ name, state: 'good', text, remedy: null });

function kernelCheck({ kernelRelease, machine, byteOrder }: HostRecord): DoctorCheck {
  return good('kernel', `kernel ${kernelRelease ?? 'unknown'}, ${machine ?? 'unknown machine'}, ${byteOrder}-endian`);
}

function layoutCheck({ cgroupLayout, cgroupMount }: HostRecord): DoctorCheck {
  const where = cgroupMount === null ? '' : ` at ${cgroupMount}`;
  switch (cgroupLayout) {
    case 'unified':
      return good('cgroups', `cgroup v2${where}`);
    case 'hybrid':
      return {
        name: 'cgroups',
        state: 'poor',
        text: `cgroup v2${where}, beside cgroup v1 (hybrid): systemd and most runtimes filter devices in v1 here`,
        remedy: 'boot with systemd.unified_cgroup_hierarchy=1 for cgroup v2 alone',
      };
    case 'v1':
      return {
        name: 'cgroups',
        state: 'bad',
        text: 'cgroup v1 only: no device programs here',
        remedy: 'read devices.list of the v1 controller',
      };
    case 'none':
    case null:
      return {
        name: 'cgroups',
        state: 'bad',
        text: 'no cgroup v2 hierarchy found',
        remedy: 'in a container, mount the host and give --host-root DIR',
      };
  }
}

function capabilityCheck(host: HostRecord): DoctorCheck | null {
  const text = missingCapabilities(host);
  if (text === null) return null;
  if (text === '') return good('capabilities', 'all capabilities that are needed');
  return {
    name: 'capabilities',
    state: 'bad',
    text,
    remedy: 'run as root on the host: sudo env "PATH=$PATH" devpolicy ...',
  };
}

function anyQueryWorked({ cgroups }: Snapshot): boolean {
  return cgroups.some(({ attached }) => !('failed' in attached));
}

function queryCheck({ cgroups }: Snapshot): DoctorCheck | null {
  // Without a hierarchy nothing was asked, and nothing works or fails.
  if (cgroups.length === 0) return null;
  const failures = cgroups.flatMap(({ attached, path }) => ('failed' in attached ? [{ path, ...attached }] : []));
  const [first] = failures;
  if (first === undefined) return good('query', `BPF_PROG_QUERY works (${counted(cgroups.length, 'cgroup')} kept)`);
  const all = failures.length === cgroups.length;
  return {
    name: 'query',
    state: 'bad',
    text: all
      ? `listing device programs fails: ${readFailureText(first)}`
      : `device programs of ${counted(failures.length, 'cgroup')} cannot be listed, ${first.path}: ${readFailureText(first)}`,
    remedy:
      first.code === 'EPERM' || first.code === 'EACCES'
        ? 'needs root in the initial user namespace; a seccomp filter, SELinux, or lockdown before Linux 5.4 may refuse too'
        : first.code === 'EINVAL'
          ? 'the kernel has no CONFIG_CGROUP_BPF, or is older than 4.15'
          : null,
  };
}

function hidingCheck({ bpfJitHarden, kptrRestrict }: HostRecord): DoctorCheck | null {
  if (bpfJitHarden === 2) {
    return {
      name: 'blinding',
      state: 'good',
      text: 'net.core.bpf_jit_harden=2: programs read back with blinded constants, which are decoded (needs CAP_SYSLOG)',
      remedy: null,
    };
  }
  if (kptrRestrict === 2) {
    return {
      name: 'symbols',
      state: 'poor',
      text: 'kernel.kptr_restrict=2: helpers are nameless, programs that call them are partly undecided',
      remedy: 'sysctl kernel.kptr_restrict=1 while reading',
    };
  }
  return null;
}

function nestingCheck({ host, nestedHosts }: Snapshot): DoctorCheck | null {
  if (nestedHosts.length > 0)
    return good('nesting', `hosts inside containers: ${nestedHosts.map(({ key }) => key).join(', ')}`);
  if (host.containerisedBy === null) return null;
  return {
    name: 'nesting',
    state: 'poor',
    text: `this is itself a container (${host.containerisedBy}): programs above it are seen only from the outer host`,
    remedy: 'run devpolicy on the outer host for the whole policy',
  };
}

function runtimesCheck({ host, containers }: Snapshot): DoctorCheck {
  const installed = Object.entries(host.runtimes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { version }]) => `${name} ${version}`);
  const systemd = host.systemd === null ? [] : [`systemd ${host.systemd.version}`];
  const running = containers.filter(({ state }) => state === 'running').length;
  const found = [...new Set([...installed, ...systemd])];
  return good(
    'runtimes',
    `${found.length === 0 ? 'no runtime found' : found.join(', ')}; ${counted(running, 'container')} running, ${String(containers.length - running)} not`,
  );
}

function clockCheck({ clockSynchronised }: HostRecord): DoctorCheck | null {
  if (clockSynchronised !== false) return null;
  return {
    name: 'clock',
    state: 'poor',
    text: 'the clock is not synchronised: ages are exact, wall times may be wrong',
    remedy: null,
  };
}

function programsCheck(snapshot: Snapshot, analyses: readonly SubjectAnalysis[]): DoctorCheck {
  const views = new Map(analyses.flatMap(({ programs }) => programs.map((view) => [view.id, view] as const)));
  const unreadable = [...views.values()].filter(({ problem }) => problem !== null);
  const undecided = [...views.values()].filter(({ alone }) => alone !== null && alone.undecided.length > 0);
  const [first] = unreadable;
  if (first !== undefined) {
    return {
      name: 'programs',
      state: 'bad',
      text: `${String(unreadable.length)} of ${counted(views.size, 'program')} cannot be read, program ${String(first.id)}: ${first.problem ?? ''}`,
      remedy: snapshot.host.bpfJitHarden === 2 ? 'CAP_SYSLOG is needed while net.core.bpf_jit_harden is 2' : null,
    };
  }
  if (undecided.length > 0) {
    const reasons = [...new Set(undecided.flatMap(({ alone }) => alone?.undecided.map(({ reason }) => reason) ?? []))]
      .sort()
      .join(', ');
    return {
      name: 'programs',
      state: 'poor',
      text: `partly undecided: ${String(undecided.length)} of ${counted(views.size, 'program')}: ${reasons}`,
      remedy: null,
    };
  }
  return good(
    'programs',
    views.size === 0
      ? 'no device programs on this host'
      : `${counted(views.size, 'program')}, all readable and decoded exactly`,
  );
}

function problemsCheck(snapshot: Snapshot): DoctorCheck | null {
  const problems = [...snapshot.problems, ...unreadSources(snapshot, snapshot.containers)];
  const [first] = problems;
  if (first === undefined) return null;
  return {
    name: 'files',
    state: 'bad',
    text: `${counted(problems.length, 'thing')} could not be read, ${first.subject}: ${first.message}`,
    remedy: null,
  };
}

const MARKS = { good: 'ok', poor: 'note', bad: 'FAILS' } as const;
const READY = {
  yes: 'ready: everything can be read and decided',
  partly: 'partly ready: what is marked FAILS will be reported as unknown',
  no: 'not ready',
} as const;

export function doctorText({ checks, ready }: DoctorReport, style: Style): string {
  const paint = { good: style.good, poor: style.warn, bad: style.bad };
  const lines = checks.flatMap(({ state, text, remedy }) => [
    `${paint[state](MARKS[state].padEnd(5))}  ${escapeText(text)}`,
    ...(remedy === null ? [] : [`       ${style.dim(`-> ${escapeText(remedy)}`)}`]),
  ]);
  return `${[...lines, READY[ready]].join('\n')}\n`;
}
