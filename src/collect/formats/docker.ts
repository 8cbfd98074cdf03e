import type { Decoder } from '../../snapshot/decode.js';
import { array, boolean, fallback, integer, nullable, object, plainObject, property } from '../../snapshot/decode.js';
import type { DockerSource } from '../../snapshot/types.js';
import { inspected, optionalText, parseRuntimeJson, plainText, textList } from './json.js';

/** What Docker's files say of a container besides what was asked for. */
export interface DockerFacts {
  source: DockerSource;
  id: string | null;
  running: boolean | null;
  /** Pid of the init process; 0 when it is stopped. */
  pid: number | null;
  startedAt: string | null;
  /** User namespace of its own: daemon's --userns-remap, unless the container opted out with --userns=host. */
  userNamespaceMode: string | null;
}

/** hostconfig.json, or HostConfig of `docker inspect`. Go writes empty lists as null. */
const hostConfig: Decoder<Omit<DockerSource, 'kind' | 'path' | 'name'>> = (value, path) => {
  const source = plainObject(value, path);
  const field = <T>(key: string, decoder: Decoder<T>): T => decoder(property(source, key), `${path}.${key}`);
  const device: Decoder<DockerSource['devices'][number]> = (item, at) => {
    const [pathOnHost, pathInContainer, cgroupPermissions] = ['PathOnHost', 'PathInContainer', 'CgroupPermissions'].map(
      (key) => plainText(property(plainObject(item, at), key), `${at}.${key}`),
    ) as [string, string, string];
    return { pathOnHost, pathInContainer, cgroupPermissions };
  };
  const request: Decoder<DockerSource['deviceRequests'][number]> = (item, at) => {
    const entry = plainObject(item, at);
    return {
      driver: plainText(property(entry, 'Driver'), `${at}.Driver`),
      count: fallback(integer(), () => 0)(property(entry, 'Count'), `${at}.Count`),
      deviceIds: textList(property(entry, 'DeviceIDs'), `${at}.DeviceIDs`),
      capabilities: fallback(array(textList, 100), () => [])(property(entry, 'Capabilities'), `${at}.Capabilities`),
    };
  };
  return {
    privileged: field('Privileged', nullable(boolean)),
    devices: field(
      'Devices',
      fallback(array(device, 10_000), () => []),
    ),
    deviceCgroupRules: field('DeviceCgroupRules', textList),
    deviceRequests: field(
      'DeviceRequests',
      fallback(array(request, 1000), () => []),
    ),
    runtime: field('Runtime', optionalText),
    cgroupParent: field('CgroupParent', optionalText),
  };
};

const unknownHostConfig: Omit<DockerSource, 'kind' | 'path' | 'name'> = {
  privileged: null,
  devices: [],
  deviceCgroupRules: [],
  deviceRequests: [],
  runtime: null,
  cgroupParent: null,
};

/**
 * Reads what the daemon keeps in /var/lib/docker/containers/ID.
 * @param config text of config.v2.json, null if it could not be had
 * @param hostconfig text of hostconfig.json, null if it could not be had
 * @throws InputError if one is no such file
 */
export function parseDockerFiles(config: string | null, hostconfig: string | null, path: string): DockerFacts {
  const main = config === null ? {} : parseRuntimeJson(config);
  const asked = hostconfig === null ? null : parseRuntimeJson(hostconfig);
  return facts(main, 'ID', asked, path);
}

/**
 * Reads the output of `docker inspect` for one container.
 * @throws InputError if it is no such output
 */
export function parseDockerInspect(content: string, path: string): DockerFacts {
  const main = inspected(content);
  const asked = property(main, 'HostConfig');
  return facts(main, 'Id', asked === undefined || asked === null ? null : plainObject(asked, 'HostConfig'), path);
}

function facts(
  main: Record<string, unknown>,
  idKey: string,
  asked: Record<string, unknown> | null,
  path: string,
): DockerFacts {
  const state = property(main, 'State');
  const running = object<{ Running: boolean | null; Pid: number | null; StartedAt: string | null }>({
    Running: nullable(boolean),
    Pid: nullable(integer(0)),
    StartedAt: optionalText,
  });
  const now = state === undefined || state === null ? null : running(state, 'State');
  const name = optionalText(property(main, 'Name'), 'Name');
  return {
    // Docker keeps the name as a path, "/web", since links between containers were paths too.
    source: {
      kind: 'docker',
      path,
      name: name?.replace(/^\//, '') ?? null,
      ...(asked === null ? unknownHostConfig : hostConfig(asked, 'HostConfig')),
    },
    id: optionalText(property(main, idKey), idKey),
    running: now?.Running ?? null,
    pid: now?.Pid ?? null,
    startedAt: now?.StartedAt ?? null,
    userNamespaceMode: asked === null ? null : optionalText(property(asked, 'UsernsMode'), 'HostConfig.UsernsMode'),
  };
}
