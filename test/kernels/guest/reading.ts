/** What devpolicy itself reads of a scratch cgroup, through its addon and collector, ready to be judged. */
import { collectSnapshot } from '../../../src/collect/index.js';
import type { Program, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { type LoadedProgram, ProgramLoader } from '../../../src/effective/compose-programs.js';
import { type Level, cgroupLevels } from '../../../src/effective/compose-levels.js';
import type { Snapshot } from '../../../src/snapshot/types.js';
import { type Cgroup, type Referee } from '../../kernel/referee.js';

/** Path of a cgroup as snapshots have it: below the mount. */
export function pathOf(referee: Referee, cgroup: Cgroup): string {
  return cgroup.path.slice(referee.mount.length);
}

export interface Read {
  snapshot: Snapshot;
  /** The run array, in order. */
  entries: LoadedProgram[];
  /** The cgroup itself first, the root last. */
  levels: Level[];
}

/** One cgroup as `devpolicy` sees it. Throws if it is not in the snapshot. */
export async function read(referee: Referee, cgroup: Cgroup): Promise<Read> {
  const path = pathOf(referee, cgroup);
  const snapshot = await collectSnapshot({ cgroups: [path], detail: 'brief' });
  const record = snapshot.cgroups.find((each) => each.path === path);
  if (record === undefined || 'failed' in record.effective)
    throw new Error(`${path} was not read: ${JSON.stringify(record)}`);
  const loader = new ProgramLoader(snapshot);
  return {
    snapshot,
    entries: record.effective.programIds.map((id) => loader.get(id)),
    levels: cgroupLevels(snapshot, path),
  };
}

/** The only program of a run array. */
export function only(entries: readonly LoadedProgram[]): { program: Program; environment: ProgramEnvironment } {
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined) throw new Error(`${String(entries.length)} programs, not one`);
  if (entry.kind === 'unreadable') throw new Error(`program ${String(entry.id)} cannot be read: ${entry.reason}`);
  return entry;
}
