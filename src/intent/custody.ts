import type { DeviceSpace } from '../policy/device-set.js';
import type { DeviceType } from '../policy/types.js';
import type {
  ContainerRecord,
  DockerSource,
  IncusConfigSource,
  NodeRecord,
  OciConfigSource,
  PodmanSource,
} from '../snapshot/types.js';
import { accessMask, accessMatches } from './compiled.js';
import { partitionWith } from './set.js';
import type { PolicyPartition } from './types.js';

export interface Asked {
  /** What was asked for by name and could be resolved to numbers. */
  readonly policy: PolicyPartition;
  readonly source: string;
  /** Requests for devices that could not be resolved: a directory, a path nobody looked at, a GPU by count. As text, untrusted. */
  readonly unresolved: readonly string[];
}

/** What the person or orchestrator asked an engine for, as far as its own records tell; null where no such record exists. */
export function askedOf(space: DeviceSpace, container: ContainerRecord, nodes: readonly NodeRecord[]): Asked | null {
  for (const source of container.sources) {
    if (source.kind === 'docker') return askedOfDocker(space, source, container, nodes);
    if (source.kind === 'podman') return askedOfPodman(space, source, container, nodes);
    if (source.kind === 'incus-config') return askedOfIncus(space, source, nodes);
  }
  const config = container.sources.find((source) => source.kind === 'oci-config');
  return config === undefined ? null : askedByAnnotation(space, config);
}

/**
 * Devices of the Container Device Interface that Kubernetes' device plugins ask for in annotations (`cdi.k8s.io/NAME: vendor/class=device,...`). Which
 * nodes they are stands in files of the host's that may have changed since.
 */
function askedByAnnotation(space: DeviceSpace, { annotations, path }: OciConfigSource): Asked | null {
  const names = Object.entries(annotations)
    .filter(([key]) => key.startsWith('cdi.k8s.io/'))
    .flatMap(([, value]) => value.split(','));
  if (names.length === 0) return null;
  return asked(
    space,
    path,
    false,
    names.map((name) => ({ text: `CDI ${name}`, number: null, access: null })),
  );
}

function askedOfDocker(
  space: DeviceSpace,
  source: DockerSource,
  container: ContainerRecord,
  nodes: readonly NodeRecord[],
): Asked {
  const wishes = source.devices.map(({ pathOnHost, pathInContainer, cgroupPermissions }): Wish => ({
    text: `--device ${pathOnHost}:${pathInContainer}:${cgroupPermissions}`,
    // The node in the container was made from the one on the host when it was started: it has the number that was asked for.
    number: numberOf(container.nodes, pathInContainer) ?? numberOf(nodes, pathOnHost),
    access: accessMask(cgroupPermissions === '' ? 'rwm' : cgroupPermissions),
  }));
  const gpus = source.deviceRequests.map((request): Wish => ({
    text:
      request.driver === 'cdi'
        ? `--device ${request.deviceIds.join()}`
        : `--gpus ${request.driver} ${String(request.count)} ${request.deviceIds.join()}`.trim(),
    number: null,
    access: null,
  }));
  return asked(space, source.path, source.privileged === true, [
    ...wishes,
    ...source.deviceCgroupRules.map(ruleWish),
    ...gpus,
  ]);
}

function askedOfPodman(
  space: DeviceSpace,
  source: PodmanSource,
  container: ContainerRecord,
  nodes: readonly NodeRecord[],
): Asked | null {
  const { devices, deviceCgroupRules: rules } = source;
  // Privileged containers have every device, whatever else was asked for.
  if (source.privileged === true) return asked(space, source.path, true, []);
  if (devices === null || rules === null) return null;
  const wishes = devices.map((text): Wish => {
    const [onHost = '', second = '', third] = text.split(':');
    const inContainer = second.startsWith('/') ? second : onHost;
    const letters = third ?? (second !== '' && !second.startsWith('/') ? second : 'rwm');
    return {
      text: `--device ${text}`,
      number: numberOf(container.nodes, inContainer) ?? numberOf(nodes, onHost),
      access: accessMask(letters),
    };
  });
  return asked(space, source.path, false, [...wishes, ...rules.map(ruleWish)]);
}

/** Incus and LXD give every device of an instance "rwm"; unprivileged instances have no device program, so nothing is refused there. */
function askedOfIncus(space: DeviceSpace, source: IncusConfigSource, nodes: readonly NodeRecord[]): Asked {
  const wishes = source.devices
    .filter(({ options }) => options['type'] === 'unix-char' || options['type'] === 'unix-block')
    .map(({ name, options }): Wish => ({ text: `device ${name}`, number: incusNumber(options, nodes), access: 7 }));
  return asked(space, source.path, source.privileged !== true, wishes);
}

/**
 * Values of `lxc.cgroup2.devices.allow` that Incus sets when a device is plugged in, for the devices the instance has now: those plugged in after the
 * start are not in its lxc.conf. Devices whose numbers are not known are left out.
 */
export function incusDeviceRules(source: IncusConfigSource, nodes: readonly NodeRecord[]): string[] {
  return source.devices
    .filter(({ options }) => options['type'] === 'unix-char' || options['type'] === 'unix-block')
    .flatMap(({ options }) => {
      const number = incusNumber(options, nodes);
      return number === null ? [] : [`${number.type} ${String(number.major)}:${String(number.minor)} rwm`];
    });
}

function incusNumber(options: Readonly<Record<string, string>>, nodes: readonly NodeRecord[]): Numbered | null {
  const [major, minor] = [options['major'], options['minor']].map((text) =>
    text !== undefined && /^[0-9]{1,7}$/.test(text) ? Number(text) : null,
  );
  const type: DeviceType = options['type'] === 'unix-block' ? 'b' : 'c';
  if (typeof major === 'number' && typeof minor === 'number') return { type, major, minor };
  return numberOf(nodes, options['source'] ?? options['path'] ?? '');
}

interface Numbered {
  readonly type: DeviceType | 'a';
  readonly major: number | null;
  readonly minor: number | null;
}
interface Wish {
  readonly text: string;
  readonly number: Numbered | null;
  readonly access: number | null;
}

function asked(space: DeviceSpace, source: string, everything: boolean, wishes: readonly Wish[]): Asked {
  const sets = wishes.flatMap(({ number, access }) => {
    if (number === null || access === null) return [];
    return [space.forPattern({ ...number, access: (each) => accessMatches({ access, test: 'subset' }, each) })];
  });
  const allowed = everything ? space.everything : space.unionAll(sets);
  return {
    policy: partitionWith(allowed, []),
    source,
    unresolved: wishes.filter(({ number, access }) => number === null || access === null).map(({ text }) => text),
  };
}

function numberOf(nodes: readonly NodeRecord[], path: string): Numbered | null {
  const node = nodes.find((each) => each.path === path);
  return node?.type == null ? null : { type: node.type, major: node.major, minor: node.minor };
}

/** `--device-cgroup-rule "c 13:* rwm"`: the form of cgroup v1. */
function ruleWish(text: string): Wish {
  const match = /^([abc]) ([0-9]{1,10}|\*):([0-9]{1,10}|\*) ([rwm]{1,3})$/.exec(text.trim());
  const [, type = '', major = '', minor = '', letters = ''] = match ?? [];
  const number = (field: string): number | null => (field === '*' ? null : Number(field));
  return {
    text: `--device-cgroup-rule ${text}`,
    number: match === null ? null : { type: type as Numbered['type'], major: number(major), minor: number(minor) },
    access: match === null ? null : accessMask(letters),
  };
}
