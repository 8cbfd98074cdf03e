import { InputError } from '../../errors.js';
import type { ContainerRecord, SourceRecord, UnreadableSource } from '../../snapshot/types.js';
import { attempt } from '../attempt.js';
import type { FileTree } from '../files.js';
import { LIMITS, fileFailure, isMissing } from '../files.js';
import type { HostView, Located } from '../view.js';
import { containerKey, unitOfCgroup } from './identity.js';

/** What an engine's files say of a container, before it is looked for among the processes. */
export interface Draft {
  engine: string;
  runtime: string | null;
  id: string;
  /** As people use them, the best first; empty: the id is the only name. */
  names: string[];
  namespace: string | null;
  kubernetes: ContainerRecord['kubernetes'];
  /** Where its init process is, if that is known from its cgroup and not by a pid in a file; null: it does not run. */
  located?: Located | null;
  /** In the host's numbers that wrote the files; null if no file says, 0 if it is stopped. */
  pid: number | null;
  startTicks: number | null;
  /** Cgroup by the files, in that host's names. */
  cgroup: string | null;
  startedAt: string | null;
  userNamespace: boolean | null;
  sources: SourceRecord[];
}

/** How much is read of each container. "brief": what deciding its policy takes. "full": the whole chain of custody. */
export type Detail = 'brief' | 'full';

/** One kind of engine: finds its containers in the files of a host. Nothing of it asks a daemon. */
export type Engine = (context: EngineContext) => Draft[];

export interface EngineContext {
  view: HostView;
  detail: Detail;
  /** Which containers to read; null for all. Reading more than was asked for is no mistake. */
  wanted: ((container: { id: string; names: string[] }) => boolean) | null;
  /** Paths of all cgroups that are there, in the host's own names. */
  cgroups: readonly string[];
  /** The first process of the container that lives in that cgroup (pid 1 of its pid namespace); null if there is none. */
  initIn(cgroup: string): Located | null;
  /** The first process in that cgroup, of whatever pid namespace; null if there is none. */
  firstIn(cgroup: string): Located | null;
  /** Notes that a part of the host could not be looked at. */
  problem(subject: string, message: string, code: string | null): void;
}

/** Is the container one that was asked for? */
export function isWanted(context: EngineContext, id: string, names: string[]): boolean {
  return context.wanted === null || context.wanted({ id, names });
}

/** Reads and parses a source. null: there is no such file. One that cannot be read or understood is a source that says so. */
export function readSource<T>(
  tree: FileTree,
  path: string,
  expected: UnreadableSource['expected'],
  parser: (text: string, path: string) => T,
): { value: T; failure: null } | { value: null; failure: UnreadableSource } | null {
  try {
    return { value: parser(tree.readText(path, LIMITS.json), path), failure: null };
  } catch (error) {
    if (error instanceof InputError) {
      return { value: null, failure: { kind: 'unreadable', expected, path, failed: error.message, code: null } };
    }
    if (isMissing(error)) return null;
    return { value: null, failure: { kind: 'unreadable', expected, path, ...fileFailure(error) } };
  }
}

/** Names in a directory; an unreadable one is noted. */
export function listed(context: EngineContext, directory: string): string[] {
  return looked(context, directory, [], (tree) => tree.list(directory));
}

/** Text of a small file; null if there is none, or if it cannot be read, which is noted. */
export function textAt(context: EngineContext, path: string, maxBytes: number = LIMITS.text): string | null {
  return looked(context, path, null, (tree) => tree.readTextIfThere(path, maxBytes));
}

/** Is there something of that name? What cannot be seen is noted, and taken to be absent. */
export function existsAt(context: EngineContext, path: string): boolean {
  return looked(context, path, false, (tree) => tree.exists(path));
}

/** One file that is a FIFO, too large or not to be read must cost no more than itself: somebody else chose it. */
function looked<T>(context: EngineContext, path: string, otherwise: T, look: (tree: FileTree) => T): T {
  return attempt(
    () => look(context.view.tree),
    otherwise,
    (failed, code) => {
      context.problem('host', `${path}: ${failed}`, code);
    },
  );
}

/** Looks for the container's process and completes the record. */
export function containerOf(draft: Draft, view: HostView): ContainerRecord {
  const located = locate(draft, view);
  const cgroup = located?.cgroup ?? null;
  const name = draft.names[0] ?? draft.id;
  const own = containerKey(draft.engine, name);
  return {
    key: view.nestedIn === null ? own : `${view.nestedIn}/${own}`,
    engine: draft.engine,
    runtime: draft.runtime,
    runtimeVersion: null,
    id: draft.id,
    names: draft.names.length > 0 ? [...new Set(draft.names)] : [draft.id],
    namespace: draft.namespace,
    kubernetes: draft.kubernetes,
    state: located !== null ? 'running' : draft.pid === null && draft.located === undefined ? 'unknown' : 'stopped',
    pid: located?.pid ?? null,
    cgroup,
    otherThreadCgroups: [],
    nestedIn: view.nestedIn,
    unit: unitOfCgroup(cgroup),
    userNamespace: draft.userNamespace,
    startedAt: draft.startedAt,
    sources: draft.sources,
    nodes: [],
    confinement: null,
  };
}

function locate(draft: Draft, view: HostView): Located | null {
  if (draft.located !== undefined) return draft.located;
  return draft.pid === null ? null : view.locate(draft.pid, draft.startTicks, draft.cgroup);
}
