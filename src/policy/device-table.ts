import type { DeviceType } from './types.js';

/**
 * Device numbers that Linux allocates for good (Documentation/admin-guide/devices.txt, include/linux/miscdevice.h), and nodes of drivers that get
 * their major at run time, by the driver's name in /proc/devices. Only names: nothing here decides a verdict.
 */

/**
 * [type, major, first minor, last minor, path]. In a path `#` is the minor counted from the first, `@` the minor itself, `*` a part that the
 * number does not tell.
 */
type Row = readonly [DeviceType, number, number, number, string];

const LAST = 1048575;

/** Device 10 (miscellaneous) and 1 (memory): one minor each. */
const MEMORY = {
  1: 'mem',
  2: 'kmem',
  3: 'null',
  4: 'port',
  5: 'zero',
  7: 'full',
  8: 'random',
  9: 'urandom',
  11: 'kmsg',
};
const MISCELLANEOUS = {
  1: 'psaux',
  130: 'watchdog',
  135: 'rtc',
  144: 'nvram',
  175: 'agpgart',
  183: 'hwrng',
  184: 'cpu/microcode',
  196: 'vfio/vfio',
  200: 'net/tun',
  203: 'cuse',
  223: 'uinput',
  224: 'tpm0',
  227: 'mcelog',
  228: 'hpet',
  229: 'fuse',
  231: 'snapshot',
  232: 'kvm',
  234: 'btrfs-control',
  235: 'autofs',
  236: 'mapper/control',
  237: 'loop-control',
  238: 'vhost-net',
  239: 'uhid',
  240: 'userio',
  241: 'vhost-vsock',
  242: 'rfkill',
  249: 'zfs',
};

/** The first row that holds a number wins. */
export const ALLOCATED: readonly Row[] = [
  ...single('c', 1, MEMORY),
  ...single('c', 10, MISCELLANEOUS),
  ['c', 4, 0, 63, '/dev/tty#'],
  ['c', 4, 64, 255, '/dev/ttyS#'],
  ['c', 5, 0, 0, '/dev/tty'],
  ['c', 5, 1, 1, '/dev/console'],
  ['c', 5, 2, 2, '/dev/ptmx'],
  ['c', 6, 0, 255, '/dev/lp#'],
  ['c', 7, 0, 0, '/dev/vcs'],
  ['c', 7, 1, 63, '/dev/vcs@'],
  ['c', 7, 64, 64, '/dev/vcsu'],
  ['c', 7, 65, 127, '/dev/vcsu*'],
  ['c', 7, 128, 128, '/dev/vcsa'],
  ['c', 7, 129, 191, '/dev/vcsa*'],
  ['c', 9, 0, 31, '/dev/st#'],
  ['c', 13, 0, 31, '/dev/input/js#'],
  ['c', 13, 32, 62, '/dev/input/mouse#'],
  ['c', 13, 63, 63, '/dev/input/mice'],
  ['c', 13, 64, 95, '/dev/input/event#'],
  ['c', 13, 256, 1023, '/dev/input/*'],
  ['c', 21, 0, LAST, '/dev/sg#'],
  ['c', 29, 0, 31, '/dev/fb#'],
  ['c', 81, 0, 255, '/dev/video*'],
  ['c', 89, 0, LAST, '/dev/i2c-#'],
  ['c', 90, 0, LAST, '/dev/mtd*'],
  ['c', 99, 0, 255, '/dev/parport#'],
  ['c', 108, 0, 0, '/dev/ppp'],
  ['c', 116, 1, 1, '/dev/snd/seq'],
  ['c', 116, 33, 33, '/dev/snd/timer'],
  ['c', 116, 0, LAST, '/dev/snd/*'],
  ['c', 136, 0, LAST, '/dev/pts/#'],
  ['c', 153, 0, LAST, '/dev/spidev*'],
  ['c', 162, 0, 0, '/dev/rawctl'],
  ['c', 162, 1, LAST, '/dev/raw/raw@'],
  ['c', 166, 0, 255, '/dev/ttyACM#'],
  ['c', 180, 0, 15, '/dev/usb/lp#'],
  ['c', 180, 96, 111, '/dev/usb/hiddev#'],
  ['c', 188, 0, 511, '/dev/ttyUSB#'],
  ['c', 189, 0, LAST, '/dev/bus/usb/*'],
  ['c', 195, 0, 253, '/dev/nvidia#'],
  ['c', 195, 254, 254, '/dev/nvidia-modeset'],
  ['c', 195, 255, 255, '/dev/nvidiactl'],
  ['c', 202, 0, LAST, '/dev/cpu/#/msr'],
  ['c', 203, 0, LAST, '/dev/cpu/#/cpuid'],
  ['c', 204, 64, 79, '/dev/ttyAMA#'],
  ['c', 226, 0, 63, '/dev/dri/card#'],
  ['c', 226, 64, 127, '/dev/dri/controlD@'],
  ['c', 226, 128, 191, '/dev/dri/renderD@'],
  ['c', 261, 0, LAST, '/dev/accel/accel#'],
  ['b', 1, 0, 255, '/dev/ram#'],
  ['b', 2, 0, 255, '/dev/fd*'],
  ['b', 7, 0, LAST, '/dev/loop#'],
  ['b', 8, 0, 255, '/dev/sd*'],
  ['b', 9, 0, LAST, '/dev/md#'],
  ['b', 11, 0, 255, '/dev/sr#'],
  ['b', 43, 0, LAST, '/dev/nbd*'],
  ...[65, 66, 67, 68, 69, 70, 71, 128, 129, 130, 131, 132, 133, 134, 135].map((major): Row => [
    'b',
    major,
    0,
    255,
    '/dev/sd*',
  ]),
  ['b', 147, 0, 255, '/dev/drbd#'],
  ['b', 179, 0, LAST, '/dev/mmcblk*'],
  ['b', 202, 0, LAST, '/dev/xvd*'],
  ['b', 230, 0, LAST, '/dev/zd#'],
];

