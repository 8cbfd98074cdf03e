/** Podman of a user: a systemd of the user's own, subordinate ids, no privilege on the host. */
import type { CommandResult } from './namespace.js';
import type { SystemdLab } from './systemd.js';

/** Containers by name, with the words of podman that start them. */
export const ROOTLESS: Readonly<Record<string, string[]>> = {
  'with-crun': ['--runtime', '/usr/bin/crun', '--cgroup-manager', 'systemd'],
  'with-runc': ['--runtime', '/usr/sbin/runc', '--cgroup-manager', 'systemd'],
  'without-systemd': ['--runtime', '/usr/bin/crun', '--cgroup-manager', 'cgroupfs'],
};

/** Makes the user ann, starts her systemd and her containers. The lab's box is their image. */
export async function startRootless(lab: SystemdLab): Promise<void> {
  await lab.preparePodman();
  // logind, which tells a user's systemd where its files are, is masked in the lab.
  const prepare = `
    mkdir -p /etc/systemd/system/user@.service.d
    printf '[Service]\\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\\n' >/etc/systemd/system/user@.service.d/lab.conf
    systemctl daemon-reload
    useradd --create-home --uid 1000 ann
    grep -q ann /etc/subuid || { echo ann:100000:65536 >>/etc/subuid; echo ann:100000:65536 >>/etc/subgid; }
    install -d -o ann -g ann -m 700 /run/user/1000
    install -d -o ann -g ann /home/ann/.config /home/ann/.config/containers
    printf '[storage]\\ndriver = "vfs"\\nrunroot = "/run/user/1000/containers"\\ngraphroot = "/home/ann/.local/share/containers/storage"\\n' \\
      >/home/ann/.config/containers/storage.conf
    tar -C /run/box -cf /run/box-of-ann.tar .
    systemctl start user@1000.service`;
  await lab.execOk(['sh', '-e', '-c', prepare]);
  await asAnn(lab, ['podman', 'import', '/run/box-of-ann.tar', 'localhost/box:1']);
  for (const [name, words] of Object.entries(ROOTLESS)) {
    const run = ['run', '-d', '--name', name, '--network', 'none', '--pids-limit', '0', '--device', '/dev/fuse'];
    await asAnn(lab, ['podman', ...words, ...run, 'localhost/box:1', '/bin/sleep', '1000000']);
  }
}

/** Words before a command that becomes ann and finds her systemd. */
export const ANN: readonly string[] = [
  ...['setpriv', '--reuid=1000', '--regid=1000', '--init-groups'],
  ...['env', 'HOME=/home/ann', 'USER=ann', 'XDG_RUNTIME_DIR=/run/user/1000'],
  'DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus',
];

/** In a unit of her own systemd, as from a login: a user's podman may then make cgroups. What it leaves running (conmon) stays when the unit ends. */
export async function asAnn(lab: SystemdLab, argv: readonly string[]): Promise<CommandResult> {
  const unit = [
    'systemd-run',
    '--user',
    '--quiet',
    '--wait',
    '--pipe',
    '--working-directory=/home/ann',
    '-p',
    'KillMode=process',
  ];
  const result = await lab.exec([...ANN, ...unit, ...argv]);
  if (result.status !== 0) throw new Error(`${argv.join(' ')}: ${result.stdout}${result.stderr}`);
  return result;
}
