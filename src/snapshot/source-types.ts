/** Files that say what a container was meant to have, as they were read: fields that are absent are null, nothing is judged. */
/** A device rule as JSON files of OCI runtimes write it. Fields that were absent are null, kept apart from -1. */
export interface RawDeviceRule {
  allow: boolean | null;
  /** OCI: "a", "b", "c", "p", "u"; runc state.json: the rune as a number, kept as that character here ("c" for 99). */
  type: string | null;
  major: number | null;
  minor: number | null;
  /** "rwm" in any order; OCI calls it access, runc permissions. */
  access: string | null;
}
/** An entry of `linux.devices` (OCI) or of runc's `config.devices`: a node to make in the container. Absent fields are null. */
export interface RawDeviceNode {
  path: string;
  type: string | null;
  major: number | null;
  minor: number | null;
}

/** A file that says what a container was meant to have, by `kind`. */
export type SourceRecord =
  | RuncStateSource
  | OciConfigSource
  | CrunStatusSource
  | DockerSource
  | PodmanSource
  | LxcConfigSource
  | IncusConfigSource
  | UnreadableSource;

/** runc's state.json (/run/runc/ID/state.json and where engines keep it): the list the runtime compiled. */
export interface RuncStateSource {
  kind: 'runc-state';
  path: string;
  /** `config.cgroups.devices`; null when the key is absent (an empty list since cgroups 0.0.4). */
  devices: RawDeviceRule[] | null;
  /** rc10/rc90 only. */
  allowedDevices: RawDeviceRule[] | null;
  deniedDevices: RawDeviceRule[] | null;
  allowAllDevices: boolean | null;
  /** rc93 to rc95. */
  skipDevices: boolean | null;
  /** Nodes to create: `config.devices`. */
  nodes: RawDeviceNode[];
  /** Programs named in `config.Hooks`, paths without arguments. */
  hooks: string[];
  id: string | null;
  bundle: string | null;
  initProcessPid: number | null;
  /** Clock ticks since boot; rejects stale files. */
  initProcessStart: number | null;
  /** `cgroup_paths[""]`. */
  cgroupPath: string | null;
  cgroup: {
    name: string | null;
    parent: string | null;
    scopePrefix: string | null;
    path: string | null;
    systemd: boolean | null;
    rootless: boolean | null;
  };
  created: string | null;
  /** Keys seen that tell generations apart (names only, sorted). */
  keys: string[];
}

/** The OCI runtime configuration of a bundle (config.json): what the engine asked the runtime for. */
export interface OciConfigSource {
  kind: 'oci-config';
  path: string;
  ociVersion: string | null;
  /** `linux.resources.devices`; null when absent. */
  resourcesDevices: RawDeviceRule[] | null;
  /** `linux.resources` present at all. */
  hasResources: boolean;
  /** `linux.devices`. */
  devices: RawDeviceNode[];
  cgroupsPath: string | null;
  userNamespace: boolean;
  /** The annotations that name a container or choose a cgroup: io.kubernetes.*, io.container.manager, run.oci.*, org.opencontainers.*. */
  annotations: Record<string, string>;
  /** Programs named as hooks, paths without arguments: a hook may add devices that are in no list (libnvidia-container). */
  hooks: string[];
}

/** crun's status file (/run/crun/ID/status). */
export interface CrunStatusSource {
  kind: 'crun-status';
  path: string;
  pid: number | null;
  /** Clock ticks since boot; rejects stale files. */
  processStartTime: number | null;
  cgroupPath: string | null;
  scope: string | null;
  bundle: string | null;
  systemdCgroup: boolean | null;
}

/** Docker's record of a container: what was asked for with `docker run`. */
export interface DockerSource {
  kind: 'docker';
  /** config.v2.json and hostconfig.json (what of them is there). */
  path: string;
  name: string | null;
  privileged: boolean | null;
  devices: { pathOnHost: string; pathInContainer: string; cgroupPermissions: string }[];
  deviceCgroupRules: string[];
  deviceRequests: { driver: string; count: number; deviceIds: string[]; capabilities: string[][] }[];
  runtime: string | null;
  cgroupParent: string | null;
}

/** Podman's record of a container: what was asked for with `podman run`. */
export interface PodmanSource {
  kind: 'podman';
  path: string;
  names: string[];
  privileged: boolean | null;
  /** --device and --device-cgroup-rule where `podman inspect` gave them; null: not known, Podman keeps them in its database only. */
  devices: string[] | null;
  deviceCgroupRules: string[] | null;
}

/** An LXC container's configuration (lxc.container.conf(5)). */
export interface LxcConfigSource {
  kind: 'lxc-config';
  path: string;
  /** Device, cgroup-path and idmap keys in order of reading, includes followed. */
  assignments: { key: string; value: string }[];
}

/** The instance's own configuration (`incus config show`, the YAML as kept or captured): what was asked for. */
export interface IncusConfigSource {
  kind: 'incus-config';
  path: string;
  /** `security.privileged`. */
  privileged: boolean | null;
  /** Keys that bear on devices (security.*, raw.lxc, linux.*), as text. */
  config: Record<string, string>;
  /** Devices by name, each with its options ("type", "path", "source", "major", "minor", "mode" ...). */
  devices: { name: string; options: Record<string, string> }[];
}

/** A source that is there, or should be, and could not be read: the comparison is incomplete. */
export interface UnreadableSource {
  kind: 'unreadable';
  /** What it would have been. */
  expected: Exclude<SourceRecord['kind'], 'unreadable'>;
  path: string;
  failed: string;
  code: string | null;
}
