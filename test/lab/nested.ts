/** A whole Debian inside a systemd lab, with a systemd and a dockerd of its own: as an LXC container, and as a machine of systemd-nspawn. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lxcStart } from './machines.js';
import type { CommandResult } from './namespace.js';
import { type SystemdLab, hostNode } from './systemd.js';

/** The checkout, and Node.js: what it needs of the host. */
const BOUND = ['/opt/devpolicy', '/opt/host-usr', '/opt/host-node', '/usr/share/nodejs'];
const INIT = '/lib/systemd/systemd --system --unit=basic.target';

export interface Guest {
  readonly name: string;
  /** Runs a command in the guest; a status other than 0 throws. Returns stdout. */
  execOk(argv: readonly string[]): Promise<string>;
  exec(argv: readonly string[]): Promise<CommandResult>;
}

/** The guest's root is made as the lab's was: Debian's, and what the lab has set in it. What the guest writes is kept apart. */
async function makeRoot(lab: SystemdLab, root: string): Promise<void> {
  const script = `
    mkdir -p /run/guest/upper /run/guest/work ${root}
    mount -t tmpfs tmpfs /run/guest
    mkdir /run/guest/upper /run/guest/work
    mount -t overlay overlay -o lowerdir=/opt/lab-root,upperdir=/run/guest/upper,workdir=/run/guest/work ${root}
    tar -C / -c etc usr/local $(cat /etc/ld.so.preload 2>/dev/null | sed 's,^/,,') | tar -C ${root} -x
    mkdir -p ${root}/usr/share/nodejs
    for unit in lxc.service incus.socket systemd-machined.service; do ln -sf /dev/null ${root}/etc/systemd/system/$unit; done
    : >${root}/etc/machine-id
    echo guest >${root}/etc/hostname
    tar -C /run/box -cf ${root}/box.tar .`;
  await lab.execOk(['sh', '-e', '-c', script]);
}

/** Debian's defaults of LXC and all character devices; /dev is LXC's own and has no /dev/char, as on the hosts that the land mine was found on. */
export async function startLxcGuest(lab: SystemdLab): Promise<Guest> {
  const name = 'guest';
  const directory = `/var/lib/lxc/${name}`;
  await makeRoot(lab, `${directory}/rootfs`);
  const settings = [
    `lxc.uts.name = ${name}`,
    `lxc.rootfs.path = dir:${directory}/rootfs`,
    'lxc.net.0.type = empty',
    'lxc.apparmor.profile = unconfined',
    'lxc.autodev = 1',
    'lxc.pty.max = 64',
    'lxc.mount.auto = proc:rw sys:rw cgroup:rw',
    ...BOUND.map((path) => `lxc.mount.entry = ${path} ${path.slice(1)} none rbind,create=dir 0 0`),
    `lxc.init.cmd = ${INIT}`,
    ...['deny = a', 'allow = c *:* rwm', 'allow = b *:* m'].map((line) => `lxc.cgroup2.devices.${line}`),
  ];
  mkdirSync(lab.namespace.path(directory), { recursive: true });
  writeFileSync(`${lab.namespace.path(directory)}/config`, `${settings.join('\n')}\n`);
  await lxcStart(lab, name);
  return await ready(guestBy(lab, name, ['lxc-attach', '-n', name, '--']));
}

export async function startNspawnGuest(lab: SystemdLab): Promise<Guest> {
  const name = 'guest';
  const root = `/var/lib/machines/${name}`;
  await makeRoot(lab, root);
  const script = `
    (setsid systemd-nspawn --quiet --directory=${root} --machine=${name} --register=yes --private-network --capability=all \\
      ${BOUND.map((path) => `--bind=${path}`).join(' ')} --system-call-filter='bpf add_key keyctl' --property='DeviceAllow=char-* rwm' --property='DeviceAllow=block-* m' ${INIT} >/tmp/guest.log 2>&1 </dev/null &)
    for attempt in $(seq 100); do
      [ -e /run/systemd/machines/${name} ] && exit 0
      sleep 0.1
    done
    cat /tmp/guest.log; exit 1`;
  await lab.execOk(['sh', '-e', '-c', script]);
  const leader = await lab.execOk(['sed', '-n', 's/^LEADER=//p', `/run/systemd/machines/${name}`]);
  return await ready(guestBy(lab, name, ['nsenter', '-t', leader.trim(), '-a', '--']));
}

function guestBy(lab: SystemdLab, name: string, enter: readonly string[]): Guest {
  return {
    name,
    exec: (argv) => lab.exec([...enter, ...argv]),
    execOk: (argv) => lab.execOk([...enter, ...argv]),
  };
}

/** Waits for the guest's systemd, then starts its dockerd with the image `box`. */
async function ready(guest: Guest): Promise<Guest> {
  for (let attempt = 0; ; attempt++) {
    const { stdout, stderr } = await guest.exec(['systemctl', 'is-system-running']);
    if (['running', 'degraded'].includes(stdout.trim())) break;
    if (attempt === 150) throw new Error(`systemd of the guest is not up: ${stdout}${stderr}`);
    await sleep(200);
  }
  await guest.execOk(['systemctl', 'start', 'docker.service']);
  await guest.execOk(['docker', 'import', '/box.tar', 'box']);
  return guest;
}

export async function dockerRunIn(guest: Guest, name: string, options: readonly string[]): Promise<void> {
  const fixed = ['docker', 'run', '-d', '--name', name, '--network', 'none'];
  await guest.execOk([...fixed, ...options, 'box', '/bin/sleep', '1000000']);
}

/** This checkout's command in the guest, by somebody whom the kernel refuses bpf(2). */
export function devpolicyWithoutBpf(guest: Guest, args: readonly string[]): Promise<CommandResult> {
  const gone = '-sys_admin,-net_admin';
  const less = ['setpriv', `--bounding-set=${gone}`, `--inh-caps=${gone}`];
  return guest.exec([...less, ...hostNode(), '/opt/devpolicy/dist/cli/main.js', ...args]);
}
