/**
 * A host as a value. Everything the analysis needs is collected once into a `Snapshot`; all else is a pure function of it.
 * Records hold what was read, raw: device rules as the runtime wrote them, unit settings as text, bytecode as bytes in base64.
 * Meaning is given to them by `intent`, `ebpf` and `effective`. No environment, command line or other secret of a container is kept:
 * collectors copy the named fields below and nothing else.
 *
 * Conventions: optional knowledge is `null` ("could not be had"), never a default; times are ISO 8601 UTC strings or nanoseconds of
 * CLOCK_BOOTTIME as numbers; byte strings are base64; cgroup paths begin with "/" and are relative to the host's cgroup v2 root.
 */
import type { SourceRecord } from './source-types.js';

export type * from './source-types.js';

/** What `schema` says in a saved snapshot. */
export const SNAPSHOT_SCHEMA = 'devpolicy/snapshot';
/** Major and minor. Readers take every minor of a major they know: within a major only fields are added. */
export const SNAPSHOT_VERSION: readonly [number, number] = [1, 0];

/** A host as a value; the conventions stand at the top of src/snapshot/types.ts and in docs/schemas/snapshot.schema.json. */
export interface Snapshot {
  schema: typeof SNAPSHOT_SCHEMA;
  schemaVersion: [number, number];
  tool: { name: 'devpolicy'; version: string };
  /** When collecting began, wall clock. `null` for folders that do not say. */
  collectedAt: string | null;
  /** CLOCK_BOOTTIME at collecting, ns; ages of programs are measured against it. */
  bootTimeNs: number | null;
  /** "host": all that was found. "targets": only what was asked for and what it depends on; absence of a container then means nothing. */
  scope: 'host' | 'targets';
  /** What a folder captured by hand is about: the key of a container or "cgroup:/path". Commands take it when no target is given. */
  subject: string | null;
  host: HostRecord;
  cgroups: CgroupRecord[];
  programs: ProgramRecord[];
  maps: MapRecord[];
  containers: ContainerRecord[];
  /** systemd units that own a cgroup above or at one of `cgroups`, and those with device settings. */
  units: UnitRecord[];
  /** Device nodes known on the host: what /dev paths were (for DeviceAllow=/dev/x and for naming). */
  nodes: NodeRecord[];
  /** Hosts inside containers of this host (Docker in LXC, in nspawn, in Docker) whose own containers and units were collected too. */
  nestedHosts: NestedHostRecord[];
  /** Containers that went away while being read. */
  vanished: number;
  /** What could not be read. Never empty-handed success: `verify` turns entries that matter into "incomplete". */
  problems: ProblemRecord[];
}

/** What is known of the machine and its kernel. Settings are those of /proc/sys (kernel.kptr_restrict, net.core.bpf_jit_harden ...), as numbers. */
export interface HostRecord {
  kernelRelease: string | null;
  /** uname machine, "x86_64". */
  machine: string | null;
  byteOrder: 'little' | 'big';
  hostname: string | null;
  /** /proc/sys/kernel/random/boot_id: tells two boots of one machine apart. */
  bootId: string | null;
  /** "unified": cgroup v2 only. "hybrid": v2 plus a v1 devices controller. "v1": no v2 hierarchy. "none": neither. */
  cgroupLayout: 'unified' | 'hybrid' | 'v1' | 'none' | null;
  /** Mount point of cgroup v2 as the collector saw it. */
  cgroupMount: string | null;
  /** Kernel settings that decide what a dump shows; null = unreadable. */
  kptrRestrict: number | null;
  bpfJitHarden: number | null;
  bpfJitEnable: number | null;
  perfEventParanoid: number | null;
  unprivilegedBpfDisabled: number | null;
  /** Effective capabilities of the collector as a hex string ("000001ffffffffff"). */
  capEff: string | null;
  systemd: SystemdRecord | null;
  /** Versions of runtimes found in package databases or binaries' build information; key: "runc", "crun", "docker", "lxc", ... */
  runtimes: Record<string, VersionRecord>;
  /** Text of /proc/devices. */
  procDevices: string | null;
  /** Does /dev/char exist? (Without it runc 1.1.3 to 1.1.6 tells systemd a shorter list.) */
  devChar: boolean | null;
  /** Names ("1:3") in /dev/char, /dev/block, /sys/dev/char and /sys/dev/block, sorted. */
  deviceLinks: DeviceLinks;
  /** Every path that a unit's BPFProgram= or a container's scope names (crun pins under /sys/fs/bpf/crun), looked at without opening it. */
  bpfPins: { path: string; present: boolean }[] | null;
  /** STA_UNSYNC of adjtimex; null unknown. */
  clockSynchronised: boolean | null;
  /** cgroup v1 devices controller of hybrid hosts, one record per v1 directory that holds a known container. */
  v1Devices: V1DevicesRecord[];
  /** "lxc", "systemd-nspawn", "docker" ... when this host is itself a container. */
  containerisedBy: string | null;
}

