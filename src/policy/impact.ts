import type { DeviceSet } from './device-set.js';
import type { DeviceNames } from './names.js';
import { MAX_MAJOR, MAX_MINOR, type DeviceType, type Range } from './types.js';

/** What losing a device means to the person who runs the container. */
export interface Impact {
  /** Stable word for programs: "terminal", "null", "gpu-nvidia". */
  key: string;
  /** Words for people: "`docker exec -it` fails". */
  words: string;
}

interface Row extends Impact {
  type: DeviceType;
  major: number | Range;
  minor?: number | Range;
}

/** Numbers that Linux allocates for good, the loss that stops the most first. */
const BY_NUMBER: readonly Row[] = [
  { key: 'null', words: 'shells and most programs fail', type: 'c', major: 1, minor: 3 },
  { key: 'terminal', words: '`docker exec -it` and every new terminal fail', type: 'c', major: 5, minor: 2 },
  { key: 'terminal', words: '`docker exec -it` and every new terminal fail', type: 'c', major: 136 },
  {
    key: 'random',
    words: 'TLS, keys and much else that needs random numbers fails',
    type: 'c',
    major: 1,
    minor: [8, 9],
  },
  { key: 'zero', words: 'programs that read /dev/zero or /dev/full fail', type: 'c', major: 1, minor: [5, 7] },
  { key: 'tty', words: 'password prompts and job control fail', type: 'c', major: 5, minor: 0 },
  { key: 'console', words: 'writing to the console fails', type: 'c', major: 5, minor: 1 },
  { key: 'tun', words: 'VPNs and user-mode networks fail (tun)', type: 'c', major: 10, minor: 200 },
  { key: 'fuse', words: 'FUSE mounts fail', type: 'c', major: 10, minor: 229 },
  { key: 'gpu-nvidia', words: 'NVIDIA GPUs are lost', type: 'c', major: 195 },
  { key: 'gpu-dri', words: 'GPUs are lost (DRI)', type: 'c', major: 226 },
  { key: 'accelerator', words: 'accelerators are lost', type: 'c', major: 261 },
  { key: 'kvm', words: 'virtual machines fail (KVM)', type: 'c', major: 10, minor: 232 },
  { key: 'vfio', words: 'devices passed through fail (VFIO)', type: 'c', major: 10, minor: 196 },
  { key: 'vhost', words: 'virtual machine networks fail (vhost)', type: 'c', major: 10, minor: [238, 241] },
  { key: 'mapper', words: 'device mapper, LVM and encrypted volumes fail', type: 'c', major: 10, minor: 236 },
  { key: 'loop', words: 'loop mounts fail', type: 'c', major: 10, minor: 237 },
  { key: 'loop', words: 'loop mounts fail', type: 'b', major: 7 },
  { key: 'serial', words: 'serial ports are lost', type: 'c', major: 4, minor: [64, 255] },
  { key: 'serial', words: 'serial ports are lost', type: 'c', major: 166 },
  { key: 'serial', words: 'serial ports are lost', type: 'c', major: 188 },
  { key: 'usb', words: 'USB devices are lost', type: 'c', major: 189 },
  { key: 'sound', words: 'sound is lost', type: 'c', major: 116 },
  { key: 'camera', words: 'cameras and tuners are lost', type: 'c', major: 81 },
  { key: 'input', words: 'keyboards, mice and joysticks are lost', type: 'c', major: 13 },
  { key: 'i2c', words: 'I2C buses are lost', type: 'c', major: 89 },
  { key: 'spi', words: 'SPI devices are lost', type: 'c', major: 153 },
  { key: 'disk', words: 'disks are lost', type: 'b', major: 8 },
  { key: 'disk', words: 'disks are lost', type: 'b', major: [65, 71] },
  { key: 'disk', words: 'disks are lost', type: 'b', major: 259 },
];

/** Drivers whose major is given at run time, by name in /proc/devices. */
const BY_DRIVER: ReadonlyMap<string, Impact> = new Map([
  ['c nvidia-uvm', { key: 'gpu-nvidia', words: 'NVIDIA GPUs are lost' }],
  ['c nvidia-caps', { key: 'gpu-nvidia', words: 'NVIDIA GPUs are lost' }],
  ['c kfd', { key: 'gpu-amd', words: 'GPU compute is lost (AMD)' }],
  ['c infiniband_verbs', { key: 'rdma', words: 'RDMA is lost (InfiniBand)' }],
  ['c hidraw', { key: 'hid', words: 'raw HID devices (security keys and the like) are lost' }],
  ['c gpiochip', { key: 'gpio', words: 'GPIO lines are lost' }],
  ['c vfio', { key: 'vfio', words: 'devices passed through fail (VFIO)' }],
  ['c tpm', { key: 'tpm', words: 'the TPM is lost' }],
  ['b device-mapper', { key: 'mapper', words: 'device mapper, LVM and encrypted volumes fail' }],
  ['b virtblk', { key: 'disk', words: 'disks are lost' }],
]);

/**
 * What a person notices when these requests are denied, each thing once, the worst first. Only opening counts: that a node can no longer be
 * made or asked about stops few programs. `held`: devices known to be there (a container's nodes); wide losses are judged by them.
 */
export function impactsOf(lost: DeviceSet, names: DeviceNames, held: DeviceSet | null = null): Impact[] {
  const relevant = held === null ? lost : lost.intersect(held);
  const found = new Map<string, Impact>();
  for (const { key, words, type, major, minor } of BY_NUMBER) {
    const opened = opening(relevant, type, interval(major, MAX_MAJOR), interval(minor, MAX_MINOR));
    if (!found.has(key) && opened) found.set(key, { key, words });
  }
  // Majors given at run time are 234 to 254 and 384 to 511 for character (fs/char_dev.c), 241 to 254 and more for block devices.
  for (const type of ['c', 'b'] as const) {
    for (let major = 0; major <= 511; major++) {
      const impact = BY_DRIVER.get(`${type} ${names.driverOf(type, major) ?? ''}`);
      if (impact === undefined || found.has(impact.key)) continue;
      if (opening(relevant, type, [major, major], [0, MAX_MINOR])) found.set(impact.key, impact);
    }
  }
  return [...found.values()];
}

function opening(set: DeviceSet, type: DeviceType, major: Range, minor: Range): boolean {
  return !set.intersect(set.space.forRule({ type, major, minor, access: ['r', 'w', 'rw'] })).isEmpty();
}

function interval(value: number | Range | undefined, max: number): Range {
  if (value === undefined) return [0, max];
  return typeof value === 'number' ? [value, value] : value;
}
