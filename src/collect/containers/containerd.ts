import { InputError } from '../../errors.js';
import { nullable, property, string } from '../../snapshot/decode.js';
import { parseRuntimeJson } from '../formats/json.js';
import type { Draft, EngineContext } from './draft.js';
import { isWanted, listed, textAt } from './draft.js';
import { LOG_DIRECTORY, engineOf, kubernetesOf } from './identity.js';
import { findRuntimeState, runtimeFields } from './runtimes.js';
import { configOf, sourcesOf } from './runtime-state.js';

/** State directories of containerd: the system's, k3s's and RKE2's, MicroK8s's, and the one that dockerd may have started. */
const BASES = [
  '/run/containerd',
  '/run/k3s/containerd',
  '/var/snap/microk8s/common/run/containerd',
  '/run/docker/containerd/daemon',
];

/** Containers of containerd, Kubernetes' and nerdctl's among them: a bundle per container, the state of runc beside it. */
export function containerdContainers(context: EngineContext, claimed: ReadonlySet<string>): Draft[] {
  return BASES.flatMap((base) => {
    const bundles = `${base}/io.containerd.runtime.v2.task`;
    return listed(context, bundles).flatMap((namespace) =>
      listed(context, `${bundles}/${namespace}`).flatMap((id) =>
        claimed.has(id) ? [] : readContainer(context, base, namespace, id, `${bundles}/${namespace}/${id}`),
      ),
    );
  });
}

function readContainer(context: EngineContext, base: string, namespace: string, id: string, bundle: string): Draft[] {
  // The names are in the bundle's annotations, so it is read even if only some containers are wanted.
  const config = configOf(context.view.tree, bundle);
  if (config === null) return [];
  const annotations = config.value?.annotations ?? {};
  const kubernetes =
    kubernetesOf(annotations) ?? kubernetesOf({ ...sandboxLogs(context, bundle, annotations), ...annotations });
  const known = engineOf(config.value);
  const names = [known.name, kubernetes?.container].filter((name) => typeof name === 'string');
  const pod = kubernetes === null ? [] : [`${kubernetes.namespace}/${kubernetes.pod}/${kubernetes.container}`];
  if (!isWanted(context, id, [...names, ...pod])) return [];
  const state = findRuntimeState({ ...context, detail: 'brief' }, stateRoots(context, base, namespace, bundle), id);
  return [
    {
      engine: namespace === 'moby' ? 'docker' : (known.engine ?? 'containerd'),
      ...runtimeFields(state),
      id,
      // A pod's containers are told apart by pod and container: keys must differ.
      names: pod.length > 0 ? pod : names.length > 0 ? names : [id],
      namespace,
      kubernetes,
      pid: state?.pid ?? initPid(context, bundle),
      userNamespace: config.value?.userNamespace ?? null,
      startedAt: state?.createdAt ?? null,
      sources: [...sourcesOf(config), ...(state?.sources ?? [])],
    },
  ];
}

/** Where the logs of the pod are that a container of containerd before 1.5 belongs to: its sandbox's bundle, beside its own, says it. */
function sandboxLogs(
  context: EngineContext,
  bundle: string,
  annotations: Record<string, string>,
): Record<string, string> {
  const id = annotations['io.kubernetes.cri.sandbox-id'];
  if (id === undefined || !/^[0-9a-f]{1,128}$/.test(id)) return {};
  const sandbox = configOf(context.view.tree, `${bundle.slice(0, bundle.lastIndexOf('/'))}/${id}`);
  const directory = sandbox?.value?.annotations[LOG_DIRECTORY];
  return directory === undefined ? {} : { [LOG_DIRECTORY]: directory };
}

/** The shim writes the pid of the container's first process into its bundle. */
function initPid(context: EngineContext, bundle: string): number | null {
  const text = textAt(context, `${bundle}/init.pid`, 64)?.trim();
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** Where the shim told the runtime to keep its state: options.json of the bundle says so if it is not the default. */
function stateRoots(context: EngineContext, base: string, namespace: string, bundle: string): string[] {
  const defaults = ['runc', 'crun', 'youki'].flatMap((runtime) => [
    `/run/containerd/${runtime}/${namespace}`,
    `${base}/${runtime}/${namespace}`,
  ]);
  const path = `${bundle}/options.json`;
  const text = textAt(context, path);
  if (text === null) return [...new Set(defaults)];
  try {
    const root = nullable(string(4096))(property(parseRuntimeJson(text), 'root'), 'root');
    return [...new Set([...(root?.startsWith('/') === true ? [`${root}/${namespace}`] : []), ...defaults])];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    context.problem('host', `${path}: ${error.message}: another state directory than the default is not seen`, null);
    return [...new Set(defaults)];
  }
}
