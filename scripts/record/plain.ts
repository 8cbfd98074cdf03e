/** Containers of plain runc and crun: the lists that make different programs. */
import { Referee } from '../../test/kernel/referee.js';
import { Namespace } from '../../test/lab/namespace.js';
import { record } from '../../test/lab/record.js';
import { startContainer, stopContainer } from '../../test/lab/runc.js';
import { plainContainer } from '../../test/lab/subjects.js';
import { DEVICE_LISTS } from '../../test/lab/device-lists.js';
import { folder } from './place.js';

export async function recordPlain(): Promise<void> {
  const referee = await Referee.start({ libbpf: false });
  const lab = await Namespace.start();
  try {
    for (const runtime of ['runc', 'crun'] as const) {
      for (const [name, rules] of Object.entries(DEVICE_LISTS)) {
        const container = await startContainer(lab, { runtime, name, ...(rules ? { rules } : {}) });
        const subject = await plainContainer(lab, container, rules);
        const directory = folder(subject.facts['emitter'], name);
        await record({ ...subject, referee, directory, facts: { ...subject.facts, case: name } });
        console.log(directory);
        await stopContainer(lab, container);
      }
    }
  } finally {
    await lab.stop();
    await referee.stop();
  }
}
