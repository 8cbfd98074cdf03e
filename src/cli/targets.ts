import { InputError } from '../errors.js';
import type { ContainerRecord, Snapshot } from '../snapshot/types.js';
import { cgroupSubject, compareText, containerSubject, subjectsOf, type Subject } from '../verify/subjects.js';
import { suggest } from './suggest.js';
import { TARGET_HINT, type TargetSyntax } from './target-syntax.js';

/** Forms that name something inside a host; files are opened by `open.ts` before this. */
export type HostTarget = Extract<TargetSyntax, { kind: 'name' | 'pod' | 'unit' | 'pid' | 'cgroup' }>;

/**
 * Finds the one subject a target means. Exact names win over ids, ids over prefixes of ids.
 * @throws InputError when there is none or more than one; the hint lists the candidates.
 */
export function findSubject(snapshot: Snapshot, target: HostTarget, typed: string): Subject {
  switch (target.kind) {
    case 'name':
      return findByName(snapshot, target.name, target.engine, typed);
    case 'pod':
      return findPod(snapshot, target, typed);
    case 'unit':
      return findUnit(snapshot, target.name, typed);
    case 'pid':
      return findPid(snapshot, target.pid, typed);
    case 'cgroup':
      return findCgroup(snapshot, target.path, typed);
  }
}

/** The subject a snapshot is about, or the only one it has: a case captured by hand, a program, state or configuration file. */
export function onlySubject(snapshot: Snapshot): Subject {
  const subjects = subjectsOf(snapshot);
  const about = snapshot.subject;
  if (about !== null) {
    const named = subjects.find((each) => each.key === about);
    if (named !== undefined) return named;
    if (about.startsWith('cgroup:')) return cgroupSubject(snapshot, about.slice('cgroup:'.length));
  }
  const [first] = subjects;
  if (first === undefined) throw new InputError('there is no container and no cgroup with a device program here');
  if (subjects.length > 1)
    throw new InputError(`which target? There are ${String(subjects.length)}`, candidateLines(subjects));
  return first;
}

/** "docker:web" in Docker's sense of a name: the engine, the low-level runtime, or the containerd namespace before it. */
function findByName(snapshot: Snapshot, name: string, engine: string | null, typed: string): Subject {
  const containers = snapshot.containers.filter((each) => engine === null || belongsTo(each, engine));
  const steps: ((container: ContainerRecord) => boolean)[] = [
    (each) => each.key === typed,
    (each) => each.names.includes(name),
    (each) => each.id === name,
    (each) => name.length >= 2 && each.id.startsWith(name),
  ];
  for (const step of steps) {
    const found = containers.filter(step);
    if (found.length > 0) return theOne(found.map(containerSubject), typed);
  }
  const subjects = subjectsOf(snapshot);
  const byKey = subjects.filter((each) => each.key === typed || (engine === null && each.name === typed));
  if (byKey.length > 0) return theOne(byKey, typed);
  if (engine === null) {
    const unit = unitSubjects(snapshot, [name, `${name}.service`, `${name}.scope`]);
    if (unit.length > 0) return theOne(unit, typed);
  }
  throw notFound(snapshot, typed);
}

function belongsTo(container: ContainerRecord, engine: string): boolean {
  return container.engine === engine || container.runtime === engine || container.namespace === engine;
}

function findPod(snapshot: Snapshot, target: Extract<HostTarget, { kind: 'pod' }>, typed: string): Subject {
  const found = snapshot.containers.filter(
    ({ kubernetes }) =>
      kubernetes?.namespace === target.namespace &&
      kubernetes.pod === target.pod &&
      kubernetes.container === target.container,
  );
  if (found.length > 0) return theOne(found.map(containerSubject), typed);
  const byKey = subjectsOf(snapshot).filter((each) => each.key === typed || each.name === typed);
  if (byKey.length > 0) return theOne(byKey, typed);
  throw notFound(snapshot, typed);
}

function findUnit(snapshot: Snapshot, name: string, typed: string): Subject {
  const named = snapshot.containers
    .filter((each) => each.names.includes(name) || each.id === name)
    .map(containerSubject);
  const units = unitSubjects(snapshot, [name]);
  const found = named.concat(units.filter((unit) => !named.some((each) => each.key === unit.key)));
  if (found.length === 0) throw notFound(snapshot, typed);
  return theOne(found, typed);
}

/** A container's own scope means that container: its init process may live in a sub-cgroup of it. */
function unitSubjects(snapshot: Snapshot, names: readonly string[]): Subject[] {
  const subjects = new Map<string, Subject>();
  for (const container of snapshot.containers) {
    if (container.unit !== null && names.includes(container.unit))
      subjects.set(container.key, containerSubject(container));
  }
  if (subjects.size > 0) return [...subjects.values()];
  for (const unit of snapshot.units) {
    if (unit.cgroup === null || !names.includes(unit.name)) continue;
    const subject = cgroupSubject(snapshot, unit.cgroup);
    subjects.set(subject.key, subject);
  }
  if (subjects.size > 0) return [...subjects.values()];
  // A unit that systemd was not asked about still shows by the last part of its cgroup's path.
  for (const { path } of snapshot.cgroups) {
    if (!names.includes(path.slice(path.lastIndexOf('/') + 1))) continue;
    const subject = cgroupSubject(snapshot, path);
    subjects.set(subject.key, subject);
  }
  return [...subjects.values()];
}

/** The init process of a container means the container. Other processes are mapped to their cgroup when the snapshot is opened. */
function findPid(snapshot: Snapshot, pid: number, typed: string): Subject {
  const found = snapshot.containers.filter((each) => each.pid === pid);
  if (found.length > 0) return theOne(found.map(containerSubject), typed);
  throw new InputError(
    `no container here has the init process ${String(pid)}`,
    'a snapshot knows init processes only; try the container name',
  );
}

function findCgroup(snapshot: Snapshot, path: string, typed: string): Subject {
  const containers = snapshot.containers.filter((each) => each.cgroup === path).map(containerSubject);
  if (containers.length > 0) return theOne(containers, typed);
  if (snapshot.cgroups.some((each) => each.path === path)) return cgroupSubject(snapshot, path);
  throw notFound(snapshot, typed);
}

function theOne(found: readonly Subject[], typed: string): Subject {
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  throw new InputError(`"${typed}" is ambiguous: ${String(found.length)} match`, candidateLines(found));
}

function notFound(snapshot: Snapshot, typed: string): InputError {
  const subjects = subjectsOf(snapshot);
  const names = new Set(subjects.flatMap((each) => [each.key, each.name, ...(each.container?.names ?? [])]));
  const near = suggest(typed, names);
  const message = `no container, unit or cgroup matches "${typed}"`;
  if (near.length > 0) return new InputError(message, `did you mean ${near.join(', ')}?`);
  return new InputError(message, subjects.length === 0 ? TARGET_HINT : candidateLines(subjects));
}

const MAX_CANDIDATES = 20;

function candidateLines(subjects: readonly Subject[]): string {
  const lines = [...subjects]
    .sort((a, b) => compareText(a.key, b.key))
    .slice(0, MAX_CANDIDATES)
    .map((each) => `${each.key}${describe(each)}`);
  const more = subjects.length - lines.length;
  return [
    'candidates:',
    ...lines.map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${String(more)} more; see: devpolicy list`] : []),
  ].join('\n');
}

function describe({ container, cgroup }: Subject): string {
  if (container === null) return '';
  const id = container.names.includes(container.id) ? '' : `  id ${container.id.slice(0, 12)}`;
  return `${id}${cgroup === null ? '  stopped' : `  ${cgroup}`}`;
}
