import type { ContainerRecord, OciConfigSource } from '../../snapshot/types.js';

/** Kubernetes' names of a container, from the annotations of containerd's CRI plugin, of CRI-O, or of dockershim and its successor. */
export function kubernetesOf(annotations: Record<string, string>): ContainerRecord['kubernetes'] {
  const first = (...keys: string[]): string | null =>
    keys.map((key) => annotations[key]).find((value) => value !== undefined) ?? null;
  const namespace = first(
    'io.kubernetes.cri.sandbox-namespace',
    'io.kubernetes.pod.namespace',
    'io.kubernetes.cri-o.Namespace',
  );
  const pod = first('io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name', 'io.kubernetes.cri-o.KubeName');
  const named = namespace === null || pod === null ? podOfLogs(annotations[LOG_DIRECTORY]) : { namespace, pod };
  if (named === null) return null;
  const type = first('io.kubernetes.cri.container-type', 'io.kubernetes.cri-o.ContainerType');
  // The pause container has no name of its own; "POD" is what dockershim and CRI-O call it.
  const container =
    first('io.kubernetes.cri.container-name', 'io.kubernetes.container.name') ?? (type === 'container' ? null : 'POD');
  return container === null ? null : { ...named, container };
}

/** Before 1.5 containerd's annotations do not name the pod; the sandbox's has the directory that the kubelet makes for the pod's logs. */
export const LOG_DIRECTORY = 'io.kubernetes.cri.sandbox-log-directory';

/** "/var/log/pods/NAMESPACE_POD_UID": no underscore is in any of them (pkg/kubelet/kuberuntime/helpers.go, BuildPodLogsDirectory). */
function podOfLogs(directory: string | undefined): { namespace: string; pod: string } | null {
  const [, namespace, pod] = /\/([^/_]+)_([^/_]+)_[^/_]+\/?$/.exec(directory ?? '') ?? [];
  return namespace === undefined || pod === undefined ? null : { namespace, pod };
}

/** Engine and name that a bundle's annotations give away, for bundles found without their engine's own files. */
export function engineOf(config: OciConfigSource | null): { engine: string | null; name: string | null } {
  const annotations = config?.annotations ?? {};
  const manager = annotations['io.container.manager'];
  if (manager === 'libpod') return { engine: 'podman', name: null };
  if (manager === 'cri-o') return { engine: 'cri-o', name: annotations['io.kubernetes.cri-o.Name'] ?? null };
  if (annotations['nerdctl/name'] !== undefined) return { engine: 'nerdctl', name: annotations['nerdctl/name'] };
  if (annotations['io.kubernetes.cri.container-type'] !== undefined) return { engine: 'containerd', name: null };
  return { engine: null, name: null };
}

/** What a cgroup's name tells of who lives there. */
export interface CgroupOwner {
  engine: string;
  name: string;
  /** What machined calls it, where that is another name: "qemu-1-web" of libvirt's domain "web". */
  machine?: string;
}

/**
 * Containers and machines whose only trace is their cgroup: nspawn (through machined, or as a service of its own), libvirt, LXC's payload cgroups. Matched
 * on one component of a path.
 */
export function ownerOfCgroup(component: string): CgroupOwner | null {
  const scope = /^machine-(.+)\.scope$/.exec(component)?.[1];
  if (scope !== undefined) {
    const name = unescapeUnitName(scope);
    const domain = domainOfMachine(name);
    return domain === null ? { engine: 'nspawn', name } : { engine: 'libvirt', name: domain, machine: name };
  }
  const service = /^systemd-nspawn@(.+)\.service$/.exec(component)?.[1];
  if (service !== undefined) return { engine: 'nspawn', name: unescapeUnitName(service) };
  const payload = /^lxc\.payload\.(.+)$/.exec(component)?.[1];
  return payload === undefined ? null : { engine: 'lxc', name: payload };
}

/**
 * The domain in libvirt's name of a machine, "qemu-1-web" or "lxc-1-web". libvirt leaves out what a host name may not hold and what is beyond 64
 * characters (virDomainMachineNameAppendValid in src/hypervisor/domain_driver.c): "web_1" becomes "web1".
 */
export function domainOfMachine(machine: string): string | null {
  return /^(?:qemu|lxc)-\d+-(.+)$/.exec(machine)?.[1] ?? null;
}

/**
 * A machine of systemd-nspawn by the cgroup its payload is in. Its scope is called "machine-NAME.scope" up to systemd 257, which `ownerOfCgroup` knows, and
 * "NAME.scope" in 262.
 */
export function ownerOfPayload(path: string): CgroupOwner | null {
  const scope = /^(?:.*\/)?machine\.slice\/([^/]+)\.scope\/payload$/.exec(path)?.[1];
  return scope === undefined || scope.startsWith('machine-')
    ? null
    : { engine: 'nspawn', name: unescapeUnitName(scope) };
}

/** systemd writes "-" and other bytes in unit names as \x2d (systemd-escape(1)); a plain "-" stands for "/" and is left. */
export function unescapeUnitName(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Kinds of unit that own a cgroup; a slice owns one too but is no container's own unit. */
const UNIT = /\.(scope|service|socket|mount|swap)$/;

/** The systemd unit that a cgroup belongs to: the nearest component that is named like one, "docker-abc.scope". */
export function unitOfCgroup(path: string | null): string | null {
  return path?.split('/').findLast((component) => UNIT.test(component)) ?? null;
}

/** The cgroup path of that unit. */
export function unitCgroup(path: string): string | null {
  const components = path.split('/');
  const index = components.findLastIndex((component) => UNIT.test(component));
  return index < 0 ? null : components.slice(0, index + 1).join('/');
}

/** "docker:web", by name where there is one. */
export function containerKey(engine: string, name: string): string {
  return `${engine}:${name}`;
}
