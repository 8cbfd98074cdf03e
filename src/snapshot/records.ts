import type { Decoder } from './decode.js';
import {
  array,
  base64,
  boolean,
  fallback,
  integer,
  literal,
  mismatch,
  nullable,
  object,
  record,
  string,
  tagged,
} from './decode.js';
import type {
  AttachedQuery,
  CgroupRecord,
  ConfinementRecord,
  ContainerRecord,
  DeviceLinks,
  HostRecord,
  MapRecord,
  NestedHostRecord,
  NodeRecord,
  ProblemRecord,
  ProgramRecord,
  RawDeviceNode,
  RawDeviceRule,
  ReadFailure,
  SourceRecord,
  SystemdRecord,
  UnitFileRecord,
  UnitRecord,
  UnreadableSource,
  VersionRecord,
} from './types.js';

/** One decoder per record of types.ts; the compiler checks that none leaves a field out. */
const text = string();
const texts = array(text, 100_000);
const optionalText = nullable(text);
const optionalFlag = nullable(boolean);
const optionalNumber = nullable(integer());
const optionalCount = nullable(integer(0));
const id = integer(0, 0xffff_ffff);
const ids = array(id, 1 << 16);
/** /proc/devices and other whole files. */
const longText = string(1 << 20);

const readFailure: Decoder<ReadFailure> = object<ReadFailure>({ failed: text, code: optionalText });

/** What was read, or why it could not be: a ReadFailure has `failed`. */
function orFailure<T>(decoder: Decoder<T>): Decoder<T | ReadFailure> {
  return (value, path) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, 'failed')
      ? readFailure(value, path)
      : decoder(value, path);
}

const version = object<VersionRecord>({
  version: text,
  source: text,
  changedAt: fallback(optionalText, () => null),
});
const systemd = object<SystemdRecord>({ version: text, source: text, unitsLoadTimestampMonotonicUs: optionalCount });
const linkNames = nullable(texts);
const deviceLinks = fallback(
  object<DeviceLinks>({ devChar: linkNames, devBlock: linkNames, sysDevChar: linkNames, sysDevBlock: linkNames }),
  () => ({ devChar: null, devBlock: null, sysDevChar: null, sysDevBlock: null }),
);

const bpfPins = nullable(array(object({ path: text, present: boolean }), 100_000));

export const hostRecord: Decoder<HostRecord> = object<HostRecord>({
  kernelRelease: optionalText,
  machine: optionalText,
  byteOrder: literal('little', 'big'),
  hostname: optionalText,
  bootId: optionalText,
  cgroupLayout: nullable(literal('unified', 'hybrid', 'v1', 'none')),
  cgroupMount: optionalText,
  kptrRestrict: optionalNumber,
  bpfJitHarden: optionalNumber,
  bpfJitEnable: optionalNumber,
  perfEventParanoid: optionalNumber,
  unprivilegedBpfDisabled: optionalNumber,
  capEff: optionalText,
  systemd: nullable(systemd),
  runtimes: record(version),
  procDevices: nullable(longText),
  devChar: optionalFlag,
  deviceLinks,
  bpfPins,
  clockSynchronised: optionalFlag,
  v1Devices: array(object({ path: text, list: longText })),
  containerisedBy: optionalText,
});

export const cgroupRecord: Decoder<CgroupRecord> = object<CgroupRecord>({
  path: text,
  id: optionalCount,
  attached: orFailure(
    object<AttachedQuery>({
      programIds: ids,
      attachFlags: integer(0),
      programAttachFlags: nullable(array(integer(0))),
      revision: optionalCount,
    }),
  ),
  effective: orFailure(object({ programIds: ids })),
});

/** The kernel's tag: 8 bytes in hex. */
export const programTag: Decoder<string> = (value, path) =>
  typeof value === 'string' && /^[0-9a-f]{16}$/.test(value) ? value : mismatch(path, '16 hexadecimal digits', value);

export const programRecord: Decoder<ProgramRecord> = object<ProgramRecord>({
  id,
  tag: nullable(programTag),
  name: text,
  loadedAtNs: optionalCount,
  loadedAt: optionalText,
  uid: optionalCount,
  gplCompatible: optionalFlag,
  btfId: optionalCount,
  jited: optionalFlag,
  mapIds: ids,
  functionCount: optionalCount,
  xlated: nullable(base64()),
  unreadable: optionalText,
  helpers: record(text),
  freplaced: nullable(literal('no', 'yes', 'unknown')),
});

export const mapRecord: Decoder<MapRecord> = object<MapRecord>({
  id,
  type: text,
  name: text,
  keySize: integer(0, 1 << 24),
  valueSize: integer(0, 1 << 28),
  maxEntries: integer(0, 0xffff_ffff),
  flags: integer(0, 0xffff_ffff),
  frozen: boolean,
  entries: orFailure(array(object({ key: base64(), value: base64() }))),
  asOf: optionalText,
});

const confinement = object<ConfinementRecord>({
  mounts: array(object({ point: text, type: text, nodev: boolean }), 10_000),
  modes: array(object({ path: text, mode: integer(0, 0o7777), uid: integer(0), gid: integer(0) }), 20_000),
  securityLabel: optionalText,
});

