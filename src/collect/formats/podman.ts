import type { Decoder } from '../../snapshot/decode.js';
import {
  array,
  boolean,
  fallback,
  integer,
  nullable,
  object,
  plainObject,
  property,
  string,
} from '../../snapshot/decode.js';
import type { PodmanSource } from '../../snapshot/types.js';
import { inspected, optionalText, parseJson, plainText, section, textList } from './json.js';

/** An entry of containers.json: which names an id has. */
export interface StorageContainer {
  id: string;
  names: string[];
}

/**
 * Reads containers.json (or volatile-containers.json) of containers/storage: every container of Podman, CRI-O and Buildah in that store.
 * @throws InputError if it is no such file
 */
export function parseStorageContainers(content: string): StorageContainer[] {
  return array(object<StorageContainer>({ id: string(4096), names: textList }))(parseJson(content), '');
}

/** What `podman inspect` says of a container besides what was asked for. */
export interface PodmanFacts {
  source: PodmanSource;
  id: string | null;
  running: boolean | null;
  pid: number | null;
  startedAt: string | null;
  cgroupPath: string | null;
  /** Path of the low-level runtime: "/usr/bin/crun". */
  runtimePath: string | null;
}

/**
 * Reads the output of `podman inspect` for one container.
 * @throws InputError if it is no such output
 */
export function parsePodmanInspect(content: string, path: string): PodmanFacts {
  const main = inspected(content);
  const state = object<{
    Running: boolean | null;
    Pid: number | null;
    StartedAt: string | null;
    CgroupPath: string | null;
  }>({
    Running: nullable(boolean),
    Pid: nullable(integer(0)),
    StartedAt: optionalText,
    CgroupPath: optionalText,
  });
  const now = nullable(state)(property(main, 'State'), 'State');
  const name = optionalText(property(main, 'Name'), 'Name');
  return {
    source: { kind: 'podman', path, names: name === null ? [] : [name], ...askedFor(main) },
    id: optionalText(property(main, 'Id'), 'Id'),
    running: now?.Running ?? null,
    pid: now?.Pid ?? null,
    startedAt: now?.StartedAt ?? null,
    cgroupPath: now?.CgroupPath ?? null,
    runtimePath: optionalText(property(main, 'OCIRuntime'), 'OCIRuntime'),
  };
}

/**
 * Devices that were asked for. HostConfig.Devices lists what became nodes; the options themselves, rules included, only stand in the command
 * that created the container, of which nothing else is kept.
 */
function askedFor(main: Record<string, unknown>): Pick<PodmanSource, 'privileged' | 'devices' | 'deviceCgroupRules'> {
  const host = section(main, 'HostConfig');
  const command = textList(property(section(main, 'Config'), 'CreateCommand'), 'Config.CreateCommand');
  const listed = fallback(array(device), () => [])(property(host, 'Devices'), 'HostConfig.Devices');
  const options = optionValues(command, '--device');
  return {
    privileged: nullable(boolean)(property(host, 'Privileged'), 'HostConfig.Privileged'),
    devices: options.length > 0 ? options : listed,
    deviceCgroupRules: optionValues(command, '--device-cgroup-rule'),
  };
}

/** "/dev/fuse:/dev/fuse:rwm", as --device takes it. */
const device: Decoder<string> = (value, path) => {
  const entry = plainObject(value, path);
  const parts = ['PathOnHost', 'PathInContainer', 'CgroupPermissions'].map((key) =>
    plainText(property(entry, key), `${path}.${key}`),
  );
  return parts.filter((part) => part !== '').join(':');
};

function optionValues(command: string[], option: string): string[] {
  return command.flatMap((word, index) => {
    if (word === option) return command[index + 1] ?? [];
    return word.startsWith(`${option}=`) ? word.slice(option.length + 1) : [];
  });
}
