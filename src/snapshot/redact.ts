import { sortSnapshot } from './serialise.js';
import type { Snapshot } from './types.js';

/**
 * Words that say nothing about whose host it is: what the kernel, systemd, runtimes and engines call things. Every other word of a name or path is
 * replaced.
 */
const PUBLIC_WORDS = new Set(
  `slice scope service socket mount swap target conf d system user session init machine payload supervisor container containers sub sandbox
  docker moby podman libpod conmon crio cri o ocid containerd k8s io kubepods besteffort burstable guaranteed pod POD runc crun youki lxc incus lxd nspawn
  systemd libvirt qemu monitor default state json config v2 hostconfig status host targets cgroup unit file map program run var lib usr etc local share
  storage overlay userdata runtime task tasks bundle transient control attached generator early late snap common proc sys fs bpf dev root unified
  DeviceAllow DevicePolicy sd devices daemon true false yes no strict closed auto active inactive failed`.split(/\s+/),
);

/** Fields whose values are no names: kinds, versions, numbers, bytecode, rules. */
const KEPT_FIELDS = new Set([
  ...[
    'schema',
    'tool',
    'collectedAt',
    'startedAt',
    'created',
    'loadedAt',
    'asOf',
    'kernelRelease',
    'machine',
    'byteOrder',
  ],
  ...[
    'cgroupLayout',
    'capEff',
    'procDevices',
    'list',
    'tag',
    'xlated',
    'helpers',
    'type',
    'access',
    'entries',
    'engine',
  ],
  ...[
    'runtime',
    'runtimes',
    'systemd',
    'runtimeVersion',
    'ociVersion',
    'expected',
    'kind',
    'state',
    'code',
    'keys',
    'deviceLinks',
  ],
  ...['freplaced', 'capabilities', 'deviceCgroupRules', 'cgroupPermissions', 'containerisedBy', 'unreadable'],
]);

/** Settings and keys whose values are rules: only names of device nodes in them can be somebody's. */
const RULE_SETTING =
  /^(DeviceAllow|DevicePolicy|PrivateDevices|ProtectClock|Delegate|NeedDaemonReload|Transient|ActiveState|lxc\.cgroup2?\.devices\..*|lxc\.id_?map)$/;

/** Directories of /dev whose entries drivers name. Elsewhere (/dev/mapper, /dev/disk, /dev/vg0) people do. */
const DRIVER_DIRECTORY =
  /^\/dev\/(?:net|dri|input|snd|vfio|cpu|bus|infiniband|nvidia-caps|dma_heap|char|block|pts|usb|bsg|dvb|mapper\/control)(?:\/|$)/;

/**
 * The same snapshot without names: of the host, containers, pods, paths of images, users' units and volumes. Each word that is not public becomes "nameN",
 * the same word the same pseudonym everywhere, so that paths, units and drop-in directories still belong together and every policy stays what it was.
 * Which name became which pseudonym is kept nowhere.
 */
export function redactSnapshot(snapshot: Snapshot): Snapshot {
  const redacted = new Redaction().value(sortSnapshot(snapshot)) as Snapshot;
  // The boot id tells a machine apart from all others, whatever its name.
  return { ...redacted, host: { ...redacted.host, bootId: null } };
}

class Redaction {
  readonly #pseudonyms = new Map<string, string>();

  value(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (typeof value !== 'object' || value === null) return value;
    return mapEntries(value, (key, item) => [key, this.#field(key, item)]);
  }

  #field(key: string, value: unknown): unknown {
    if (KEPT_FIELDS.has(key) || value === null) return value;
    if (key === 'assignments' && Array.isArray(value)) return value.map((item) => this.#assignment(item));
    if (key === 'shown') return mapEntries(value, (name, lines) => [name, this.#setting(name, lines)]);
    if (key === 'annotations' || key === 'config')
      return mapEntries(value, (name, text) => [this.#annotationKey(name), this.value(text)]);
    // Messages name system calls, and paths where there are some.
    if ((key === 'failed' || key === 'message') && typeof value === 'string' && !value.includes('/')) return value;
    return this.value(value);
  }

  /** [section, key, value] of a unit file, or {key, value} of LXC. */
  #assignment(item: unknown): unknown {
    if (Array.isArray(item)) {
      const [section, key, value] = item as [string, string, string];
      return [section, key, this.#setting(key, value)];
    }
    const { key, value } = item as { key: string; value: string };
    return { key, value: this.#setting(key, value) };
  }

  #setting(name: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((line) => this.#setting(name, line));
    return RULE_SETTING.test(name) ? this.#devices(String(value)) : this.value(value);
  }

  /** "cdi.k8s.io/PLUGIN": what is behind the slash is somebody's. */
  #annotationKey(name: string): string {
    const slash = name.indexOf('/');
    return slash < 0 || name.startsWith('nerdctl/') ? name : name.slice(0, slash) + this.#words(name.slice(slash));
  }

  #text(text: string): string {
    return splitDevices(text)
      .map((part, index) => (index % 2 === 1 ? this.#device(part) : this.#words(part)))
      .join('');
  }

  /** Only the paths of devices in a text. */
  #devices(text: string): string {
    return splitDevices(text)
      .map((part, index) => (index % 2 === 1 ? this.#device(part) : part))
      .join('');
  }

  #device(path: string): string {
    const isDriver = path.lastIndexOf('/') === '/dev'.length || DRIVER_DIRECTORY.test(path);
    return isDriver ? path : `/dev/${this.#words(path.slice('/dev/'.length))}`;
  }

  /** Words are runs of letters and digits. A short number says nothing and stays. */
  #words(text: string): string {
    return text.replace(/[\p{L}\p{N}]+/gu, (word) => {
      if (PUBLIC_WORDS.has(word) || /^\d{1,6}$/.test(word)) return word;
      const pseudonym = this.#pseudonyms.get(word) ?? `name${String(this.#pseudonyms.size + 1)}`;
      this.#pseudonyms.set(word, pseudonym);
      return pseudonym;
    });
  }
}

/** Text and device paths by turns, text first. */
function splitDevices(text: string): string[] {
  return text.split(/(\/dev\/[^\s:"]*)/);
}

function mapEntries(value: unknown, map: (key: string, item: unknown) => [string, unknown]): Record<string, unknown> {
  const result = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value as object)) {
    const [name, mapped] = map(key, item);
    result[name] = mapped;
  }
  return result;
}
