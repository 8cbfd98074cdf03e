import type { DeviceType } from '../policy/types.js';

/** Names of /proc/devices by section, in the order of the file. A name may stand for several majors and a major for several names. */
export interface ProcDevices {
  readonly char: readonly NamedMajor[];
  readonly block: readonly NamedMajor[];
}
export interface NamedMajor {
  readonly major: number;
  readonly name: string;
}

const SECTIONS: ReadonlyMap<string, DeviceType> = new Map([
  ['Character devices:', 'c'],
  ['Block devices:', 'b'],
]);

/** Parses the text of /proc/devices the way systemd does: sections by their headings, an empty line ends one. */
export function parseProcDevices(text: string): ProcDevices {
  const char: NamedMajor[] = [];
  const block: NamedMajor[] = [];
  let section: DeviceType | null = null;
  for (const line of text.split('\n')) {
    const heading = SECTIONS.get(line);
    if (heading !== undefined) section = heading;
    else if (line === '') section = null;
    const match = /^[ \t]*([0-9]{1,10})[ \t]+(.*?)[ \t]*$/.exec(line);
    if (section === null || match === null) continue;
    const [, major = '', name = ''] = match;
    (section === 'c' ? char : block).push({ major: Number(major), name });
  }
  return { char, block };
}

/** The list of one type. */
export function majorsOf(devices: ProcDevices, type: DeviceType): readonly NamedMajor[] {
  return type === 'c' ? devices.char : devices.block;
}