/** [] when the directory does not exist or is empty, null when it was not looked at. */
export interface DeviceLinks {
  devChar: string[] | null;
  devBlock: string[] | null;
  sysDevChar: string[] | null;
  sysDevBlock: string[] | null;
}

/** A version as it stands where it was read, and where that was. */
export interface VersionRecord {
  version: string;
  /** Where it was read: "dpkg", "apk", "pacman", "buildinfo:/usr/bin/runc", "case.json". */
  source: string;
  /**
   * When the program's file last changed (st_ctime), for low-level runtimes: a container that was started later was started by this version, one that is older
   * may have been started by another. null: not known.
   */
  changedAt: string | null;
}

/** The service manager of a host. */
export interface SystemdRecord {
  /** The full version string ("257.13-1~deb13u1"); the leading number is the release. */
  version: string;
  source: string;
  /** Manager timestamps in µs of CLOCK_MONOTONIC, where they could be had. */
  unitsLoadTimestampMonotonicUs: number | null;
}

/** `devices.list` of one directory of the cgroup v1 devices controller: its path below the mount of that controller, and its text. */
export interface V1DevicesRecord {
  path: string;
  list: string;
}

/** A cgroup of the v2 hierarchy and the device programs on it. */
export interface CgroupRecord {
  path: string;
  /** st_ino of the directory = the kernel's cgroup id. */
  id: number | null;
  /** BPF_PROG_QUERY without flags: programs attached to exactly this cgroup, list order; duplicates are legal. */
  attached: AttachedQuery | ReadFailure;
  /** BPF_PROG_QUERY with BPF_F_QUERY_EFFECTIVE: the run array, index 0 runs first. */
  effective: { programIds: number[] } | ReadFailure;
}
/** What BPF_PROG_QUERY says of the device programs attached to one cgroup (include/uapi/linux/bpf.h). */
export interface AttachedQuery {
  programIds: number[];
  /** BPF_F_ALLOW_OVERRIDE 1, BPF_F_ALLOW_MULTI 2, 0 none. */
  attachFlags: number;
  /** Per program, where the kernel gives them (6.0 and later). */
  programAttachFlags: number[] | null;
  /** Counts the changes of this cgroup's list (Linux 6.17 and later); null where the kernel does not say. */
  revision: number | null;
}
/** Something could not be read: `failed` is one line that says what and why. */
export interface ReadFailure {
  failed: string;
  /** errno name, or null where no system call failed. */
  code: string | null;
}

/** A device program, as BPF_OBJ_GET_INFO_BY_FD gives it (struct bpf_prog_info, include/uapi/linux/bpf.h). `uid` is the loader's. */
export interface ProgramRecord {
  id: number;
  /** 16 hex digits. Never proof of equality. */
  tag: string | null;
  name: string;
  /** ns of CLOCK_BOOTTIME. */
  loadedAtNs: number | null;
  /** The same moment by the wall clock where only that is known (bpftool prints it, to the second). */
  loadedAt: string | null;
  uid: number | null;
  gplCompatible: boolean | null;
  btfId: number | null;
  jited: boolean | null;
  mapIds: number[];
  /** Number of functions including main, if the kernel said. */
  functionCount: number | null;
  /** Translated instructions, base64; null when they could not be read, then `unreadable` says why. */
  xlated: string | null;
  unreadable: string | null;
  /** Helper calls by name: key is the call's immediate as a signed decimal ("-108800"), value the kernel symbol or helper name. */
  helpers: Record<string, string>;
  /** True when a loaded BPF_PROG_TYPE_EXT program targets this one or might (kernel does not say which): its bytes are not its behaviour. */
  freplaced: 'no' | 'yes' | 'unknown' | null;
}

/** A map that a program uses. Sizes are in bytes. */
export interface MapRecord {
  id: number;
  /** "array", "hash", "lpm_trie", "prog_array", "percpu_array", ... (kernel's enum bpf_map_type in lower case). */
  type: string;
  name: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  /** BPF_F_RDONLY_PROG etc. */
  flags: number;
  frozen: boolean;
  /** Entries as base64 pairs, or why they could not be read. */
  entries: { key: string; value: string }[] | ReadFailure;
  /** When the contents were read. */
  asOf: string | null;
}

