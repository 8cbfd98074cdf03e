/** The levels of a cgroup as a snapshot has them: what is missing or could not be read is said, never taken for "no programs". */
import { describe, expect, it } from 'vitest';
import { cgroupLevels } from '../../src/effective/compose-levels.js';
import { emptySnapshot } from '../../src/collect/empty.js';
import type { CgroupRecord, Snapshot } from '../../src/snapshot/types.js';

type Attached = CgroupRecord['attached'];

function snapshotWith(levels: Record<string, Attached>): Snapshot {
  const cgroups = Object.entries(levels).map(([path, attached]) => ({ path, attached }) as CgroupRecord);
  return { ...emptySnapshot('little'), cgroups };
}
const query = (...programIds: number[]): Attached => ({
  programIds,
  attachFlags: 2,
  programAttachFlags: null,
  revision: 0,
});

describe('levels', () => {
  it('go from the cgroup to the root', () => {
    const snapshot = snapshotWith({ '/': query(1), '/a': query(), '/a/b': query(3, 2) });
    expect(cgroupLevels(snapshot, '/a/b')).toEqual([
      { cgroup: '/a/b', programIds: [3, 2], attachFlags: 2, failed: null },
      { cgroup: '/a', programIds: [], attachFlags: 2, failed: null },
      { cgroup: '/', programIds: [1], attachFlags: 2, failed: null },
    ]);
    expect(cgroupLevels(snapshot, '/')).toHaveLength(1);
    expect(cgroupLevels(snapshot, '').map(({ cgroup }) => cgroup)).toEqual(['/']);
  });

  it('that are not in the snapshot, or could not be read, say so', () => {
    const snapshot = snapshotWith({ '/': { failed: 'bpf(BPF_PROG_QUERY)', code: 'EPERM' } });
    expect(cgroupLevels(snapshot, '/gone')).toEqual([
      { cgroup: '/gone', programIds: [], attachFlags: 0, failed: 'not in the snapshot' },
      { cgroup: '/', programIds: [], attachFlags: 0, failed: 'bpf(BPF_PROG_QUERY)' },
    ]);
  });
});
