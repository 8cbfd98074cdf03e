/** What to record of a container, by who runs it: which files around it say what was meant. */
import path from 'node:path';
import type { RecordOptions } from './record.js';
import type { Container } from './runc.js';
import type { Namespace } from './namespace.js';
import type { SystemdLab } from './systemd.js';

type Subject = Pick<RecordOptions, 'labCgroup' | 'cgroup' | 'files' | 'texts'> & { facts: Record<string, unknown> };

/** The first line that says a version: "runc version 1.1.5+ds1", "crun version 1.8.1". */
async function runtimeVersion(exec: (argv: string[]) => Promise<string>, runtime: string): Promise<string> {
  return /version\s+(\S+)/.exec(await exec([runtime, '--version']))?.[1] ?? 'unknown';
}

/** A container of plain runc or crun in the host's own root. */
export async function plainContainer(lab: Namespace, container: Container, rules: unknown): Promise<Subject> {
  const { runtime, name } = container;
  const version = await runtimeVersion((argv) => lab.execOk(argv), runtime);
  const state =
    runtime === 'runc'
      ? { 'state.json': `/run/runc/${name}/state.json` }
      : { 'crun-status.json': `/run/crun/${name}/status` };
  return {
    labCgroup: lab.cgroup,
    cgroup: container.cgroup,
    files: onHost(lab, { ...state, 'config.json': path.join(container.bundle, 'config.json') }),
    facts: {
      emitter: `${runtime}-${version}`,
      container_id: name,
      cgroup_driver: 'cgroupfs',
      oci_runtime: `${runtime} ${version}`,
      versions: { [runtime]: version },
      ...(rules === undefined ? {} : { devices: rules }),
    },
  };
}

function onHost(lab: Namespace, files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, inside]) => [name, lab.path(inside)]));
}

const SHOWN = [
  'Slice',
  'ControlGroup',
  'Delegate',
  'DevicePolicy',
  'DeviceAllow',
  'BPFProgram',
  'PrivateDevices',
  'Id',
  'ActiveState',
  'FragmentPath',
  'DropInPaths',
  'NeedDaemonReload',
  'Transient',
];

/** What systemd has of a unit, and what there is to resolve its settings. `systemctl` is the command that speaks to the unit's manager. */
export async function unitTexts(
  lab: SystemdLab,
  unit: string,
  systemctl: readonly string[] = ['systemctl'],
): Promise<Record<string, string>> {
  const shown = await lab.exec([...systemctl, 'show', ...SHOWN.map((name) => `--property=${name}`), unit]);
  const cat = await lab.exec([...systemctl, 'cat', '--no-pager', unit]);
  const listing = await lab.execOk(['sh', '-c', 'ls -lR /dev']);
  const pins = await lab.execOk(['sh', '-c', 'ls -lR /sys/fs/bpf']);
  return {
    'systemctl-show.txt': shown.stdout,
    'systemctl-cat.txt': cat.stdout,
    'dev-listing.txt': listing,
    'bpffs-listing.txt': pins,
  };
}

/** A slice with settings of its own above a container. */
async function sliceTexts(lab: SystemdLab, slice: string): Promise<Record<string, string>> {
  const { stdout } = await lab.exec(['systemctl', 'show', ...SHOWN.map((name) => `--property=${name}`), slice]);
  return { 'slice-show.txt': stdout, 'unit.slice': await lab.execOk(['cat', `/run/systemd/system/${slice}`]) };
}

/** A service of system.slice, or of a user's manager that `user` becomes. */
export async function serviceUnit(
  lab: SystemdLab,
  unit: string,
  users?: { cgroup: string; user: string[] },
): Promise<Subject> {
  const installed = await versions(lab);
  return {
    labCgroup: lab.namespace.cgroup,
    cgroup: users?.cgroup ?? `/system.slice/${unit}`,
    texts: await unitTexts(lab, unit, users === undefined ? undefined : [...users.user, 'systemctl', '--user']),
    facts: {
      suite: lab.suite,
      emitter: `${lab.suite}-systemd-${installed['systemd'] ?? ''}`,
      versions: installed,
    },
  };
}

