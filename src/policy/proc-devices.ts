import { MAX_MAJOR, type DeviceType } from './types.js';

/** A driver's major number as /proc/devices tells it. */
export interface DriverMajor {
  type: DeviceType;
  major: number;
  /** The driver's name; may hold slashes ("cpu/cpuid"), and one major may have several ("tty", "ttyS"). */
  name: string;
}

const LINE = /^ *([0-9]{1,4}) (.+)$/;
/** The kernel has at most 512 character majors per name (fs/char_dev.c: CHRDEV_MAJOR_MAX) and few block ones. */
const MOST_LINES = 4096;

/**
 * Reads the text of /proc/devices (fs/proc/devices.c): two sections of "%3d name" lines.
 * @returns null for any other text: half a file, or one that somebody masked, would pass for a kernel without the drivers that it lacks
 */
export function parseProcDevices(text: string): DriverMajor[] | null {
  const drivers: DriverMajor[] = [];
  const lines = text.split('\n');
  let type: DeviceType | null = null;
  for (const line of lines) {
    const match = LINE.exec(line);
    if (line === 'Character devices:') type = 'c';
    else if (line === 'Block devices:') type = 'b';
    else if (match !== null && type !== null) {
      const [, number = '', name = ''] = match;
      const major = Number(number);
      if (major <= MAX_MAJOR) drivers.push({ type, major, name });
    } else if (line !== '') return null;
  }
  return type === 'b' && lines.length <= MOST_LINES ? drivers : null;
}
