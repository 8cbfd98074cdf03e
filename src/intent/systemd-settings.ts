import type { UnitRecord } from '../snapshot/types.js';
import { parseDeviceAllow, type DeviceAllowEntry } from './device-allow.js';

/** The device settings of a unit, as its files or `systemctl show` give them. */
export interface UnitDeviceSettings {
  readonly unit: string;
  readonly policy: 'auto' | 'closed' | 'strict';
  /** In the order systemd holds them. */
  readonly allow: readonly DeviceAllowEntry[];
  /** Paths of BPFProgram=device:PATH. */
  readonly bpfPrograms: readonly string[];
  readonly privateDevices: boolean;
  readonly protectClock: boolean;
  /** RootImage=, MountImages= or ExtensionImages= is set. */
  readonly images: { readonly root: boolean; readonly mount: boolean; readonly extension: boolean };
  readonly encryptedCredentials: boolean;
  /** Lines that systemd ignores with a warning, with where they stand. */
  readonly ignored: readonly { readonly line: string; readonly where: string; readonly why: string }[];
  /** "files": what a daemon-reload will read. "shown": what systemd holds, implicit additions already in it. */
  readonly from: 'files' | 'shown';
}

/** Sections whose settings a unit of a type has. */
const SECTION_OF_SUFFIX: ReadonlyMap<string, string> = new Map([
  ['service', 'Service'],
  ['scope', 'Scope'],
  ['slice', 'Slice'],
  ['socket', 'Socket'],
  ['mount', 'Mount'],
  ['swap', 'Swap'],
]);

/** Mutable while files are read. */
interface Draft {
  policy: UnitDeviceSettings['policy'];
  allow: DeviceAllowEntry[];
  bpfPrograms: string[];
  privateDevices: boolean;
  protectClock: boolean;
  rootImage: boolean;
  mountImages: boolean;
  extensionImages: boolean;
  loadEncrypted: boolean;
  setEncrypted: boolean;
  ignored: { line: string; where: string; why: string }[];
}

/** Reads unit file and drop-ins in the order of the record, with systemd's reset rules. Null when the files could not be had. */
export function settingsFromFiles(record: UnitRecord): UnitDeviceSettings | null {
  if (record.files === null) return null;
  const section = SECTION_OF_SUFFIX.get(record.name.slice(record.name.lastIndexOf('.') + 1));
  const draft = emptyDraft();
  for (const file of record.files) {
    for (const [where, key, value] of file.assignments) {
      if (where === section) assign(draft, record.name, key, value.trim(), file.path);
    }
  }
  return finish(draft, record.name, 'files');
}

/** Reads the properties `systemctl show` printed. Null when systemd was not asked, or did not say DevicePolicy. */
export function settingsFromShow(record: UnitRecord): UnitDeviceSettings | null {
  const shown = record.shown;
  const property = (name: string): readonly string[] =>
    shown !== null && Object.hasOwn(shown, name) ? (shown[name] ?? []) : [];
  const policy = property('DevicePolicy')[0];
  if (policy !== 'auto' && policy !== 'closed' && policy !== 'strict') return null;
  const draft = emptyDraft();
  draft.policy = policy;
  for (const key of ['DeviceAllow', 'BPFProgram']) {
    for (const line of property(key))
      if (line !== '') assign(draft, record.name, key, key === 'DeviceAllow' ? literal(line) : line, 'systemctl show');
  }
  return finish(draft, record.name, 'shown');
}

function emptyDraft(): Draft {
  return {
    policy: 'auto',
    allow: [],
    bpfPrograms: [],
    privateDevices: false,
    protectClock: false,
    rootImage: false,
    mountImages: false,
    extensionImages: false,
    loadEncrypted: false,
    setEncrypted: false,
    ignored: [],
  };
}

function finish(draft: Draft, unit: string, from: UnitDeviceSettings['from']): UnitDeviceSettings {
  const { policy, allow, bpfPrograms, privateDevices, protectClock, ignored } = draft;
  return {
    unit,
    policy,
    allow,
    bpfPrograms,
    privateDevices,
    protectClock,
    images: { root: draft.rootImage, mount: draft.mountImages, extension: draft.extensionImages },
    encryptedCredentials: draft.loadEncrypted || draft.setEncrypted,
    ignored,
    from,
  };
}

function assign(draft: Draft, unit: string, key: string, value: string, where: string): void {
  const ignore = (why: string): void => {
    draft.ignored.push({ line: `${key}=${value}`, where, why });
  };
  switch (key) {
    case 'DevicePolicy':
      if (value === 'auto' || value === 'closed' || value === 'strict') draft.policy = value;
      else ignore('unknown policy');
      return;
    case 'DeviceAllow': {
      if (value === '') draft.allow = [];
      else {
        const entry = parseDeviceAllow(value, unit);
        if ('error' in entry) ignore(entry.error);
        else draft.allow.push(entry);
      }
      return;
    }
    case 'BPFProgram': {
      if (value === '') draft.bpfPrograms = [];
      else if (value.startsWith('device:')) draft.bpfPrograms.push(value.slice('device:'.length));
      return;
    }
    case 'PrivateDevices':
      draft.privateDevices = boolean(value) ?? draft.privateDevices;
      return;
    case 'ProtectClock':
      draft.protectClock = boolean(value) ?? draft.protectClock;
      return;
    case 'RootImage':
      draft.rootImage = value !== '';
      return;
    case 'MountImages':
      draft.mountImages = value !== '';
      return;
    case 'ExtensionImages':
      draft.extensionImages = value !== '';
      return;
    case 'LoadCredentialEncrypted':
      draft.loadEncrypted = value !== '';
      return;
    case 'SetCredentialEncrypted':
      draft.setEncrypted = value !== '';
      return;
  }
}

/** systemd's parse_boolean(). */
function boolean(value: string): boolean | null {
  const text = value.toLowerCase();
  if (['1', 'yes', 'y', 'true', 't', 'on'].includes(text)) return true;
  return ['0', 'no', 'n', 'false', 'f', 'off'].includes(text) ? false : null;
}

/** `systemctl show` prints specifiers expanded and nothing quoted: protect what the grammar would read into it. */
function literal(line: string): string {
  const space = line.lastIndexOf(' ');
  const rights = space === -1 ? '' : line.slice(space + 1);
  const node = /^[rwm]+$/.test(rights) ? line.slice(0, space) : line;
  const quoted = `"${node.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/%/g, '%%')}"`;
  return node === line ? quoted : `${quoted} ${rights}`;
}
