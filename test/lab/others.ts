/** Who else attaches device programs: libvirt for its domains, Slurm for its jobs. Nothing records what they meant; what they enforce must be read exactly. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { unifiedShim } from './capabilities.js';
import type { LabNode, SystemdLab } from './systemd.js';
import { LAB_NODES } from './systemd.js';

/** A second GPU beside the lab's one: a job gets one of them. */
export const OTHERS_NODES: readonly LabNode[] = [
  ...LAB_NODES,
  { path: '/dev/nvidia1', type: 'c', major: 195, minor: 1 },
];

/** Domains: the name of one of them libvirt has to change for systemd-machined. */
export const DOMAINS: readonly string[] = ['plain-vm', 'web_1'];

/** Starts virtual machines of qemu's own interpreter, without KVM; paused, so that they cost nothing. */
export async function startDomains(lab: SystemdLab): Promise<void> {
  await lab.execOk([
    'sh',
    '-e',
    '-c',
    'systemctl start dbus.service systemd-machined.service; systemctl start libvirtd.service || systemctl start virtqemud.service',
  ]);
  for (const name of DOMAINS) {
    const definition = `<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
      <os><type arch='x86_64'>hvm</type></os>
      <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/>
        <memballoon model='none'/><video><model type='none'/></video></devices></domain>`;
    writeFileSync(lab.namespace.path('/run/domain.xml'), definition);
    await lab.execOk(['virsh', '-c', 'qemu:///system', 'create', '--paused', '/run/domain.xml']);
  }
}

/** Above the cgroup of each job: "job_1", and in Slurm of sid a name made up for it. */
export const JOB = '/system.slice/lab_slurmstepd.scope/';

const SLURM_CONF = `ClusterName=lab
SlurmctldHost=lab
SlurmUser=slurm
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
GresTypes=gpu
SelectType=select/cons_tres
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldLogFile=/var/spool/slurmctld/log
SlurmdLogFile=/var/log/slurmd.log
MpiDefault=none
NodeName=lab CPUs=1 Gres=gpu:2 State=UNKNOWN
PartitionName=all Nodes=lab Default=YES State=UP
`;

/** Starts Slurm's controller and its daemon on one node with two GPUs, and a job that asks for one. Returns when the job's process runs. */
export async function startSlurm(lab: SystemdLab): Promise<void> {
  const shim = unifiedShim();
  // A host with no address but 127.0.0.1 resolves no name to an address it would use (AI_ADDRCONFIG, getaddrinfo(3)).
  const prepare = `
    ip link set lo up; ip addr add 10.1.1.1/24 dev lo; hostname lab; echo '10.1.1.1 lab' >>/etc/hosts
    mkdir -p /etc/slurm /etc/munge /var/spool/slurmctld /var/spool/slurmd /etc/systemd/system/slurmd.service.d; chown slurm /var/spool/slurmctld
    head -c 1024 /dev/urandom >/etc/munge/munge.key; chown munge:munge /etc/munge/munge.key; chmod 400 /etc/munge/munge.key`;
  await lab.execOk(['sh', '-e', '-c', prepare]);
  const files: Record<string, string> = {
    '/etc/slurm/slurm.conf': SLURM_CONF,
    '/etc/slurm/gres.conf': 'NodeName=lab Name=gpu File=/dev/nvidia[0-1]\n',
    '/etc/slurm/cgroup.conf': 'CgroupPlugin=cgroup/v2\nConstrainDevices=yes\nConstrainCores=no\nConstrainRAMSpace=no\n',
  };
  if (shim !== undefined) {
    copyFileSync(shim, lab.namespace.path('/usr/lib/unified-shim.so'));
    files['/etc/systemd/system/slurmd.service.d/lab.conf'] =
      '[Service]\nEnvironment=LD_PRELOAD=/usr/lib/unified-shim.so\n';
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(lab.namespace.path(name), text);
  const start = `
    systemctl daemon-reload
    systemctl start munge.service slurmctld.service slurmd.service
    sbatch --gres=gpu:1 --output=/dev/null --wrap 'exec sleep 1000000'`;
  await lab.execOk(['sh', '-e', '-c', start], { timeout: 60_000 });
  for (let attempt = 0; attempt < 300; attempt++) {
    const { stdout } = await lab.exec(['pgrep', '-fx', 'sleep 1000000']);
    if (stdout !== '') return;
    await sleep(100);
  }
  throw new Error(`the job does not run:\n${(await lab.exec(['tail', '-n', '30', '/var/log/slurmd.log'])).stdout}`);
}
