/** Machines that no OCI runtime starts: LXC, Incus and systemd-nspawn, each with the lab's busybox as its root. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Suite } from './debian-root.js';
import { makeRootFilesystem } from './runc.js';
import type { SystemdLab } from './systemd.js';

/** LXC 4.0.6 gives up where a controller cannot be enabled for its monitor, as in a lab whose hugetlb controller is busy. */
export function lxcRuns(suite: Suite): boolean {
  return suite !== 'bullseye';
}
/** Packaged since trixie; its predecessor LXD, which is read in the same way, in bookworm and trixie. */
export function incusRuns(suite: Suite): boolean {
  return suite === 'trixie' || suite === 'sid';
}

/** Device keys of LXC: an allow list with what a later line changes, a deny list, one that LXC takes for no list, and keys of cgroup v1 alone. */
const LXC_LISTS: Readonly<Record<string, string[]>> = {
  listed: [
    'deny = a',
    'allow = c 1:3 rwm',
    'allow = c 136:* rw',
    'allow = b 8:* r',
    'allow = /dev/fuse rw',
    'allow = c 10:200 rwm',
    'deny = c 10:200 rwm',
  ],
  all: ['allow = a', 'deny = b 8:* w', 'deny = c 10:* rwm'],
  'deny-lines': ['deny = b *:* rwm'],
  'deny-all-only': ['deny = a'],
  'v1-keys': ['lxc.cgroup.devices.deny = a', 'lxc.cgroup.devices.allow = c 1:3 rwm'],
};

/** Those of them that a suite's LXC starts: 7.0 gives up over a key of cgroup v1. */
export function lxcLists(suite: Suite): [name: string, devices: string[]][] {
  return Object.entries(LXC_LISTS).filter(([name]) => lxcRuns(suite) && (name !== 'v1-keys' || suite !== 'sid'));
}

/** Starts an LXC container whose device keys are those given ("deny = a", or a key in full). */
export async function startLxc(lab: SystemdLab, name: string, devices: readonly string[]): Promise<void> {
  const directory = `/var/lib/lxc/${name}`;
  const settings = [
    `lxc.uts.name = ${name}`,
    `lxc.rootfs.path = dir:${directory}/rootfs`,
    'lxc.net.0.type = empty',
    'lxc.apparmor.profile = unconfined',
    'lxc.init.cmd = /bin/sleep 1000000',
    ...devices.map((line) => (line.startsWith('lxc.') ? line : `lxc.cgroup2.devices.${line}`)),
  ];
  mkdirSync(lab.namespace.path(directory), { recursive: true });
  makeRootFilesystem(path.join(lab.namespace.path(directory), 'rootfs'));
  writeFileSync(path.join(lab.namespace.path(directory), 'config'), `${settings.join('\n')}\n`);
  await lxcStart(lab, name);
}

/** `lxc-start`; says what LXC logged if it fails. */
export async function lxcStart(lab: SystemdLab, name: string): Promise<void> {
  const log = `/tmp/lxc-${name}.log`;
  await lab.execOk(['lxc-start', '-n', name, '-o', log, '-l', 'INFO']).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${(await lab.exec(['tail', '-n', '40', log])).stdout}`);
  });
}

/** A shell that waits: systemd-nspawn and Incus want an init. */
const INIT = '#!/bin/sh\nwhile :; do sleep 1000; done\n';

/** A root filesystem for machines at /run/machine-root. */
export async function makeMachineRoot(lab: SystemdLab): Promise<void> {
  const root = lab.namespace.path('/run/machine-root');
  makeRootFilesystem(root);
  for (const name of ['sbin', 'usr/bin', 'run', 'root', 'var']) mkdirSync(path.join(root, name), { recursive: true });
  writeFileSync(path.join(root, 'sbin/init'), INIT, { mode: 0o755 });
  writeFileSync(path.join(root, 'etc/os-release'), 'ID=box\n');
  await Promise.resolve();
}

/** Starts systemd-nspawn by hand, as a scope of systemd-machined, and as the service that `machinectl start` uses. */
export async function startNspawn(lab: SystemdLab): Promise<void> {
  const script = `
    for name in by-hand service; do cp -a /run/machine-root /var/lib/machines/$name; done
    (setsid systemd-nspawn --quiet --directory=/var/lib/machines/by-hand --machine=by-hand --register=yes --private-network \\
      --bind=/dev/sda --bind-ro=/dev/nvidia0 /sbin/init >/tmp/nspawn.log 2>&1 </dev/null &)
    systemctl start systemd-nspawn@service.service
    for attempt in $(seq 100); do
      [ -e /run/systemd/machines/by-hand ] && exit 0
      sleep 0.1
    done
    cat /tmp/nspawn.log; exit 1`;
  await lab.execOk(['sh', '-e', '-c', script]);
}

/** Words in which Incus and LXD differ. */
const INCUS_WORDS = {
  incus: { client: 'incus', init: 'incus admin init --minimal' },
  lxd: { client: 'lxc', init: 'systemctl start lxd.socket; lxc storage create default dir' },
} as const;

/** Starts Incus or LXD with a privileged instance that has devices, one of them plugged in while it runs, and an unprivileged one. */
export async function startIncus(lab: SystemdLab, engine: 'incus' | 'lxd' = 'incus'): Promise<void> {
  const { client, init } = INCUS_WORDS[engine];
  const script = `
    mkdir /run/image; cp -a /run/machine-root /run/image/rootfs
    printf 'architecture: %s\\ncreation_date: 1700000000\\nproperties: {description: box}\\n' "$(uname -m)" >/run/image/metadata.yaml
    tar -C /run/image -cf /run/image.tar metadata.yaml rootfs
    ${init}
    ${client} image import /run/image.tar --alias box
    for name in instance open-user; do
      case $name in instance) options='-c security.privileged=true' ;; *) options= ;; esac
      ${client} init box $name --no-profiles --storage default $options
    done
    ${client} config device add instance gpu unix-char source=/dev/nvidia0
    ${client} config device add instance disk unix-block source=/dev/sda
    ${client} start instance
    ${client} start open-user
    ${client} config device add instance serial unix-char source=/dev/ttyUSB0`;
  await lab.execOk(['sh', '-e', '-c', `exec 2>&1; ${script}`], { timeout: 120_000 });
}
