/** Domains of libvirt, a job of Slurm, instances of LXD, containers of a user's own podman, and plain runc whose list systemd cannot be told. */
import { Referee } from '../../test/kernel/referee.js';
import { type Suite, otherPackages } from '../../test/lab/debian-root.js';
import { DEVICE_LISTS } from '../../test/lab/device-lists.js';
import { makeMachineRoot, startIncus } from '../../test/lab/machines.js';
import { setOff } from '../../test/lab/mines.js';
import { JOB, OTHERS_NODES, startDomains, startSlurm } from '../../test/lab/others.js';
import { record } from '../../test/lab/record.js';
import { ANN, asAnn, startRootless } from '../../test/lab/rootless.js';
import { type Container, startContainer } from '../../test/lab/runc.js';
import { lxcContainer, plainContainer, unitTexts, versions } from '../../test/lab/subjects.js';
import { SystemdLab } from '../../test/lab/systemd.js';
import { folder } from './place.js';

type Subject = Awaited<ReturnType<typeof lxcContainer>>;
type Save = (subject: Subject, name: string) => Promise<void>;

export async function recordOthers(suite: Suite): Promise<void> {
  const referee = await Referee.start({ libbpf: false });
  const packages = otherPackages(suite);
  try {
    await inLab(await SystemdLab.start({ suite }), referee, recordRootless, recordDenylist);
    if (packages === null) return;
    const lab = await SystemdLab.start({ suite, packages, nodes: OTHERS_NODES });
    await inLab(lab, referee, recordDomains, recordSlurm, ...(packages.includes('lxd') ? [recordLxd] : []));
  } finally {
    await referee.stop();
  }
}

async function inLab(
  lab: SystemdLab,
  referee: Referee,
  ...recorders: ((lab: SystemdLab, save: Save) => Promise<void>)[]
): Promise<void> {
  const save: Save = async (subject, name) => {
    const directory = folder(subject.facts['emitter'], name);
    await record({ ...subject, referee, directory, facts: { ...subject.facts, case: name } });
    console.log(directory);
  };
  try {
    for (const each of recorders) await each(lab, save);
  } finally {
    await lab.stop();
  }
}

/** Nothing tells what was meant for them: recorded is what they enforce. */
async function notCompared(lab: SystemdLab, engine: string, cgroup: string, unit: string): Promise<Subject> {
  const installed = await versions(lab);
  const version = installed[engine === 'libvirt' ? 'libvirt-daemon' : 'slurmd'] ?? '';
  return {
    labCgroup: lab.namespace.cgroup,
    cgroup,
    texts: await unitTexts(lab, unit),
    facts: {
      suite: lab.suite,
      emitter: `${lab.suite}-${engine}-${version}`,
      intended: 'not recorded',
      versions: installed,
    },
  };
}

async function recordDomains(lab: SystemdLab, save: Save): Promise<void> {
  await startDomains(lab);
  const leader = await lab.execOk(['sed', '-n', 's/^LEADER=//p', '/run/systemd/machines/qemu-1-plain-vm']);
  const cgroup = await lab.cgroupOf(Number(leader));
  await save(await notCompared(lab, 'libvirt', cgroup, cgroup.split('/')[2] ?? ''), 'domain');
}

async function recordSlurm(lab: SystemdLab, save: Save): Promise<void> {
  await startSlurm(lab);
  const process = await lab.cgroupOf(Number(await lab.execOk(['pgrep', '-fx', 'sleep 1000000'])));
  const job = process.split('/').slice(0, JOB.split('/').length).join('/');
  await save(await notCompared(lab, 'slurm', job, 'lab_slurmstepd.scope'), 'job-with-one-gpu-of-two');
}

async function recordLxd(lab: SystemdLab, save: Save): Promise<void> {
  await makeMachineRoot(lab);
  await startIncus(lab, 'lxd');
  await save(await lxcContainer(lab, 'lxd', 'instance'), 'privileged-with-devices');
  await save(await lxcContainer(lab, 'lxd', 'open-user'), 'unprivileged');
}

async function recordRootless(lab: SystemdLab, save: Save): Promise<void> {
  await startRootless(lab);
  for (const runtime of ['crun', 'runc'] as const) {
    const inspected = (await asAnn(lab, ['podman', 'inspect', `with-${runtime}`])).stdout;
    const [{ Id: id, State }] = JSON.parse(inspected) as [{ Id: string; State: { Pid: number } }];
    const cgroup = await lab.cgroupOf(State.Pid);
    const stored = '/home/ann/.local/share/containers/storage/vfs-containers';
    const state = `/run/user/1000/${runtime}/${id}/${runtime === 'runc' ? 'state.json' : 'status'}`;
    const installed = await versions(lab);
    const files = {
      [runtime === 'runc' ? 'state.json' : 'crun-status.json']: lab.namespace.path(state),
      'config.json': lab.namespace.path(`${stored}/${id}/userdata/config.json`),
      'containers.json': lab.namespace.path(`${stored}/containers.json`),
    };
    const emitter = `${lab.suite}-podman-${installed['podman'] ?? ''}-${runtime}-${installed[runtime] ?? ''}`;
    const facts = {
      suite: lab.suite,
      emitter,
      container_id: id,
      engine: 'podman',
      versions: installed,
      state_paths: [state],
    };
    const unit = await unitTexts(lab, `libpod-${id}.scope`, [...ANN, 'systemctl', '--user']);
    const texts = { ...unit, 'podman-inspect.json': inspected };
    await save({ labCgroup: lab.namespace.cgroup, cgroup, files, texts, facts }, 'rootless');
  }
}

async function recordDenylist(lab: SystemdLab, save: Save): Promise<void> {
  if (lab.suite === 'bullseye') return; // does not start there, see test/lab/mine.test.ts
  const rules = DEVICE_LISTS['denylist'] ?? [];
  const container = await startContainer(lab.namespace, {
    ...{ runtime: 'runc', name: 'denylist', rules, systemdCgroup: true, cgroupsPath: 'system.slice:runc:denylist' },
  });
  await save(await inScope(lab, container, rules), 'mine-denylist-0-before');
  await setOff(lab);
  await save(await inScope(lab, container, rules), 'mine-denylist-1-after-daemon-reload');
}

async function inScope(lab: SystemdLab, container: Container, rules: unknown): Promise<Subject> {
  const subject = await plainContainer(lab.namespace, container, rules);
  const installed = await versions(lab);
  const emitter = `${lab.suite}-runc-${installed['runc'] ?? ''}`;
  return {
    ...subject,
    texts: await unitTexts(lab, 'runc-denylist.scope'),
    facts: { ...subject.facts, suite: lab.suite, emitter, cgroup_driver: 'systemd', versions: installed },
  };
}
