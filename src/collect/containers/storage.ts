import { InputError } from '../../errors.js';
import type { PodmanSource, SourceRecord } from '../../snapshot/types.js';
import { LIMITS, fileFailure, isMissing } from '../files.js';
import { parseStorageContainers } from '../formats/podman.js';
import type { StorageContainer } from '../formats/podman.js';
import type { Draft, EngineContext } from './draft.js';
import { isWanted, listed, textAt } from './draft.js';
import { engineOf, kubernetesOf } from './identity.js';
import { findRuntimeState, runtimeFields, runtimeRoots } from './runtimes.js';
import { configOf, sourcesOf } from './runtime-state.js';

/** Podman and CRI-O share containers/storage: names and bundles there, state with the low-level runtime. */
export function storageContainers(context: EngineContext): Draft[] {
  const roots = runtimeRoots(context);
  return storageDirectories(context).flatMap(({ store, driver }) =>
    readStore(context, `${store}/${driver}`).flatMap((entry) =>
      readContainer(context, `${store}/${driver}`, entry, roots),
    ),
  );
}

function readContainer(context: EngineContext, directory: string, entry: StorageContainer, roots: string[]): Draft[] {
  const bundle = `${directory}/${entry.id}/userdata`;
  if (
    context.wanted !== null &&
    !isWanted(context, entry.id, entry.names) &&
    !entry.names.some((name) => name.startsWith('k8s_'))
  )
    return [];
  const config = configOf(context.view.tree, bundle);
  const state = findRuntimeState({ ...context, detail: 'brief' }, roots, entry.id);
  // A container of Buildah, or an image that is mounted: nothing ever ran there.
  if (config === null && state === null) return [];
  const known = engineOf(config?.value ?? state?.config ?? null);
  const kubernetes = kubernetesOf(config?.value?.annotations ?? {});
  const pod = kubernetes === null ? [] : [`${kubernetes.namespace}/${kubernetes.pod}/${kubernetes.container}`];
  if (!isWanted(context, entry.id, [...entry.names, ...pod])) return [];
  const engine = known.engine ?? 'podman';
  const sources: SourceRecord[] = [
    ...(engine === 'podman' ? [podmanSource(directory, entry, config)] : []),
    ...sourcesOf(config),
  ];
  return [
    {
      engine,
      ...runtimeFields(state),
      id: entry.id,
      names: [...pod, ...entry.names],
      namespace: null,
      kubernetes,
      // Without a state the container was made and never started, or is stopped: the runtime removes it then.
      pid: state === null ? 0 : state.pid,
      userNamespace: config?.value?.userNamespace ?? state?.config?.userNamespace ?? null,
      startedAt: state?.createdAt ?? null,
      sources: [
        ...sources,
        ...(state?.sources ?? []).filter((source) => config === null || source.kind !== 'oci-config'),
      ],
    },
  ];
}

/**
 * Options of `podman run` are in its database (SQLite; BoltDB by default before Podman 5), which is not read; its files say only whether it was privileged.
 */
function podmanSource(directory: string, entry: StorageContainer, config: ReturnType<typeof configOf>): PodmanSource {
  const privileged = config?.value?.annotations['io.podman.annotations.privileged'];
  return {
    kind: 'podman',
    path: `${directory}/containers.json`,
    names: entry.names,
    privileged: privileged === undefined ? null : privileged.toUpperCase() === 'TRUE',
    devices: null,
    deviceCgroupRules: null,
  };
}

function readStore(context: EngineContext, directory: string): StorageContainer[] {
  const entries = new Map<string, StorageContainer>();
  // Containers that need not outlive a reboot are listed apart since containers/storage 1.44.
  for (const name of ['containers.json', 'volatile-containers.json']) {
    try {
      for (const entry of parseStorageContainers(context.view.tree.readText(`${directory}/${name}`, LIMITS.json))) {
        if (/^[0-9a-zA-Z_.-]{1,255}$/.test(entry.id)) entries.set(entry.id, entry);
      }
    } catch (error) {
      if (isMissing(error)) continue;
      const { failed, code } = error instanceof InputError ? { failed: error.message, code: null } : fileFailure(error);
      context.problem('host', `${directory}/${name}: ${failed}`, code);
    }
  }
  return [...entries.values()];
}

/** Stores of root and of users who are logged in, each with its drivers: overlay-containers, vfs-containers ... */
function storageDirectories(context: EngineContext): { store: string; driver: string }[] {
  const stores = ['/var/lib/containers/storage', ...configuredStore(context), ...userStores(context)];
  return [...new Set(stores)].flatMap((store) =>
    listed(context, store)
      .filter((name) => name.endsWith('-containers'))
      .map((driver) => ({ store, driver })),
  );
}

/** graphroot of storage.conf. */
function configuredStore(context: EngineContext): string[] {
  const text = textAt(context, '/etc/containers/storage.conf');
  const root = /^\s*graphroot\s*=\s*"(\/[^"]*)"/m.exec(text ?? '')?.[1];
  return root === undefined ? [] : [root];
}

/** Homes of users with a runtime directory: nobody else can have a container running. */
function userStores(context: EngineContext): string[] {
  const uids = new Set(listed(context, '/run/user'));
  if (uids.size === 0) return [];
  const passwd = textAt(context, '/etc/passwd') ?? '';
  return passwd.split('\n').flatMap((line) => {
    const [, , uid, , , home] = line.split(':');
    return uid !== undefined && uids.has(uid) && home?.startsWith('/') === true
      ? [`${home}/.local/share/containers/storage`]
      : [];
  });
}
