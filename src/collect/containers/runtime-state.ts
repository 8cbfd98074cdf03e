import { nullable, integer, property, string } from '../../snapshot/decode.js';
import type { OciConfigSource, SourceRecord } from '../../snapshot/types.js';
import { attempt } from '../attempt.js';
import type { FileTree } from '../files.js';
import { parseCrunStatus } from '../formats/crun-status.js';
import { parseRuntimeJson } from '../formats/json.js';
import { parseOciConfig } from '../formats/oci-config.js';
import { parseRuncState } from '../formats/runc-state.js';
import type { Detail } from './draft.js';
import { readSource } from './draft.js';

/** What a low-level runtime keeps of one container. */
export interface RuntimeState {
  runtime: 'runc' | 'crun' | 'youki';
  id: string;
  pid: number | null;
  startTicks: number | null;
  cgroup: string | null;
  bundle: string | null;
  createdAt: string | null;
  /** The bundle's configuration if it was read. */
  config: OciConfigSource | null;
  sources: SourceRecord[];
}

/**
 * Reads a container's directory of runc (state.json), crun (status, config.json) or youki (state.json, youki_config.json).
 * @returns null if it is none of these: the container was removed meanwhile, or the directory is something else
 */
export function readRuntimeState(tree: FileTree, directory: string, id: string, detail: Detail): RuntimeState | null {
  const runc = readRunc(tree, directory, id, detail);
  if (runc?.sources.some(({ kind }) => kind === 'runc-state') === true) return runc;
  // What cannot be looked at cannot be read either: the files below say so in their turn.
  if (
    attempt(
      () => tree.exists(`${directory}/youki_config.json`),
      false,
      () => undefined,
    )
  )
    return readYouki(tree, directory, id);
  return runc ?? readCrun(tree, directory, id);
}

function readRunc(tree: FileTree, directory: string, id: string, detail: Detail): RuntimeState | null {
  const read = readSource(tree, `${directory}/state.json`, 'runc-state', parseRuncState);
  if (read === null) return null;
  const state = read.value;
  // The list in state.json is the one runc resolved; the bundle only tells what it was made of.
  const config = detail === 'full' ? configOf(tree, state?.bundle ?? null) : null;
  return {
    runtime: 'runc',
    id,
    pid: state?.initProcessPid ?? null,
    startTicks: state?.initProcessStart ?? null,
    cgroup: withoutMount(state?.cgroupPath ?? null),
    bundle: state?.bundle ?? null,
    createdAt: state?.created ?? null,
    config: config?.value ?? null,
    sources: [...sourcesOf(config), ...sourcesOf(read)],
  };
}

/** crun resolves no list: what it was given is its own copy of the configuration. */
function readCrun(tree: FileTree, directory: string, id: string): RuntimeState | null {
  const read = readSource(tree, `${directory}/status`, 'crun-status', parseCrunStatus);
  if (read === null) return null;
  const status = read.value;
  const config =
    readSource(tree, `${directory}/config.json`, 'oci-config', parseOciConfig) ??
    configOf(tree, status?.bundle ?? null);
  return {
    runtime: 'crun',
    id,
    pid: status?.pid ?? null,
    startTicks: status?.processStartTime ?? null,
    cgroup: status?.cgroupPath ?? null,
    bundle: status?.bundle ?? null,
    createdAt: null,
    config: config?.value ?? null,
    sources: [...sourcesOf(config), ...sourcesOf(read)],
  };
}

/** youki's state.json is the OCI state document with more keys; what is of use here are the pid and the bundle. */
function readYouki(tree: FileTree, directory: string, id: string): RuntimeState | null {
  const read = readSource(tree, `${directory}/state.json`, 'oci-config', (text) => {
    const state = parseRuntimeJson(text);
    const field = nullable(string(4096));
    return {
      pid: nullable(integer(0))(property(state, 'pid'), 'pid'),
      bundle: field(property(state, 'bundle'), 'bundle'),
      created: field(property(state, 'created'), 'created'),
    };
  });
  if (read === null) return null;
  const config = configOf(tree, read.value?.bundle ?? null);
  return {
    runtime: 'youki',
    id,
    pid: read.value?.pid ?? null,
    startTicks: null,
    cgroup: null,
    bundle: read.value?.bundle ?? null,
    createdAt: read.value?.created ?? null,
    config: config?.value ?? null,
    sources: [...sourcesOf(config), ...(read.failure === null ? [] : [read.failure])],
  };
}

type ReadConfig = ReturnType<typeof readSource<OciConfigSource>>;

/** The configuration of a bundle. */
export function configOf(tree: FileTree, bundle: string | null): ReadConfig {
  return bundle === null ? null : readSource(tree, `${bundle}/config.json`, 'oci-config', parseOciConfig);
}

/** What was read, or why it was not, as a list of sources. */
export function sourcesOf<T extends SourceRecord>(read: ReturnType<typeof readSource<T>>): SourceRecord[] {
  if (read === null) return [];
  return [read.failure ?? read.value];
}

/** cgroup_paths[""] is a directory of the file system runc saw. */
function withoutMount(path: string | null): string | null {
  const below = /^\/sys\/fs\/cgroup(?:\/unified)?(\/.*)$/.exec(path ?? '')?.[1];
  return below ?? null;
}
