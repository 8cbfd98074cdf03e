import type { DeviceSpace } from '../policy/device-set.js';
import { cgroupAt } from '../snapshot/lookup.js';
import type { Snapshot } from '../snapshot/types.js';
import type { Evaluator } from '../symbolic/evaluate.js';
import { attributeEffective, cgroupLevels, type Level } from './compose-levels.js';
import type { LoadedProgram, ProgramLoader } from './compose-programs.js';
import type { PendingLevel, PendingProgram } from './pending-types.js';

const MULTI = 2;

/** The levels of a cgroup, leaf first, with the policy of each attached program; `changed` where the kernel's run array does not follow from them. */
export function pendingLevels(
  space: DeviceSpace,
  evaluator: Evaluator,
  loader: ProgramLoader,
  snapshot: Snapshot,
  cgroup: string,
): { levels: PendingLevel[]; changed: boolean } {
  const levels = cgroupLevels(snapshot, cgroup);
  const effective = cgroupAt(snapshot, cgroup)?.effective;
  const ids = effective === undefined || 'failed' in effective ? null : effective.programIds;
  const matches = ids === null ? 'exact' : attributeEffective(ids, levels).matches;
  const early = ids !== null && matches === 'preorder' ? preordered(ids, levels) : new Set<number>();
  return {
    levels: levels.map((level) => ({
      cgroup: level.cgroup,
      flags: level.attachFlags,
      programs:
        level.failed === null
          ? level.programIds.map((id) => pendingProgram(space, evaluator, loader.get(id), early.has(id)))
          : null,
    })),
    changed: matches === 'changed',
  };
}

function pendingProgram(
  space: DeviceSpace,
  evaluator: Evaluator,
  loaded: LoadedProgram,
  preorder: boolean,
): PendingProgram {
  const result = loaded.kind === 'program' ? evaluator.evaluate(loaded.program, loaded.environment) : null;
  return {
    id: loaded.id,
    name: loaded.record?.name ?? '',
    entry: loaded,
    allowed: result === null || result.undecided.length > 0 ? null : space.fromRef(result.allowed),
    preorder,
  };
}

/** The shortest head of the run array behind which the rest is in the usual order: these programs were attached with BPF_F_PREORDER. */
function preordered(ids: readonly number[], levels: readonly Level[]): Set<number> {
  const nearest = levels.findIndex(({ programIds }) => programIds.length > 0);
  const usual = levels.flatMap(({ programIds, attachFlags }, index) =>
    index === nearest || (attachFlags & MULTI) !== 0 ? programIds : [],
  );
  for (let cut = 1; cut < ids.length; cut++) {
    const head = new Set(ids.slice(0, cut));
    const rest = usual.filter((id) => !head.has(id));
    if (rest.every((id, index) => id === ids[cut + index])) return head;
  }
  return new Set(ids);
}
