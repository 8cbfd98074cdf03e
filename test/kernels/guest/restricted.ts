/** A process of its own with some capabilities (capabilities.ts starts it): what the addon and the collector get. Prints one JSON object. */
import { loadBinding } from '../../../src/collect/binding.js';
import { collectSnapshot } from '../../../src/collect/index.js';
import { KernelError } from '../../../src/errors.js';

export interface Restricted {
  /** errno of single calls, 0 for success. */
  query: number;
  nextId: number;
  programFd: number;
  /** What the snapshot says of the cgroup and of its program. */
  attached: string;
  program: 'missing' | 'unreadable' | 'read';
  helpers: number;
}

function errnoOf(call: () => unknown): number {
  try {
    call();
    return 0;
  } catch (error) {
    if (error instanceof KernelError) return error.errno;
    throw error;
  }
}

async function main(directory: string, path: string, id: number): Promise<void> {
  const binding = loadBinding();
  const fd = binding.openDirectory(directory);
  const query = errnoOf(() => binding.queryPrograms(fd, true));
  const nextId = errnoOf(() => binding.nextProgramId(0));
  const programFd = errnoOf(() => {
    binding.close(binding.getProgramFd(id));
  });
  const snapshot = await collectSnapshot({ cgroups: [path], detail: 'brief' });
  const attached = snapshot.cgroups.find((each) => each.path === path)?.attached;
  const record = snapshot.programs.find((each) => each.id === id);
  const result: Restricted = {
    query,
    nextId,
    programFd,
    attached:
      attached === undefined ? 'missing' : 'failed' in attached ? String(attached.code) : attached.programIds.join(),
    program: record === undefined ? 'missing' : record.xlated === null ? 'unreadable' : 'read',
    helpers: Object.keys(record?.helpers ?? {}).length,
  };
  console.log(JSON.stringify(result));
}

const [, , directory = '', path = '', id = ''] = process.argv;
await main(directory, path, Number(id));