/** A container, pod member, virtual machine or other thing that owns a cgroup and has (or could have) a source of intent. */
export interface ContainerRecord {
  /** Stable key inside the snapshot: "docker:web", "runc:ctr1", "lxc:box". */
  key: string;
  /** Who manages it: "docker" | "podman" | "containerd" | "cri-o" | "runc" | "crun" | "youki" | "lxc" | "incus" | "nspawn" | "libvirt" ... */
  engine: string;
  /** Low-level runtime if known: "runc" | "crun" | "youki" | null. */
  runtime: string | null;
  /** Version of that runtime if known for this very container. */
  runtimeVersion: VersionRecord | null;
  id: string;
  names: string[];
  /** containerd namespace, LXD project ... */
  namespace: string | null;
  kubernetes: { namespace: string; pod: string; container: string } | null;
  state: 'running' | 'stopped' | 'unknown';
  pid: number | null;
  /** cgroup of the init process ("0::"), null when stopped or unreadable. */
  cgroup: string | null;
  /** Other cgroups that threads of the init process are in (threaded cgroups). */
  otherThreadCgroups: string[];
  /** Key of the container it runs in, for containers of a nested host; null for the host's own. */
  nestedIn: string | null;
  /** systemd unit that owns the cgroup, by path: "docker-abc.scope". */
  unit: string | null;
  /** True when it runs in a user namespace of its own (runtimes then swallow BPF errors). */
  userNamespace: boolean | null;
  startedAt: string | null;
  sources: SourceRecord[];
  /** Nodes seen in the container's own /dev (bounded), path inside the container. */
  nodes: NodeRecord[];
  /** What besides the device policy may refuse a device in it; null: not looked at. */
  confinement: ConfinementRecord | null;
}

/** Things other than the device policy that may refuse a device in a container. */
export interface ConfinementRecord {
  /** The mounts at "/", at "/dev" and below it, in the order of mounting, paths inside the container. */
  mounts: { point: string; type: string; nodev: boolean }[];
  /** Permission bits and owner, in the host's numbers, of the nodes below /dev. */
  modes: { path: string; mode: number; uid: number; gid: number }[];
  /** AppArmor profile or SELinux context of the first process; null: none, or it could not be read. */
  securityLabel: string | null;
}

/** A systemd unit, from its files and, where systemd was asked, from what systemd holds. */
export interface UnitRecord {
  /** "docker-abc.scope", "system.slice", "-.slice". Names are unique per host only: join units to cgroups by `cgroup`. */
  name: string;
  /** Key of the container whose systemd owns it (nested hosts); null for the host's own. */
  nestedIn: string | null;
  /** Cgroup path of the unit if it has one. */
  cgroup: string | null;
  /** Unit file, then drop-ins in the order systemd reads them; only settings that bear on devices or place the unit. */
  files: UnitFileRecord[] | null;
  /** `systemctl show` properties that were asked, each with all its lines; null when systemd was not asked. */
  shown: Record<string, string[]> | null;
}
/** A container that is a host itself: has a systemd or container engines of its own. */
export interface NestedHostRecord {
  /** Key of the container. */
  key: string;
  /** Where its own "/" of cgroup v2 lies: the root of its cgroup namespace, as the outer host sees it. */
  cgroup: string | null;
  systemd: SystemdRecord | null;
  runtimes: Record<string, VersionRecord>;
  devChar: boolean | null;
  deviceLinks: DeviceLinks;
  /** As the host's: pins in its own bpf file system. */
  bpfPins: HostRecord['bpfPins'];
}

/** A unit file or drop-in; path as on its host. */
export interface UnitFileRecord {
  path: string;
  /** [section, key, value] in file order; an empty value is a reset. */
  assignments: [string, string, string][];
}

/** A device node. Numbers are 0 where `type` is null. */
export interface NodeRecord {
  path: string;
  /** "b" or "c"; null: the path does not exist (ENOENT) or is no device. */
  type: 'b' | 'c' | null;
  major: number;
  minor: number;
}

/** Something that could not be read. `message` is one line, `code` an errno name or null. */
export interface ProblemRecord {
  /** What is affected: a container key, cgroup path, program id ("program:12"), or "host". */
  subject: string;
  message: string;
  code: string | null;
}
