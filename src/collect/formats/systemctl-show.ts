import { InputError } from '../../errors.js';
import { saysNothing } from './systemctl-words.js';

/** Properties asked of `systemctl show`, and kept of what it printed. */
export const SHOWN_PROPERTIES = [
  'Id',
  'ControlGroup',
  'Slice',
  'Delegate',
  'DevicePolicy',
  'DeviceAllow',
  'BPFProgram',
  'PrivateDevices',
  'ProtectClock',
  'RootImage',
  'MountImages',
  'ExtensionImages',
  'LoadCredentialEncrypted',
  'ActiveState',
  'LoadState',
  'FragmentPath',
  'DropInPaths',
  'NeedDaemonReload',
  'Transient',
] as const;

const KEPT = new Set<string>(SHOWN_PROPERTIES);

/**
 * Reads the output of `systemctl show`: one block per unit, blocks apart by an empty line. A property that has several values (DeviceAllow=) is printed
 * once for each.
 * @throws InputError if it is something else
 */
export function parseSystemctlShow(content: string): Record<string, string[]>[] {
  const blocks: Record<string, string[]>[] = [];
  let block: Record<string, string[]> | null = null;
  for (const line of content.split('\n')) {
    if (line.trim() === '') {
      block = null;
      continue;
    }
    const equals = line.indexOf('=');
    const key = line.slice(0, Math.max(equals, 0));
    if (!KEPT.has(key)) continue;
    if (block === null) {
      block = Object.create(null) as Record<string, string[]>;
      blocks.push(block);
    }
    (block[key] ??= []).push(line.slice(equals + 1).trim());
  }
  if (blocks.length === 0 && !saysNothing(content)) throw new InputError('no output of "systemctl show"');
  return blocks;
}
