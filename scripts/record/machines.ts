/** Containers of containerd (ctr and pods), LXC, Incus and systemd-nspawn of a Debian suite. */
import { Referee } from '../../test/kernel/referee.js';
import { setUpContainerd, startPods, startTasks } from '../../test/lab/containerd.js';
import type { Suite } from '../../test/lab/debian-root.js';
import { incusRuns, lxcLists, makeMachineRoot, startIncus, startLxc, startNspawn } from '../../test/lab/machines.js';
import { record } from '../../test/lab/record.js';
import { containerdContainer, lxcContainer, nspawnMachine } from '../../test/lab/subjects.js';
import { SystemdLab } from '../../test/lab/systemd.js';
import { folder } from './place.js';

type Subject = Awaited<ReturnType<typeof lxcContainer>>;

export async function recordMachines(suite: Suite): Promise<void> {
  const referee = await Referee.start({ libbpf: false });
  const lab = await SystemdLab.start({ suite });
  const save = async (subject: Subject, name: string): Promise<void> => {
    const directory = folder(subject.facts['emitter'], name);
    await record({ ...subject, referee, directory, facts: { ...subject.facts, case: name } });
    console.log(directory);
  };
  try {
    await setUpContainerd(lab);
    await startTasks(lab);
    await save(await containerdContainer(lab, 'default', 'one'), 'ctr-devices');
    await save(await containerdContainer(lab, 'batch', 'open'), 'ctr-privileged');
    await save(await containerdContainer(lab, 'batch', 'scoped'), 'ctr-systemd-cgroup');
    const pods = await startPods(lab);
    for (const [name, id] of Object.entries(pods))
      await save(await containerdContainer(lab, 'k8s.io', id), `pod-${name}`);
    await makeMachineRoot(lab);
    await startNspawn(lab);
    await save(await nspawnMachine(lab, 'by-hand'), 'nspawn-by-hand');
    await save(await nspawnMachine(lab, 'service'), 'nspawn-service');
    for (const [name, devices] of lxcLists(suite)) {
      await startLxc(lab, name, devices);
      await save(await lxcContainer(lab, 'lxc', name), name);
    }
    if (incusRuns(suite)) {
      await startIncus(lab);
      await save(await lxcContainer(lab, 'incus', 'instance'), 'privileged-with-devices');
      await save(await lxcContainer(lab, 'incus', 'open-user'), 'unprivileged');
    }
  } finally {
    await lab.stop();
    await referee.stop();
  }
}
