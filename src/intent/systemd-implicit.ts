import { parseNode, type DeviceAllowEntry } from './device-allow.js';
import type { UnitDeviceSettings } from './systemd-settings.js';

/** What other settings of a unit do to its device list (unit_patch_contexts(), src/core/unit.c). */
export interface ImplicitResult {
  readonly policy: UnitDeviceSettings['policy'];
  /** The written list and what was added to it. */
  readonly entries: readonly DeviceAllowEntry[];
  /** Entries some releases within what is known of the version add and others do not. */
  readonly uncertain: readonly DeviceAllowEntry[];
  /** Why it is not certain that there is any program. */
  readonly maybeNone: string | null;
}

/** `systemctl show` has these additions in its answer already, files do not. */
export function implicitEntries(settings: UnitDeviceSettings, release: number | null): ImplicitResult {
  const written = settings.allow;
  if (settings.from === 'shown') return { policy: settings.policy, entries: written, uncertain: [], maybeNone: null };
  const policy = settings.policy === 'auto' && settings.privateDevices ? 'closed' : settings.policy;
  const restricted = policy !== 'auto' || written.length > 0;
  if (!restricted) return protectClockAlone(settings, policy, release);
  const added: DeviceAllowEntry[] = [];
  const uncertain: DeviceAllowEntry[] = [];
  if (settings.images.root || settings.images.mount) added.push(...imageEntries('RootImage='));
  else if (settings.images.extension) uncertain.push(...imageEntries('ExtensionImages='));
  if (settings.protectClock) added.push(entry('char-rtc', 'r', 'ProtectClock='));
  if (settings.encryptedCredentials) credentials(release, added, uncertain);
  return { policy, entries: [...written, ...added], uncertain, maybeNone: null };
}

/**
 * Before systemd#25075 (in 252) ProtectClock= alone added char-rtc to the list, and a list under "auto" closes everything else. Which
 * stable releases of 245 to 251 carry the fix differs between distributions.
 */
function protectClockAlone(
  settings: UnitDeviceSettings,
  policy: UnitDeviceSettings['policy'],
  release: number | null,
): ImplicitResult {
  if (!settings.protectClock || (release !== null && (release >= 252 || release < 245)))
    return { policy, entries: [], uncertain: [], maybeNone: null };
  return {
    policy,
    entries: [entry('char-rtc', 'r', 'ProtectClock=')],
    uncertain: [],
    maybeNone: 'systemd:protect-clock',
  };
}

function imageEntries(by: string): DeviceAllowEntry[] {
  return [
    entry('/dev/loop-control', 'rw', by),
    entry('/dev/mapper/control', 'rw', by),
    entry('block-loop', 'rwm', by),
    entry('block-blkext', 'rwm', by),
    entry('block-device-mapper', 'rwm', by),
  ];
}

/** /dev/tpmrm0 up to the 25x releases, char-tpm in 257, nothing from 258 on; 255 and 256 were not looked at. */
function credentials(release: number | null, added: DeviceAllowEntry[], uncertain: DeviceAllowEntry[]): void {
  const path = entry('/dev/tpmrm0', 'rw', 'LoadCredentialEncrypted=');
  const group = entry('char-tpm', 'rw', 'LoadCredentialEncrypted=');
  if (release === null) uncertain.push(path, group);
  else if (release >= 258 || release < 250) return;
  else if (release === 257) added.push(group);
  else if (release >= 255) uncertain.push(path, group);
  else added.push(path);
}

function entry(name: string, letters: 'r' | 'rw' | 'rwm', impliedBy: string): DeviceAllowEntry {
  const node = parseNode(name);
  if ('error' in node) throw new TypeError(node.error);
  return { text: `${name} ${letters}`, node, access: letters === 'r' ? 2 : letters === 'rw' ? 6 : 7, impliedBy };
}
