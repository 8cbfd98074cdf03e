import type { CgroupRecord, Snapshot } from './types.js';

/** Made once for each list: a host with a thousand containers is asked for some cgroup thousands of times. */
const indexes = new WeakMap<readonly CgroupRecord[], { length: number; byPath: Map<string, CgroupRecord> }>();

/** The record of a cgroup, if the snapshot has it. A list that has grown or shrunk since is read anew. */
export function cgroupAt({ cgroups }: Pick<Snapshot, 'cgroups'>, path: string): CgroupRecord | undefined {
  let index = indexes.get(cgroups);
  if (index?.length !== cgroups.length) {
    index = { length: cgroups.length, byPath: new Map(cgroups.map((record) => [record.path, record])) };
    indexes.set(cgroups, index);
  }
  return index.byPath.get(path);
}
