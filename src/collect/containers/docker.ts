import { nullable, property, string } from '../../snapshot/decode.js';
import type { SourceRecord } from '../../snapshot/types.js';
import { LIMITS, isMissing } from '../files.js';
import { parseDockerFiles } from '../formats/docker.js';
import { parseRuntimeJson } from '../formats/json.js';
import type { Draft, EngineContext } from './draft.js';
import { isWanted, listed, readSource } from './draft.js';
import { runtimeFields, findRuntimeState } from './runtimes.js';
import { configOf, sourcesOf } from './runtime-state.js';

/** Docker: names and options from the daemon's own files, the list of devices from the runtime's state below them. */
export function dockerContainers(context: EngineContext): Draft[] {
  const directories = dockerDirectories(context);
  const roots = directories.exec.flatMap((exec) =>
    // "runtime-runc" is the directory of every runtime that is given by path, whatever its name.
    listed(context, exec)
      .filter((name) => name.startsWith('runtime-'))
      .map((name) => `${exec}/${name}/moby`),
  );
  return directories.data.flatMap((data) =>
    listed(context, `${data}/containers`)
      .filter((id) => /^[0-9a-f]{64}$/.test(id))
      .flatMap((id) => readContainer(context, `${data}/containers/${id}`, id, roots, directories.exec)),
  );
}

function readContainer(
  context: EngineContext,
  directory: string,
  id: string,
  roots: string[],
  exec: string[],
): Draft[] {
  const tree = context.view.tree;
  const asked = readSource(tree, `${directory}/hostconfig.json`, 'docker', (text) => text);
  const read = readSource(tree, `${directory}/config.v2.json`, 'docker', (text, path) =>
    parseDockerFiles(text, asked?.value ?? null, path),
  );
  if (read === null) return [];
  const facts = read.value;
  const names = facts?.source.name == null ? [] : [facts.source.name];
  if (!isWanted(context, id, names)) return [];
  const stopped = facts !== null && (facts.running === false || facts.pid === 0);
  const state = stopped ? null : findRuntimeState(context, roots, id);
  const config =
    state?.config == null && (context.detail === 'full' || state === null) ? readBundle(context, exec, id) : null;
  const sources: SourceRecord[] = [
    ...(read.failure === null ? [read.value.source] : [read.failure]),
    ...(asked?.failure == null ? [] : [asked.failure]),
    ...sourcesOf(config),
    ...(state?.sources ?? []),
  ];
  return [
    {
      engine: 'docker',
      ...runtimeFields(state),
      pid: stopped ? 0 : (state?.pid ?? facts?.pid ?? null),
      id,
      names,
      namespace: null,
      kubernetes: null,
      userNamespace: state?.config?.userNamespace ?? config?.value?.userNamespace ?? null,
      startedAt: facts?.startedAt ?? state?.createdAt ?? null,
      sources,
    },
  ];
}

/** The bundle lies with the containerd that dockerd uses: the system's, or one that dockerd started. */
function readBundle(context: EngineContext, exec: string[], id: string): ReturnType<typeof configOf> {
  const bases = ['/run/containerd', ...exec.map((directory) => `${directory}/containerd/daemon`)];
  for (const base of bases) {
    const config = configOf(context.view.tree, `${base}/io.containerd.runtime.v2.task/moby/${id}`);
    if (config !== null) return config;
  }
  return null;
}

/** Where the daemon keeps its files: the defaults, the snap's, and what daemon.json says. */
function dockerDirectories(context: EngineContext): { data: string[]; exec: string[] } {
  const data = ['/var/lib/docker', '/var/snap/docker/common/var-lib-docker'];
  const exec = ['/run/docker', '/run/snap.docker'];
  for (const path of ['/etc/docker/daemon.json', '/var/snap/docker/current/config/daemon.json']) {
    try {
      const settings = parseRuntimeJson(context.view.tree.readText(path, LIMITS.text));
      const setting = (key: string): string | null => nullable(string(4096))(property(settings, key), key);
      data.push(...[setting('data-root') ?? setting('graph') ?? ''].filter((directory) => directory.startsWith('/')));
      exec.push(...[setting('exec-root') ?? ''].filter((directory) => directory.startsWith('/')));
    } catch (error) {
      if (!isMissing(error))
        context.problem(
          'host',
          `${path} could not be read: containers elsewhere than in /var/lib/docker are not seen`,
          null,
        );
    }
  }
  return { data: [...new Set(data)], exec: [...new Set(exec)] };
}
