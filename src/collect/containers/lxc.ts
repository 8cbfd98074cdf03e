import type { LxcConfigSource, SourceRecord } from '../../snapshot/types.js';
import type { FileTree } from '../files.js';
import { LIMITS, fileFailure, isMissing } from '../files.js';
import { parseIncusConfig } from '../formats/incus-config.js';
import type { LxcAssignment } from '../formats/lxc-config.js';
import { parseLxcConfig } from '../formats/lxc-config.js';
import type { Located } from '../view.js';
import type { Draft, EngineContext } from './draft.js';
import { existsAt, isWanted, listed, readSource, textAt } from './draft.js';
import { sourcesOf } from './runtime-state.js';

/** Includes may include: as deep as anybody nests them, and no endless circle. */
const MAX_INCLUDES = 100;

/** LXC: a directory with a configuration per container. */
export function lxcContainers(context: EngineContext): Draft[] {
  const path = /^\s*lxc\.lxcpath\s*=\s*(\/\S*)/m.exec(textAt(context, '/etc/lxc/lxc.conf') ?? '')?.[1];
  const directories = new Set(['/var/lib/lxc', ...(path === undefined ? [] : [path.replace(/\/$/, '')])]);
  return [...directories].flatMap((directory) =>
    listed(context, directory).flatMap((name) => draftOf(context, 'lxc', name, [`${directory}/${name}/config`], [])),
  );
}

interface Manager {
  engine: 'incus' | 'lxd';
  /** lxc.conf of a running instance lies in one of these, under the instance's name. */
  runtime: string[];
  /** Directory of instances, with backup.yaml in each. */
  instances: string;
}

const MANAGERS: Manager[] = [
  { engine: 'incus', runtime: ['/run/incus', '/var/log/incus'], instances: '/var/lib/incus/containers' },
  { engine: 'lxd', runtime: ['/run/lxd', '/var/log/lxd'], instances: '/var/lib/lxd/containers' },
  {
    engine: 'lxd',
    runtime: ['/var/snap/lxd/common/lxd/logs'],
    instances: '/var/snap/lxd/common/lxd/containers',
  },
];

/** Incus and LXD: the configuration they handed to LXC, and the instance's own as far as it is kept in a file. */
export function incusContainers(context: EngineContext): Draft[] {
  return MANAGERS.flatMap((manager) => {
    const names = new Set([...manager.runtime, manager.instances].flatMap((directory) => listed(context, directory)));
    return [...names].flatMap((name) => {
      const configs = manager.runtime.map((directory) => `${directory}/${name}/lxc.conf`);
      if (!configs.some((path) => existsAt(context, path)) && !existsAt(context, `${manager.instances}/${name}`))
        return [];
      const asked = readSource(
        context.view.tree,
        `${manager.instances}/${name}/backup.yaml`,
        'incus-config',
        parseIncusConfig,
      );
      return draftOf(context, manager.engine, name, configs, sourcesOf(asked));
    });
  });
}

function draftOf(
  context: EngineContext,
  engine: string,
  name: string,
  configs: string[],
  more: SourceRecord[],
): Draft[] {
  // Outside of the default project the directory is called "project_name".
  const short = engine === 'lxc' ? name : name.replace(/^[^_]+_/, '');
  if (!isWanted(context, name, [name, short])) return [];
  const config = readLxcConfig(context.view.tree, configs);
  if (config === null && more.length === 0) return [];
  const assignments = config?.kind === 'lxc-config' ? config.assignments : [];
  return [
    {
      engine,
      runtime: null,
      id: name,
      names: [name, ...(short === name ? [] : [short])],
      namespace: short === name ? null : (name.split('_')[0] ?? null),
      kubernetes: null,
      pid: null,
      startTicks: null,
      cgroup: null,
      located: initOf(context, name, assignments),
      startedAt: null,
      userNamespace:
        config === null ? null : assignments.some(({ key }) => key === 'lxc.idmap' || key === 'lxc.id_map'),
      sources: [...more, ...(config === null ? [] : [config])],
    },
  ];
}

/** The first of the files that is there, includes followed in place (lxc.container.conf(5), lxc.include). */
function readLxcConfig(tree: FileTree, paths: string[]): SourceRecord | null {
  for (const path of paths) {
    try {
      const assignments: LxcAssignment[] = [];
      readInto(tree, path, assignments, { left: MAX_INCLUDES });
      return { kind: 'lxc-config', path, assignments } satisfies LxcConfigSource;
    } catch (error) {
      if (isMissing(error)) continue;
      return { kind: 'unreadable', expected: 'lxc-config', path, ...fileFailure(error) };
    }
  }
  return null;
}

function readInto(tree: FileTree, path: string, assignments: LxcAssignment[], includes: { left: number }): void {
  for (const assignment of parseLxcConfig(tree.readText(path, LIMITS.text))) {
    if (assignment.key !== 'lxc.include' || includes.left-- <= 0) {
      assignments.push(assignment);
      continue;
    }
    // A directory stands for the *.conf files in it.
    const isDirectory = tree.stat(assignment.value)?.isDirectory() === true;
    const files = isDirectory ? tree.list(assignment.value).filter((name) => name.endsWith('.conf')) : [null];
    for (const name of files) {
      const file = name === null ? assignment.value : `${assignment.value.replace(/\/$/, '')}/${name}`;
      try {
        readInto(tree, file, assignments, includes);
      } catch (error) {
        fileFailure(error);
        // What cannot be read stays as an include that was not followed: the list is known to be incomplete.
        assignments.push({ key: 'lxc.include', value: file });
      }
    }
  }
}

/**
 * The container's init: in "lxc.payload.NAME", with a number behind it where that name was taken, or in the cgroup that lxc.cgroup.dir.container names.
 * Incus and LXD use the same names.
 */
function initOf(context: EngineContext, name: string, assignments: LxcAssignment[]): Located | null {
  const directory = assignments
    .findLast(({ key }) => key === 'lxc.cgroup.dir.container')
    ?.value.replace(/^\/|\/$/g, '');
  const payload = `lxc.payload.${name}`;
  const candidates = context.cgroups.filter((path) => {
    const last = path.slice(path.lastIndexOf('/') + 1);
    if (directory !== undefined && path.endsWith(`/${directory}`)) return true;
    return last === payload || (last.startsWith(`${payload}-`) && /^\d+$/.test(last.slice(payload.length + 1)));
  });
  for (const path of candidates) {
    const found = context.initIn(path);
    if (found !== null) return found;
  }
  return null;
}
