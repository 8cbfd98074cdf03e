import type { Draft, EngineContext } from './draft.js';
import { isWanted, listed } from './draft.js';
import { engineOf, kubernetesOf } from './identity.js';
import type { RuntimeState } from './runtime-state.js';
import { readRuntimeState } from './runtime-state.js';

/** Containers of low-level runtimes that somebody started by hand, or whose engine keeps no files that are known here. */
export function plainContainers(context: EngineContext, claimed: ReadonlySet<string>): Draft[] {
  return runtimeRoots(context).flatMap((root) =>
    listed(context, root).flatMap((id) => {
      if (id.startsWith('.') || claimed.has(id) || !isWanted(context, id, [id])) return [];
      const state = readRuntimeState(context.view.tree, `${root}/${id}`, id, context.detail);
      return state === null ? [] : [draftOf(state)];
    }),
  );
}

/** Directories in which runtimes keep one directory per container: root's, and those of users who are logged in. */
export function runtimeRoots(context: EngineContext): string[] {
  const users = listed(context, '/run/user').map((uid) => `/run/user/${uid}`);
  return ['/run', ...users].flatMap((base) => ['runc', 'crun', 'youki'].map((runtime) => `${base}/${runtime}`));
}

/** The state of a container whose id is known, from whichever runtime has it. */
export function findRuntimeState(context: EngineContext, roots: string[], id: string): RuntimeState | null {
  for (const root of roots) {
    const state = readRuntimeState(context.view.tree, `${root}/${id}`, id, context.detail);
    if (state !== null) return state;
  }
  return null;
}

function draftOf(state: RuntimeState): Draft {
  const known = engineOf(state.config);
  return {
    engine: known.engine ?? state.runtime,
    ...runtimeFields(state),
    id: state.id,
    names: known.name === null ? [state.id] : [known.name],
    namespace: null,
    kubernetes: kubernetesOf(state.config?.annotations ?? {}),
    startedAt: state.createdAt,
    sources: state.sources,
  };
}

/** What a runtime's state contributes to a draft. */
export function runtimeFields(
  state: RuntimeState | null,
): Pick<Draft, 'runtime' | 'pid' | 'startTicks' | 'cgroup' | 'userNamespace'> {
  return {
    runtime: state?.runtime ?? null,
    pid: state?.pid ?? null,
    startTicks: state?.startTicks ?? null,
    cgroup: state?.cgroup ?? null,
    userNamespace: state?.config?.userNamespace ?? null,
  };
}