export const nodeRecord: Decoder<NodeRecord> = object<NodeRecord>({
  path: text,
  type: nullable(literal('b', 'c')),
  major: integer(0, 0xffff_ffff),
  minor: integer(0, 0xffff_ffff),
});

const rule = object<RawDeviceRule>({
  allow: optionalFlag,
  type: optionalText,
  major: optionalNumber,
  minor: optionalNumber,
  access: optionalText,
});
const rules = nullable(array(rule, 100_000));
const ociNode = object<RawDeviceNode>({ path: text, type: optionalText, major: optionalNumber, minor: optionalNumber });
const ociNodes = array(ociNode, 100_000);

/** One decoder per kind of source. */
const sources: { [K in SourceRecord['kind']]: Decoder<Extract<SourceRecord, { kind: K }>> } = {
  'runc-state': object({
    kind: literal('runc-state'),
    path: text,
    devices: rules,
    allowedDevices: rules,
    deniedDevices: rules,
    allowAllDevices: optionalFlag,
    skipDevices: optionalFlag,
    nodes: ociNodes,
    hooks: texts,
    id: optionalText,
    bundle: optionalText,
    initProcessPid: optionalNumber,
    initProcessStart: optionalNumber,
    cgroupPath: optionalText,
    cgroup: object({
      name: optionalText,
      parent: optionalText,
      scopePrefix: optionalText,
      path: optionalText,
      systemd: optionalFlag,
      rootless: optionalFlag,
    }),
    created: optionalText,
    keys: texts,
  }),
  'oci-config': object({
    kind: literal('oci-config'),
    path: text,
    ociVersion: optionalText,
    resourcesDevices: rules,
    hasResources: boolean,
    devices: ociNodes,
    cgroupsPath: optionalText,
    userNamespace: boolean,
    annotations: record(text),
    hooks: texts,
  }),
  'crun-status': object({
    kind: literal('crun-status'),
    path: text,
    pid: optionalNumber,
    processStartTime: optionalNumber,
    cgroupPath: optionalText,
    scope: optionalText,
    bundle: optionalText,
    systemdCgroup: optionalFlag,
  }),
  docker: object({
    kind: literal('docker'),
    path: text,
    name: optionalText,
    privileged: optionalFlag,
    devices: array(object({ pathOnHost: text, pathInContainer: text, cgroupPermissions: text }), 100_000),
    deviceCgroupRules: texts,
    deviceRequests: array(
      object({ driver: text, count: integer(), deviceIds: texts, capabilities: array(texts, 1000) }),
      10_000,
    ),
    runtime: optionalText,
    cgroupParent: optionalText,
  }),
  podman: object({
    kind: literal('podman'),
    path: text,
    names: texts,
    privileged: optionalFlag,
    devices: nullable(texts),
    deviceCgroupRules: nullable(texts),
  }),
  'lxc-config': object({
    kind: literal('lxc-config'),
    path: text,
    assignments: array(object({ key: text, value: text }), 100_000),
  }),
  'incus-config': object({
    kind: literal('incus-config'),
    path: text,
    privileged: optionalFlag,
    config: record(text),
    devices: array(object({ name: text, options: record(text) }), 10_000),
  }),
  unreadable: object<UnreadableSource>({
    kind: literal('unreadable'),
    expected: literal('runc-state', 'oci-config', 'crun-status', 'docker', 'podman', 'lxc-config', 'incus-config'),
    path: text,
    failed: text,
    code: optionalText,
  }),
};

export const containerRecord: Decoder<ContainerRecord> = object<ContainerRecord>({
  key: text,
  engine: text,
  runtime: optionalText,
  runtimeVersion: nullable(version),
  id: text,
  names: texts,
  namespace: optionalText,
  kubernetes: nullable(object({ namespace: text, pod: text, container: text })),
  state: literal('running', 'stopped', 'unknown'),
  pid: optionalCount,
  cgroup: optionalText,
  otherThreadCgroups: texts,
  nestedIn: optionalText,
  unit: optionalText,
  userNamespace: optionalFlag,
  startedAt: optionalText,
  sources: array(tagged<SourceRecord>('kind', sources), 1000),
  nodes: array(nodeRecord),
  // Snapshots of before this was collected do not have it.
  confinement: fallback(nullable(confinement), () => null),
});

const assignment: Decoder<[string, string, string]> = (value, path) => {
  const parts = array(text, 3)(value, path);
  const [section, key, setting] = parts;
  if (section === undefined || key === undefined || setting === undefined)
    mismatch(path, '[section, key, value]', value);
  return [section, key, setting];
};

export const unitRecord: Decoder<UnitRecord> = object<UnitRecord>({
  name: text,
  nestedIn: optionalText,
  cgroup: optionalText,
  files: nullable(array(object<UnitFileRecord>({ path: text, assignments: array(assignment, 100_000) }), 10_000)),
  shown: nullable(record(texts)),
});

export const nestedHostRecord: Decoder<NestedHostRecord> = object<NestedHostRecord>({
  key: text,
  cgroup: optionalText,
  systemd: nullable(systemd),
  runtimes: record(version),
  devChar: optionalFlag,
  deviceLinks,
  bpfPins: fallback(bpfPins, () => null),
});

export const problemRecord: Decoder<ProblemRecord> = object<ProblemRecord>({
  subject: text,
  message: text,
  code: optionalText,
});
