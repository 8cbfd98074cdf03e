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
  /** The units with which the attached programs were read; others than the snapshot's where that is what a host would be after a command. */
  readonly unitsBefore: Snapshot['units'];
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

/** The same host as it would be: other settings of its units, and the programs that are attached now. */
export function workshopAfter(workshop: Workshop, snapshot: Snapshot): Workshop {
  return { ...workshopBeside(workshop, snapshot), unitsBefore: workshop.unitsBefore };
}

function workshopFor(snapshot: Snapshot, space: DeviceSpace, evaluator: Evaluator): Workshop {
  const neverAsked = space.fromRef(requestsNeverAsked(space.manager, snapshot.host.kernelRelease));
  return { snapshot, unitsBefore: snapshot.units, space, evaluator, loader: new ProgramLoader(snapshot), neverAsked };
}
