import { BddManager } from '../../bdd/manager.js';
import { ProgramLoader } from '../../effective/compose-programs.js';
import { requestsNeverAsked } from '../../effective/compose-call-sites.js';
import { DeviceSpace, type DeviceSet } from '../../policy/device-set.js';
import type { Snapshot } from '../../snapshot/types.js';
import { Evaluator } from '../../symbolic/evaluate.js';
import type { EvaluationLimits } from '../../symbolic/limits.js';

/** What one analysis of one snapshot shares: decision diagrams, so that policies can be compared, and programs, so that each is evaluated once. */
export interface Workshop {
  readonly snapshot: Snapshot;
  readonly space: DeviceSpace;
  readonly evaluator: Evaluator;
  readonly loader: ProgramLoader;
  /** Requests that this host's kernel asks no device program about: it allows them. */
  readonly neverAsked: DeviceSet;
}

export function createWorkshop(snapshot: Snapshot, limits: Partial<EvaluationLimits> = {}): Workshop {
  const manager = new BddManager();
  return workshopFor(snapshot, new DeviceSpace(manager), new Evaluator(manager, limits));
}

/** Another host, in the same diagrams: its policies can be compared with those of the first. */
export function workshopBeside({ space, evaluator }: Workshop, snapshot: Snapshot): Workshop {
  return workshopFor(snapshot, space, evaluator);
}

function workshopFor(snapshot: Snapshot, space: DeviceSpace, evaluator: Evaluator): Workshop {
  const neverAsked = space.fromRef(requestsNeverAsked(space.manager, snapshot.host.kernelRelease));
  return { snapshot, space, evaluator, loader: new ProgramLoader(snapshot), neverAsked };
}
