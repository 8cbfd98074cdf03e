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

/** Reads the text of /proc/devices (fs/proc/devices.c): two sections, "%3d name" lines. Lines that are neither are skipped. */
export function parseProcDevices(text: string): DriverMajor[] {
  const drivers: DriverMajor[] = [];
  let type: DeviceType | null = null;
  for (const line of text.split('\n', MOST_LINES)) {
    if (line.startsWith('Character devices')) type = 'c';
    else if (line.startsWith('Block devices')) type = 'b';
    const match = LINE.exec(line);
    if (match === null || type === null) continue;
    const [, number = '', name = ''] = match;
    const major = Number(number);
    if (major <= MAX_MAJOR) drivers.push({ type, major, name });
  }
  return drivers;
}
