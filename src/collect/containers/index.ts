import type { ContainerRecord } from '../../snapshot/types.js';
import { containerdContainers } from './containerd.js';
import { dockerContainers } from './docker.js';
import type { Draft, EngineContext } from './draft.js';
import { containerOf } from './draft.js';
import { incusContainers, lxcContainers } from './lxc.js';
import { machines } from './machines.js';
import { plainContainers } from './runtimes.js';
import { storageContainers } from './storage.js';

/**
 * All containers of a host, from the files of every engine. The engines that give containers names come first; what they claim is not reported again by
 * those below them.
 */
export function findContainers(context: EngineContext): ContainerRecord[] {
  const named = [...dockerContainers(context), ...storageContainers(context)];
  const claimed = new Set(named.map((draft) => draft.id));
  const bundled = containerdContainers(context, claimed);
  for (const draft of bundled) claimed.add(draft.id);
  const drafts: Draft[] = [
    ...named,
    ...bundled,
    ...plainContainers(context, claimed),
    ...lxcContainers(context),
    ...incusContainers(context),
    ...machines(context),
  ];
  return uniqueKeys(drafts.map((draft) => containerOf(draft, context.view)));
}

/** Two containers of one name (two namespaces of containerd, a stopped and a running one) get their ids into their keys. */
function uniqueKeys(containers: ContainerRecord[]): ContainerRecord[] {
  const seen = new Map<string, number>();
  for (const { key } of containers) seen.set(key, (seen.get(key) ?? 0) + 1);
  const used = new Set<string>();
  return containers.map((container) => {
    const base =
      seen.get(container.key) === 1
        ? container.key
        : `${container.key}@${[container.namespace, container.id].filter(Boolean).join('/')}`;
    let key = base;
    for (let copy = 2; used.has(key); copy++) key = `${base}#${String(copy)}`;
    used.add(key);
    return { ...container, key };
  });
}
