import { BddManager } from '../../bdd/manager.js';
import { ProgramLoader } from '../../effective/compose-programs.js';
import { DeviceSpace } from '../../policy/device-set.js';
import type { Snapshot } from '../../snapshot/types.js';
import { Evaluator } from '../../symbolic/evaluate.js';
import type { EvaluationLimits } from '../../symbolic/limits.js';

/** What one analysis of one snapshot shares: decision diagrams, so that policies can be compared, and programs, so that each is evaluated once. */
export interface Workshop {
  readonly snapshot: Snapshot;
  readonly space: DeviceSpace;
  readonly evaluator: Evaluator;
  readonly loader: ProgramLoader;
}

export function createWorkshop(snapshot: Snapshot, limits: Partial<EvaluationLimits> = {}): Workshop {
  const manager = new BddManager();
  return {
    snapshot,
    space: new DeviceSpace(manager),
    evaluator: new Evaluator(manager, limits),
    loader: new ProgramLoader(snapshot),
  };
}

/** Another host, in the same diagrams: its policies can be compared with those of the first. */
export function workshopBeside({ space, evaluator }: Workshop, snapshot: Snapshot): Workshop {
  return { snapshot, space, evaluator, loader: new ProgramLoader(snapshot) };
}
