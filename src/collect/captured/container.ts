import { InputError } from '../../errors.js';
import { nullable, plainObject, property, record, string } from '../../snapshot/decode.js';
import type {
  ContainerRecord,
  CrunStatusSource,
  DockerSource,
  LxcConfigSource,
  NodeRecord,
  OciConfigSource,
  RuncStateSource,
  SourceRecord,
  VersionRecord,
} from '../../snapshot/types.js';
import {
  containerKey,
  engineOf,
  kubernetesOf,
  ownerOfCgroup,
  ownerOfPayload,
  unitOfCgroup,
} from '../containers/identity.js';
import { incusDevicePath, parseDevListing } from '../formats/dev-listing.js';
import { parseCrunStatus } from '../formats/crun-status.js';
import type { DockerFacts } from '../formats/docker.js';
import { parseDockerFiles, parseDockerInspect } from '../formats/docker.js';
import { parseIncusConfig } from '../formats/incus-config.js';
import { parseJson } from '../formats/json.js';
import { isLxcConfig, parseLxcConfig } from '../formats/lxc-config.js';
import { ociConfigOf, parseOciConfig } from '../formats/oci-config.js';
import type { PodmanFacts } from '../formats/podman.js';
import { parsePodmanInspect, parseStorageContainers } from '../formats/podman.js';
import { parseRuncState } from '../formats/runc-state.js';
import type { CapturedCase } from './case.js';
import type { CapturedFolder } from './folder.js';

/** Everything the folder says of its container, by the kind of file. */
interface Found {
  state: RuncStateSource | null;
  config: OciConfigSource | null;
  crun: CrunStatusSource | null;
  docker: DockerFacts | null;
  podman: PodmanFacts | null;
  storageNames: string[];
  ctr: { id: string | null; labels: Record<string, string> } | null;
  lxc: LxcConfigSource | null;
  sources: SourceRecord[];
}

/** The container of a captured folder; null if it is about a unit or a bare cgroup. */
export function readContainer(
  folder: CapturedFolder,
  facts: CapturedCase,
  leaf: string | null,
  runtimes: Record<string, VersionRecord>,
): ContainerRecord | null {
  const found = readSources(folder, facts);
  const owner = ownerOf(leaf);
  const engine = engineName(folder, facts, found, owner?.engine ?? null);
  if (engine === null || (found.sources.length === 0 && owner === null)) return null;
  const runtime = runtimeName(facts, found);
  const id =
    facts.containerId ??
    found.docker?.id ??
    found.podman?.id ??
    found.state?.id ??
    found.ctr?.id ??
    owner?.name ??
    'unknown';
  const names = namesOf(found, owner?.name ?? null, id);
  const annotations = { ...(found.ctr?.labels ?? {}), ...(found.config?.annotations ?? {}) };
  return {
    key: containerKey(engine, names[0] ?? id),
    engine,
    runtime,
    runtimeVersion: runtimeVersion(facts, runtime, runtimes),
    id,
    names,
    namespace: namespaceOf(facts),
    kubernetes: kubernetesOf(annotations),
    state:
      leaf === null ? 'unknown' : (found.docker?.running ?? found.podman?.running) === false ? 'stopped' : 'running',
    pid: found.state?.initProcessPid ?? found.crun?.pid ?? found.docker?.pid ?? found.podman?.pid ?? null,
    cgroup: leaf,
    otherThreadCgroups: [],
    nestedIn: null,
    unit: unitOfCgroup(leaf),
    userNamespace: userNamespaceOf(found),
    startedAt: found.docker?.startedAt ?? found.podman?.startedAt ?? found.state?.created ?? null,
    sources: found.sources,
    nodes: incusNodes(folder),
    confinement: null,
  };
}

