/**
 * Records real containers of this machine's kernel into test/fixtures/recorded, for tests that need neither root nor a runtime.
 *   npm run record -- plain             runc and crun of this host
 *   npm run record -- engines [SUITE]   docker and podman of a Debian suite (default bookworm), the land mine before and after it went off
 *   npm run record -- machines [SUITE]  containerd with ctr and pods, LXC, Incus, systemd-nspawn
 *   npm run record -- causes [SUITE]    states whose cause verify must name, made for real: leaks, hooks, pins that are gone
 *   npm run record -- others [SUITE]    libvirt, Slurm, LXD, podman of a user, plain runc under systemd
 *   npm run record -- try               the two snapshots that `npm run try` shows where it cannot run
 * Names of the folders: EMITTER/CASE. What is there under that name is replaced.
 */
import { recordCauses } from './record/causes.js';
import { recordEngines } from './record/engines.js';
import { recordMachines } from './record/machines.js';
import { recordOthers } from './record/others.js';
import { recordPlain } from './record/plain.js';
import { recordTry } from './record/try.js';
import { SUITES } from '../test/lab/debian-root.js';

export async function main(words: readonly string[]): Promise<number> {
  const [what, name = 'bookworm'] = words;
  if (what === 'plain') await recordPlain();
  else if (what === 'try') await recordTry();
  else if (what === 'engines' || what === 'machines' || what === 'causes' || what === 'others') {
    const suite = SUITES.find((known) => known === name);
    if (suite === undefined) throw new Error(`unknown suite ${name}`);
    await { engines: recordEngines, machines: recordMachines, causes: recordCauses, others: recordOthers }[what](suite);
  } else {
    console.error(
      'usage: npm run record -- plain | engines [SUITE] | machines [SUITE] | causes [SUITE] | others [SUITE] | try',
    );
    return 2;
  }
  return 0;
}
