/** The embedded recording of `npm run try`: the snapshots that its commands read, and the kernel's verdicts at the same moments. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DeviceRequest } from '../../src/policy/types.js';
import { formatAccess } from '../../src/policy/rule-text.js';
import { projectRoot } from '../../test/kernel/loader-process.js';
import { Referee } from '../../test/kernel/referee.js';
import { Namespace } from '../../test/lab/namespace.js';
import { startContainer } from '../../test/lab/runc.js';
import { Random } from '../../test/property/random.js';
import { biasedRequests } from '../../test/property/requests.js';
import { CONTAINERS, NARROWER_PROGRAM, RECORDED } from '../try/show.js';

const REQUESTS = 400;

export async function recordTry(): Promise<void> {
  rmSync(RECORDED, { recursive: true, force: true });
  mkdirSync(RECORDED, { recursive: true });
  const referee = await Referee.start({ libbpf: false });
  const lab = await Namespace.start();
  try {
    for (const options of CONTAINERS) await startContainer(lab, options);
    await recordMoment(lab, referee, 'before');
    const program = await referee.load(NARROWER_PROGRAM, { name: 'sd_devices' });
    await referee.attach(await referee.openCgroup(lab.cgroupPath('/web')), program);
    await recordMoment(lab, referee, 'after');
  } finally {
    await lab.stop();
    await referee.stop();
  }
}

async function recordMoment(lab: Namespace, referee: Referee, moment: string): Promise<void> {
  const snapshot = await lab.execOk([process.execPath, path.join(projectRoot, 'dist/cli/main.js'), 'snapshot']);
  writeFileSync(path.join(RECORDED, `${moment}.json`), snapshot);
  for (const { name } of CONTAINERS) {
    const cgroup = lab.cgroupPath(`/${name}`);
    const requests: DeviceRequest[] = biasedRequests([await programBytes(referee, cgroup)], REQUESTS, new Random(1));
    const verdicts = await referee.verdictsBelow(cgroup, requests);
    const lines = requests.map(({ type, major, minor, access }, index) =>
      [type, major, minor, formatAccess(access), verdicts[index]].join('\t'),
    );
    writeFileSync(
      path.join(RECORDED, `${moment}-${name}.tsv`),
      `# type major minor access, and what the kernel answered\n${lines.join('\n')}\n`,
    );
  }
  console.log(path.join(RECORDED, `${moment}.json`));
}

/** All programs that apply, one after another: only their constants matter here. */
async function programBytes(referee: Referee, path: string): Promise<Uint8Array> {
  const cgroup = await referee.openCgroup(path);
  const parts: Uint8Array[] = [];
  for (const id of (await referee.query(cgroup, true)).programIds)
    parts.push((await referee.info(await referee.programById(id))).xlated);
  await referee.close(cgroup);
  return Buffer.concat(parts);
}
