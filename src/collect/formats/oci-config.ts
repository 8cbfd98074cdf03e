import { InputError } from '../../errors.js';
import { array, nullable, object, plainObject, property } from '../../snapshot/decode.js';
import type { OciConfigSource } from '../../snapshot/types.js';
import { optionalText, parseRuntimeJson, section } from './json.js';
import { deviceNodes, hookPaths, ociRules } from './oci-rules.js';

/**
 * Annotations that are kept: those that name a container, say who made it, or change what becomes of its devices. Others may hold anything, a
 * Kubernetes manifest with its secrets included.
 */
const KEPT_ANNOTATIONS = [
  /^io\.kubernetes\.cri\.(container-name|container-type|sandbox-id|sandbox-log-directory|sandbox-name|sandbox-namespace|sandbox-uid)$/,
  /^io\.kubernetes\.cri-o\.(ContainerID|ContainerName|ContainerType|KubeName|Name|Namespace|SandboxID|SandboxName|RuntimeHandler|CgroupParent)$/,
  /^io\.kubernetes\.(pod\.name|pod\.namespace|pod\.uid|container\.name)$/,
  /^io\.container\.manager$/,
  /^io\.podman\.annotations\.(privileged|cgroups)$/,
  /^run\.oci\./,
  /^org\.systemd\.property\./,
  /^nerdctl\/(name|namespace)$/,
  /^cdi\.k8s\.io\//,
];

/**
 * Reads the config.json of an OCI bundle.
 * @throws InputError if it is no such file
 */
export function parseOciConfig(content: string, path: string): OciConfigSource {
  const config = parseRuntimeJson(content);
  // An object without either would say that nothing was asked for, and every runtime would then allow what it allows by itself.
  if (property(config, 'ociVersion') === undefined && property(config, 'linux') === undefined)
    throw new InputError('no OCI configuration (neither "ociVersion" nor "linux")');
  return ociConfigOf(config, path);
}

/** As parseOciConfig, for a document that is part of another one (`ctr container info` has it as Spec). */
export function ociConfigOf(config: Record<string, unknown>, path: string): OciConfigSource {
  const linux = section(config, 'linux');
  const resources = property(linux, 'resources');
  const devices = resources === null || resources === undefined ? null : plainObject(resources, 'linux.resources');
  return {
    kind: 'oci-config',
    path,
    ociVersion: optionalText(property(config, 'ociVersion'), 'ociVersion'),
    resourcesDevices: devices === null ? null : ociRules(property(devices, 'devices'), 'linux.resources.devices'),
    hasResources: devices !== null,
    devices: deviceNodes(property(linux, 'devices'), 'linux.devices'),
    cgroupsPath: optionalText(property(linux, 'cgroupsPath'), 'linux.cgroupsPath'),
    userNamespace: hasUserNamespace(property(linux, 'namespaces')),
    annotations: keptAnnotations(section(config, 'annotations')),
    hooks: hookPaths(property(config, 'hooks'), 'hooks'),
  };
}

function hasUserNamespace(value: unknown): boolean {
  const namespaces = nullable(array(object<{ type: string | null }>({ type: optionalText }), 100))(
    value,
    'linux.namespaces',
  );
  return namespaces?.some((namespace) => namespace.type === 'user') ?? false;
}

function keptAnnotations(annotations: Record<string, unknown>): Record<string, string> {
  const kept = Object.create(null) as Record<string, string>;
  for (const [key, value] of Object.entries(annotations)) {
    if (typeof value !== 'string' || value.length > 4096) continue;
    if (KEPT_ANNOTATIONS.some((pattern) => pattern.test(key))) kept[key] = value;
  }
  return kept;
}
