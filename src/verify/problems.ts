import { ancestorOrSelf, type Subject } from './subjects.js';
import type { ContainerRecord, ProblemRecord, Snapshot } from '../snapshot/types.js';
import type { SubjectAnalysis } from './types.js';

/** Problems of the units whose settings bear on a cgroup: its own and the slices above it. */
export function problemOfUnits({ units }: Snapshot, cgroup: string | null): (problem: ProblemRecord) => boolean {
  const onPath =
    cgroup === null ? [] : units.filter((unit) => unit.cgroup !== null && ancestorOrSelf(unit.cgroup, cgroup));
  const subjects = new Set(onPath.map(({ name }) => `unit:${name}`));
  return ({ subject }) => subjects.has(subject);
}

/** What a problem may be about that bears on one subject: itself, its programs and their maps, its cgroups and units, the hosts it is in. */
export function problemsOf(snapshot: Snapshot, analyses: readonly SubjectAnalysis[]): ProblemRecord[] {
  const subjects = new Set<string>(['host']);
  const units = analyses.map(({ subject }) => problemOfUnits(snapshot, subject.cgroup));
  for (const { subject, programs } of analyses) {
    for (const name of [subject.key, ...hostsOf(snapshot, subject)]) subjects.add(name);
    if (subject.cgroup !== null) subjects.add(subject.cgroup).add(`cgroup:${subject.cgroup}`);
    for (const { id, record } of programs) {
      subjects.add(`program:${String(id)}`);
      for (const map of record?.mapIds ?? []) subjects.add(`map:${String(map)}`);
    }
  }
  return snapshot.problems.filter((problem) => subjects.has(problem.subject) || units.some((bears) => bears(problem)));
}

/**
 * Records of containers that are there and could not be read, as problems; without those that the collector noted itself. Another record of the same
 * container may have told the intent all the same: that the one could not be read is still to be said.
 */
export function unreadSources(
  { problems }: Pick<Snapshot, 'problems'>,
  containers: readonly ContainerRecord[],
): ProblemRecord[] {
  const noted = new Set(problems.map(({ subject, message }) => `${subject}\0${message}`));
  return containers.flatMap(({ key, sources }) =>
    sources.flatMap((source): ProblemRecord[] => {
      if (source.kind !== 'unreadable' || noted.has(`${key}\0${source.failed}`)) return [];
      return [{ subject: key, message: `${source.path}: ${source.failed}`, code: source.code }];
    }),
  );
}

/** Keys of the containers that are the host of a subject, and the host of that. */
function hostsOf({ containers }: Snapshot, { container }: Subject): string[] {
  const keys: string[] = [];
  for (let key = container?.nestedIn ?? null; key !== null && !keys.includes(key);) {
    const current: string = key;
    keys.push(current);
    key = containers.find((each) => each.key === current)?.nestedIn ?? null;
  }
  return keys;
}

/** What could not be read of a subject itself: of its records and of what else was looked at for it. */
export function ownProblems(snapshot: Snapshot, { key, container }: Subject): ProblemRecord[] {
  return [
    ...snapshot.problems.filter(({ subject }) => subject === key),
    ...unreadSources(snapshot, container === null ? [] : [container]),
  ];
}