const VERSIONED: readonly string[] = [
  ...['systemd', 'runc', 'crun', 'docker.io', 'containerd', 'podman', 'conmon'],
  ...['lxc', 'incus', 'lxd', 'libvirt-daemon', 'slurmd'],
];

/** Debian's versions of what is installed. */
export async function versions(lab: SystemdLab): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of VERSIONED) {
    const { status, stdout } = await lab.exec(['dpkg-query', '-W', '-f', '${Version}', name]);
    if (status === 0 && stdout !== '') found[name] = stdout.trim();
  }
  return found;
}

export async function dockerContainer(lab: SystemdLab, id: string, slice = 'system.slice'): Promise<Subject> {
  const cgroup = `/${slice}/docker-${id}.scope`;
  const stored = `/var/lib/docker/containers/${id}`;
  const state = `/run/docker/runtime-runc/moby/${id}/state.json`;
  const bundle = `/run/containerd/io.containerd.runtime.v2.task/moby/${id}/config.json`;
  const installed = await versions(lab);
  return {
    labCgroup: lab.namespace.cgroup,
    cgroup,
    files: onHost(lab.namespace, {
      'state.json': state,
      'config.json': bundle,
      'config.v2.json': path.join(stored, 'config.v2.json'),
      'hostconfig.json': path.join(stored, 'hostconfig.json'),
    }),
    texts: {
      ...(await unitTexts(lab, path.basename(cgroup))),
      ...(slice === 'system.slice' ? {} : await sliceTexts(lab, slice)),
      'docker-inspect.json': await lab.execOk(['docker', 'inspect', id]),
    },
    facts: {
      suite: lab.suite,
      emitter: `${lab.suite}-docker-${installed['docker.io'] ?? ''}-runc-${installed['runc'] ?? ''}`,
      container_id: id,
      cgroup_driver: 'systemd',
      engine: `docker ${(await lab.execOk(['docker', 'version', '--format', '{{.Server.Version}}'])).trim()}`,
      oci_runtime: `runc ${await runtimeVersion((argv) => lab.execOk(argv), 'runc')}`,
      versions: installed,
      state_paths: [state],
      bundle: [bundle],
    },
  };
}

export async function podmanContainer(lab: SystemdLab, id: string, runtime: 'runc' | 'crun'): Promise<Subject> {
  const inspected = await lab.execOk(['podman', 'inspect', id]);
  const { State } = (JSON.parse(inspected) as { State: { Pid: number } }[])[0] ?? { State: { Pid: 0 } };
  const cgroup = await lab.cgroupOf(State.Pid);
  const userdata = `/var/lib/containers/storage/vfs-containers/${id}/userdata/config.json`;
  const state =
    runtime === 'runc'
      ? { 'state.json': `/run/runc/${id}/state.json` }
      : { 'crun-status.json': `/run/crun/${id}/status` };
  const unit = cgroup.split('/').find((name) => name.endsWith('.scope')) ?? '';
  const installed = await versions(lab);
  return {
    labCgroup: lab.namespace.cgroup,
    cgroup,
    files: onHost(lab.namespace, {
      ...state,
      'config.json': userdata,
      'containers.json': '/var/lib/containers/storage/vfs-containers/containers.json',
    }),
    texts: { ...(await unitTexts(lab, unit)), 'podman-inspect.json': inspected },
    facts: {
      suite: lab.suite,
      emitter: `${lab.suite}-podman-${installed['podman'] ?? ''}-${runtime}-${installed[runtime] ?? ''}`,
      container_id: id,
      cgroup_driver: 'systemd',
      engine: `podman ${/version\s+(\S+)/.exec(await lab.execOk(['podman', '--version']))?.[1] ?? ''}`,
      oci_runtime: `${runtime} ${await runtimeVersion((argv) => lab.execOk(argv), runtime)}`,
      versions: installed,
      bundle: [userdata],
    },
  };
}