function readSources(folder: CapturedFolder, facts: CapturedCase): Found {
  const statePath = facts.statePath ?? 'state.json';
  const state = folder.source(
    'state.json',
    'runc-state',
    (text) => parseRuncState(text, statePath),
    (value) => value,
  );
  const configPath = facts.bundlePath ?? 'config.json';
  const config = folder.source(
    'config.json',
    'oci-config',
    (text) => parseOciConfig(text, configPath),
    (value) => value,
  );
  const status = folder.names.has('crun-status.json') ? 'crun-status.json' : 'status';
  const crun = folder.source(
    status,
    'crun-status',
    (text) => parseCrunStatus(text, status),
    (value) => value,
  );
  const docker = readDocker(folder);
  const inspected = folder.source(
    'podman-inspect.json',
    'podman',
    (text) => parsePodmanInspect(text, 'podman-inspect.json'),
    ({ source }) => source,
  );
  const storage = folder.parse('containers.json', parseStorageContainers) ?? [];
  const ctr = readCtr(folder, config.value === null && config.sources.length === 0);
  const lxc = readLxc(folder);
  const incus = folder.source(
    'incus-config.yaml',
    'incus-config',
    (text) => parseIncusConfig(text, 'incus-config.yaml'),
    (value) => value,
  );
  return {
    state: state.value,
    config: config.value ?? ctr?.config ?? null,
    crun: crun.value,
    docker: docker.value,
    podman: inspected.value,
    storageNames: storage.find((each) => each.id === facts.containerId || storage.length === 1)?.names ?? [],
    ctr,
    lxc: lxc.value,
    sources: [
      ...docker.sources,
      ...inspected.sources,
      ...incus.sources,
      ...lxc.sources,
      ...config.sources,
      ...(ctr?.sources ?? []),
      ...state.sources,
      ...crun.sources,
    ],
  };
}

/** The daemon's own files say the same as `docker inspect`, and are preferred. */
function readDocker(folder: CapturedFolder): { value: DockerFacts | null; sources: SourceRecord[] } {
  const source = (facts: DockerFacts): DockerSource => facts.source;
  if (!folder.names.has('config.v2.json') && !folder.names.has('hostconfig.json')) {
    return folder.source(
      'docker-inspect.json',
      'docker',
      (text) => parseDockerInspect(text, 'docker-inspect.json'),
      source,
    );
  }
  const [first, second] = folder.names.has('config.v2.json')
    ? ['config.v2.json', 'hostconfig.json']
    : ['hostconfig.json', null];
  return folder.source(
    first,
    'docker',
    (text) =>
      second === null ? parseDockerFiles(null, text, first) : parseDockerFiles(text, folder.text(second), first),
    source,
  );
}

/** `ctr container info`: the id, labels, and the bundle's configuration as Spec. */
function readCtr(
  folder: CapturedFolder,
  wantsConfig: boolean,
): {
  id: string | null;
  labels: Record<string, string>;
  config: OciConfigSource | null;
  sources: SourceRecord[];
} | null {
  const text = nullable(string(65_536));
  return folder.parse('ctr-info.json', (content) => {
    const info = plainObject(parseJson(content), '');
    const labels = nullable(record(string(65_536)))(property(info, 'Labels'), 'Labels') ?? {};
    const spec = property(info, 'Spec');
    const config =
      !wantsConfig || spec === undefined || spec === null
        ? null
        : ociConfigOf(plainObject(spec, 'Spec'), 'ctr-info.json');
    return { id: text(property(info, 'ID'), 'ID'), labels, config, sources: config === null ? [] : [config] };
  });
}

/** lxc.conf is what Incus and LXD hand to LXC, `config` what a user of LXC writes. */
function readLxc(folder: CapturedFolder): { value: LxcConfigSource | null; sources: SourceRecord[] } {
  const name = folder.names.has('lxc.conf') ? 'lxc.conf' : 'config';
  return folder.source(
    name,
    'lxc-config',
    (text): LxcConfigSource => {
      if (!isLxcConfig(text)) throw new InputError('no LXC configuration');
      return { kind: 'lxc-config', path: name, assignments: parseLxcConfig(text) };
    },
    (value) => value,
  );
}

function ownerOf(leaf: string | null): { engine: string; name: string } | null {
  if (leaf === null) return null;
  const owner = leaf
    .split('/')
    .map(ownerOfCgroup)
    .find((each) => each !== null);
  return owner ?? ownerOfPayload(leaf);
}

/** By the files that only one engine has; then by what the folder says of itself. */
function engineName(folder: CapturedFolder, facts: CapturedCase, found: Found, ofCgroup: string | null): string | null {
  if (found.docker !== null) return 'docker';
  if (found.podman !== null || found.storageNames.length > 0) return 'podman';
  const said = [facts.engine, facts.command[0], facts.emitter]
    .map((words) => engineInWords(words ?? null))
    .find((name) => name !== null);
  // LXD keeps the same file.
  if (folder.names.has('incus-config.yaml')) return said === 'lxd' ? 'lxd' : 'incus';
  const byBundle = engineOf(found.config).engine;
  if (byBundle !== null) return byBundle;
  if (found.ctr !== null) return 'containerd';
  if (found.lxc !== null) return said === 'incus' || said === 'lxd' ? said : 'lxc';
  return (
    said ??
    ofCgroup ??
    (found.state !== null ? 'runc' : found.crun !== null ? 'crun' : found.sources.length > 0 ? 'oci' : null)
  );
}

