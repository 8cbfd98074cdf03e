// Scenarios of the addon that need a process of their own: `node child.mjs ADDON SCENARIO [ARGUMENT...]`. The answer is JSON on stdout.
import { createRequire } from 'node:module';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

const [addonPath, scenario, ...given] = isMainThread ? process.argv.slice(2) : workerData;
const addon = createRequire(import.meta.url)(addonPath);

function outcome(call) {
  try {
    return { result: call() };
  } catch (error) {
    return { errno: error.errno, code: error.code, syscall: error.syscall };
  }
}
const answer = (value) => process.stdout.write(JSON.stringify(value));

/** Every function that asks the kernel, each with its outcome. */
function everyCall(mount, programId) {
  const cgroup = addon.openDirectory(mount);
  const outcomes = {
    queryAttached: outcome(() => addon.queryPrograms(cgroup, false)),
    queryEffective: outcome(() => addon.queryPrograms(cgroup, true)),
    getProgramFd: outcome(() => addon.getProgramFd(Number(programId))),
    getMapFd: outcome(() => addon.getMapFd(1)),
    getLinkFd: outcome(() => addon.getLinkFd(1)),
    nextProgramId: outcome(() => addon.nextProgramId(0)),
    nextLinkId: outcome(() => addon.nextLinkId(0)),
  };
  addon.close(cgroup);
  return outcomes;
}

const scenarios = {
  'every-call': ([mount, programId]) => answer(everyCall(mount, programId)),

  /** Information about the program behind descriptor 3, inherited from the parent. */
  'inherited-info': () => answer(outcome(() => describe(addon.programInfo(3)))),

  'info-by-id': ([programId]) => {
    const fd = addon.getProgramFd(Number(programId));
    answer(outcome(() => describe(addon.programInfo(fd))));
  },

  scan: async ([root]) => {
    const scan = await addon.scan(root);
    answer({ paths: scan.cgroups.map((row) => [row.path, row.attached, row.children]), truncated: scan.truncated });
  },

  /** The process ends while a scan is running on the thread pool. */
  'exit-in-scan': ([root]) => {
    for (let i = 0; i < 8; i += 1) addon.scan(root).then(() => process.stdout.write('never awaited'));
    process.exit(7);
  },

  /** Worker threads load the addon, scan, and are terminated at some moment of it. */
  'terminate-in-scan': async ([root, rounds]) => {
    for (let round = 0; round < Number(rounds); round += 1) {
      const workers = Array.from(
        { length: 4 },
        () =>
          new Worker(fileURLToPath(import.meta.url), {
            workerData: [addonPath, 'scan-forever', root],
          }),
      );
      await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
      await new Promise((resolve) => setTimeout(resolve, round % 7));
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
    answer('ended');
  },
  'scan-forever': async ([root]) => {
    const { parentPort } = await import('node:worker_threads');
    parentPort.postMessage('started');
    for (;;) await Promise.all([addon.scan(root), addon.scan(root)]);
  },

  /** Everything once or more, for a run under a preloaded library that checks every buffer given to the kernel. */
  exercise: async ([root, mapId]) => {
    const scan = await addon.scan(root);
    const cgroup = addon.openDirectory(root);
    for (const effective of [false, true]) addon.queryPrograms(cgroup, effective);
    addon.close(cgroup);
    for (const { id, xlatedLength } of scan.programs) {
      const fd = addon.getProgramFd(id);
      if (addon.programInfo(fd).xlatedLength !== xlatedLength) throw new Error(`program ${id} differs`);
      addon.close(fd);
    }
    const map = addon.getMapFd(Number(mapId));
    addon.mapInfo(map);
    let keys = 0;
    for (let key = addon.mapNextKey(map, null); key !== null; key = addon.mapNextKey(map, key)) {
      addon.mapLookup(map, key);
      keys += 1;
    }
    addon.close(map);
    for (let id = addon.nextLinkId(0); id !== null; id = addon.nextLinkId(id)) {
      const fd = addon.getLinkFd(id);
      addon.linkInfo(fd);
      addon.close(fd);
    }
    outcome(() => addon.queryPrograms(0, false));
    outcome(() => addon.programInfo(0));
    answer({ programs: scan.programs.length, cgroups: scan.cgroups.length, keys });
  },
};

function describe(info) {
  return { xlatedLength: info.xlatedLength, readable: info.xlated !== null, mapIds: info.mapIds, name: info.name };
}

await scenarios[scenario](given);
