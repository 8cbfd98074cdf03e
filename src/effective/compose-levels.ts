import { cgroupAt } from '../snapshot/lookup.js';
import type { Snapshot } from '../snapshot/types.js';

const BPF_F_ALLOW_MULTI = 2;

/** One cgroup on the way from a leaf to the root, and what is attached to exactly it. */
export interface Level {
  readonly cgroup: string;
  /** In list order; duplicates are legal. */
  readonly programIds: readonly number[];
  /** 0 none, 1 override, 2 multi. */
  readonly attachFlags: number;
  /** Why the level could not be read; its programs are then unknown. */
  readonly failed: string | null;
}

/** The levels of a cgroup as the snapshot has them, the cgroup itself first, the root last. */
export function cgroupLevels(snapshot: Snapshot, path: string): Level[] {
  return ancestors(path).map((cgroup) => {
    const attached = cgroupAt(snapshot, cgroup)?.attached;
    if (attached === undefined) return { cgroup, programIds: [], attachFlags: 0, failed: 'not in the snapshot' };
    if ('failed' in attached) return { cgroup, programIds: [], attachFlags: 0, failed: attached.failed };
    return { cgroup, programIds: attached.programIds, attachFlags: attached.attachFlags, failed: null };
  });
}

function ancestors(path: string): string[] {
  const found = [path === '' ? '/' : path];
  for (let at = found[0]!; at !== '/';) {
    at = at.slice(0, Math.max(1, at.lastIndexOf('/')));
    found.push(at);
  }
  return found;
}

/**
 * Which levels apply to a task in the first one (kernel/bpf/cgroup.c, compute_effective_progs): the nearest level that has programs,
 * whatever its flags, and every level above it that allows several.
 */
function applyingLevels(levels: readonly Level[]): Level[] {
  const applying: Level[] = [];
  for (const level of levels) {
    if (level.programIds.length === 0) continue;
    if (applying.length === 0 || (level.attachFlags & BPF_F_ALLOW_MULTI) !== 0) applying.push(level);
  }
  return applying;
}

/** The run array that follows from the levels (leaf first), if no program was attached with BPF_F_PREORDER: levels do not tell. */
export function expectedEffective(levels: readonly Level[]): number[] {
  return applyingLevels(levels).flatMap(({ programIds }) => programIds);
}

export interface Attribution {
  /** The run array with the cgroup each program is attached to; null where that cannot be told. */
  readonly entries: readonly { readonly programId: number; readonly cgroup: string | null }[];
  /**
   * exact: the run array is the one expected. preorder: the same programs, in an order that BPF_F_PREORDER explains.
   * changed: anything else: attached or detached in between, a level that could not be read, or a kernel feature we do not know.
   */
  readonly matches: 'exact' | 'preorder' | 'changed';
}

interface Attached {
  readonly programId: number;
  readonly level: number;
}

/** Tells for each program of the run array (BPF_F_QUERY_EFFECTIVE) at which level it is attached. */
export function attributeEffective(effective: readonly number[], levels: readonly Level[]): Attribution {
  const applying = applyingLevels(levels);
  const expected = applying.flatMap(({ programIds }, level) =>
    programIds.map((programId): Attached => ({ programId, level })),
  );
  const name = ({ programId, level }: Attached): Attribution['entries'][number] => ({
    programId,
    cgroup: applying[level]!.cgroup,
  });
  if (sameIds(effective, expected)) return { entries: expected.map(name), matches: 'exact' };
  const reordered = effective.length === expected.length ? withPreorder(effective, expected) : null;
  if (reordered !== null) return { entries: reordered.map(name), matches: 'preorder' };
  const left = [...expected];
  const entries = effective.map((programId) => {
    const at = left.findIndex((candidate) => candidate.programId === programId);
    return at < 0 ? { programId, cgroup: null } : name(left.splice(at, 1)[0]!);
  });
  return { entries, matches: 'changed' };
}

function sameIds(effective: readonly number[], attached: readonly Attached[]): boolean {
  return effective.length === attached.length && attached.every(({ programId }, i) => programId === effective[i]);
}

/**
 * Programs attached with BPF_F_PREORDER run first, those of the root-most level before those below, in list order; the others follow as
 * usual. Looks for a cut of the run array into two such parts.
 */
function withPreorder(effective: readonly number[], expected: readonly Attached[]): Attached[] | null {
  for (let cut = 1; cut <= effective.length; cut++) {
    const left = [...expected];
    const rootFirst = [...expected].sort((a, b) => b.level - a.level);
    const first = takeInOrder(effective.slice(0, cut), rootFirst, left);
    const rest = first === null ? null : takeInOrder(effective.slice(cut), [...left], left);
    if (first !== null && rest !== null) return [...first, ...rest];
  }
  return null;
}

/** Finds `ids` as a subsequence of `from`, and takes what was found out of `left`. */
function takeInOrder(ids: readonly number[], from: readonly Attached[], left: Attached[]): Attached[] | null {
  const found: Attached[] = [];
  let at = 0;
  for (const id of ids) {
    while (at < from.length && from[at]!.programId !== id) at++;
    const attached = from[at++];
    if (attached === undefined) return null;
    found.push(attached);
    left.splice(left.indexOf(attached), 1);
  }
  return found;
}
