/** Containers of docker and podman under systemd, and the land mine: the same container before and after systemd put its own list back. */
import { Referee } from '../../test/kernel/referee.js';
import type { Suite } from '../../test/lab/debian-root.js';
import { record } from '../../test/lab/record.js';
import { dockerContainer, podmanContainer } from '../../test/lab/subjects.js';
import { MINES, setOff } from '../../test/lab/mines.js';
import { SystemdLab } from '../../test/lab/systemd.js';
import { folder } from './place.js';

const DOCKER: Record<string, string[]> = {
  default: [],
  devices: ['--device', '/dev/fuse', '--device', '/dev/nvidia0:/dev/nvidia0:rw', '--device-cgroup-rule', 'b 8:* r'],
};

export async function recordEngines(suite: Suite): Promise<void> {
  const referee = await Referee.start({ libbpf: false });
  const lab = await SystemdLab.start({ suite });
  try {
    await lab.startDocker();
    for (const [name, options] of Object.entries({ ...DOCKER, privileged: lab.privileged })) {
      const id = await lab.dockerRun(name, options);
      await save(referee, await dockerContainer(lab, id), name, ['docker', 'run', '-d', '--name', name, ...options]);
    }
    await lab.preparePodman();
    for (const runtime of ['runc', 'crun'] as const) {
      const options = ['--device', '/dev/fuse'];
      const id = await lab.podmanRun(`box-${runtime}`, runtime, options);
      await save(referee, await podmanContainer(lab, id, runtime), 'device', [
        'podman',
        '--runtime',
        runtime,
        'run',
        ...options,
      ]);
    }
    for (const [name, options] of Object.entries(MINES)) {
      const id = await lab.dockerRun(`mine-${name}`, options);
      await save(referee, await dockerContainer(lab, id), `mine-${name}-0-before`, ['docker', 'run', ...options]);
      await setOff(lab);
      await save(referee, await dockerContainer(lab, id), `mine-${name}-1-after-daemon-reload`, [
        'systemctl',
        'daemon-reload',
      ]);
    }
  } finally {
    await lab.stop();
    await referee.stop();
  }
}

async function save(
  referee: Referee,
  subject: Awaited<ReturnType<typeof dockerContainer>>,
  name: string,
  command: readonly string[],
): Promise<void> {
  const directory = folder(subject.facts['emitter'], name);
  await record({ ...subject, referee, directory, facts: { ...subject.facts, case: name, command } });
  console.log(directory);
}