/** A container of containerd, of ctr or of a pod. */
export async function containerdContainer(lab: SystemdLab, namespace: string, id: string): Promise<Subject> {
  const installed = await versions(lab);
  const state = `/run/containerd/runc/${namespace}/${id}/state.json`;
  const bundle = `/run/containerd/io.containerd.runtime.v2.task/${namespace}/${id}`;
  const pid = (await lab.execOk(['cat', `${bundle}/init.pid`])).trim();
  const cgroup = await lab.cgroupOf(Number(pid));
  const unit = path.basename(cgroup);
  return {
    labCgroup: lab.namespace.cgroup,
    cgroup,
    files: onHost(lab.namespace, { 'state.json': state, 'config.json': `${bundle}/config.json` }),
    texts: {
      ...(unit.endsWith('.scope') ? await unitTexts(lab, unit) : {}),
      'ctr-info.json': await lab.execOk(['ctr', '-n', namespace, 'containers', 'info', id]),
    },
    facts: {
      suite: lab.suite,
      emitter: `${lab.suite}-containerd-${installed['containerd'] ?? ''}-runc-${installed['runc'] ?? ''}`,
      container_id: id,
      cgroup_driver: unit.endsWith('.scope') ? 'systemd' : 'cgroupfs',
      engine: `containerd ${installed['containerd'] ?? ''}`,
      oci_runtime: `runc ${await runtimeVersion((argv) => lab.execOk(argv), 'runc')}`,
      versions: installed,
      state_paths: [state],
      bundle: [`${bundle}/config.json`],
    },
  };
}

/** An LXC container, or an instance of Incus or LXD. */
export async function lxcContainer(lab: SystemdLab, engine: 'lxc' | 'incus' | 'lxd', name: string): Promise<Subject> {
  const installed = await versions(lab);
  const files: Record<string, string> =
    engine === 'lxc'
      ? { config: `/var/lib/lxc/${name}/config` }
      : {
          'lxc.conf': (
            await lab.execOk([
              'sh',
              '-c',
              `ls -d /run/${engine}/${name}/lxc.conf /var/log/${engine}/${name}/lxc.conf 2>/dev/null | head -1`,
            ])
          ).trim(),
        };
  return {
    labCgroup: lab.namespace.cgroup,
    cgroup: `/lxc.payload.${name}`,
    files: onHost(lab.namespace, files),
    texts: {
      'dev-listing.txt': await lab.execOk(['sh', '-c', 'ls -lR /dev']),
      ...(engine !== 'lxc'
        ? {
            'devices-dir.txt': await lab.execOk(['ls', '-lR', `/var/lib/${engine}/devices/${name}`]),
            'incus-config.yaml': await lab.execOk(['cat', `/var/lib/${engine}/containers/${name}/backup.yaml`]),
          }
        : {}),
    },
    facts: {
      suite: lab.suite,
      emitter: `${lab.suite}-${engine}-${installed[engine] ?? ''}`,
      container_id: name,
      engine,
      versions: installed,
    },
  };
}

/** A machine of systemd-nspawn, by its name. */
export async function nspawnMachine(lab: SystemdLab, machine: string): Promise<Subject> {
  const installed = await versions(lab);
  const leader = await lab.execOk(['sed', '-n', 's/^LEADER=//p', `/run/systemd/machines/${machine}`]);
  const cgroup = await lab.cgroupOf(Number(leader));
  const unit = cgroup.split('/').findLast((part) => /\.(scope|service)$/.test(part)) ?? '';
  return {
    labCgroup: lab.namespace.cgroup,
    cgroup,
    texts: await unitTexts(lab, unit),
    facts: {
      suite: lab.suite,
      emitter: `${lab.suite}-systemd-${installed['systemd'] ?? ''}`,
      container_id: machine,
      engine: 'nspawn',
      versions: installed,
    },
  };
}