/** Nodes by the driver's name in /proc/devices, for majors given at run time. `#` is the minor. */
export const BY_DRIVER: ReadonlyMap<string, string> = new Map([
  ['c bsg', '/dev/bsg/*'],
  ['c cec', '/dev/cec#'],
  ['c dma_heap', '/dev/dma_heap/*'],
  ['c gpiochip', '/dev/gpiochip#'],
  ['c hidraw', '/dev/hidraw#'],
  ['c infiniband_mad', '/dev/infiniband/umad*'],
  ['c infiniband_verbs', '/dev/infiniband/uverbs*'],
  ['c kfd', '/dev/kfd'],
  ['c macvtap', '/dev/tap*'],
  ['c media', '/dev/media#'],
  ['c mei', '/dev/mei#'],
  ['c nvidia-caps', '/dev/nvidia-caps/nvidia-cap#'],
  ['c nvidia-caps-imex-channels', '/dev/nvidia-caps-imex-channels/channel#'],
  ['c nvidia-nvswitch', '/dev/nvidia-nvswitch*'],
  ['c nvidia-uvm', '/dev/nvidia-uvm*'],
  ['c nvme', '/dev/nvme#'],
  ['c nvme-generic', '/dev/ng*'],
  ['c pps', '/dev/pps#'],
  ['c ptp', '/dev/ptp#'],
  ['c rtc', '/dev/rtc#'],
  ['c tpm', '/dev/tpm*'],
  ['c vfio', '/dev/vfio/*'],
  ['c vfio-dev', '/dev/vfio/devices/*'],
  ['c watchdog', '/dev/watchdog#'],
  ['b blkext', '/dev/nvme* and other extended partitions'],
  ['b device-mapper', '/dev/dm-#'],
  ['b mmc', '/dev/mmcblk*'],
  ['b rbd', '/dev/rbd*'],
  ['b virtblk', '/dev/vd*'],
  ['b zram', '/dev/zram#'],
]);

function single(type: DeviceType, major: number, names: Record<number, string>): Row[] {
  return Object.entries(names).map(([minor, name]): Row => [type, major, Number(minor), Number(minor), `/dev/${name}`]);
}