const ENGINES = [
  'docker',
  'podman',
  'nerdctl',
  'containerd',
  'cri-o',
  'incus',
  'lxd',
  'lxc',
  'nspawn',
  'libvirt',
  'youki',
  'crun',
  'runc',
];

/** The engine that a command or a description names: "docker 20.10.24", "bookworm-podman-4.3.1-crun-1.8.1". */
function engineInWords(words: string | null): string | null {
  if (words === null) return null;
  if (/(^|\/)ctr$/.test(words)) return 'containerd';
  if (/(^|\W)crio(\W|$)/.test(words)) return 'cri-o';
  return ENGINES.find((engine) => new RegExp(`(^|[^a-z])${engine}([^a-z]|$)`).test(words)) ?? null;
}

function runtimeName(facts: CapturedCase, found: Found): string | null {
  const said = /^(runc|crun|youki)\b/.exec(facts.ociRuntime ?? '')?.[1];
  if (said !== undefined) return said;
  if (found.state !== null) return 'runc';
  if (found.crun !== null) return 'crun';
  const path = found.podman?.runtimePath ?? found.docker?.source.runtime ?? '';
  return /(?:^|\/)(runc|crun|youki)$/.exec(path)?.[1] ?? null;
}

/**
 * The version of the runtime that started this container. A note ("1.1.4 built from ...") stands for itself; what the runtime said of itself is completed
 * by the package's version, which tells builds apart.
 */
function runtimeVersion(
  facts: CapturedCase,
  runtime: string | null,
  runtimes: Record<string, VersionRecord>,
): VersionRecord | null {
  if (runtime === null) return null;
  if (runtime === 'runc' && facts.runc !== null) return noteVersion(facts.runc);
  const packaged = runtimes[runtime] ?? null;
  const said = new RegExp(`^${runtime}\\s+(?:version\\s+)?(\\S+)`).exec(facts.ociRuntime ?? '')?.[1];
  if (said === undefined) return packaged;
  return packaged?.version.startsWith(said) === true
    ? packaged
    : { version: said, source: 'case.json', changedAt: null };
}

/** "1.1.4 built from the release tag": the version, and all of the note as where it comes from. */
export function noteVersion(note: string): VersionRecord {
  return { version: note.split(/\s+/)[0] ?? note, source: `case.json: ${note}`, changedAt: null };
}

function namesOf(found: Found, ofCgroup: string | null, id: string): string[] {
  const utsName = found.lxc?.assignments.find(({ key }) => key === 'lxc.uts.name' || key === 'lxc.utsname')?.value;
  const name =
    found.docker?.source.name ??
    found.podman?.source.names[0] ??
    found.storageNames[0] ??
    engineOf(found.config).name ??
    utsName ??
    ofCgroup;
  const names = [...found.storageNames, ...(name === null ? [] : [name])];
  return names.length > 0 ? [...new Set(names)] : [id];
}

/** containerd's namespace: `ctr -n k8s.io`, or the directory of the state. */
function namespaceOf(facts: CapturedCase): string | null {
  const option = facts.command.findIndex((word) => word === '-n' || word === '--namespace');
  if (/(^|\/)(ctr|nerdctl)$/.test(facts.command[0] ?? '') && option > 0) return facts.command[option + 1] ?? null;
  return (
    /\/(?:runc|io\.containerd\.runtime\.v2\.task)\/([^/]+)\/[^/]+\/[^/]+$/.exec(facts.statePath ?? '')?.[1] ?? null
  );
}

function userNamespaceOf(found: Found): boolean | null {
  if (found.config !== null) return found.config.userNamespace;
  return found.lxc === null
    ? null
    : found.lxc.assignments.some(({ key }) => key === 'lxc.idmap' || key === 'lxc.id_map');
}

/** Incus keeps the nodes it made for a container in a directory; their names hold the path inside. */
function incusNodes(folder: CapturedFolder): NodeRecord[] {
  const listing = folder.parse('devices-dir.txt', parseDevListing);
  return (listing?.nodes ?? []).flatMap((node) => {
    const path = incusDevicePath(node.path.split('/').at(-1) ?? '');
    return path === null ? [] : [{ ...node, path }];
  });
}
