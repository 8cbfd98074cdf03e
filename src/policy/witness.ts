import { FALSE, type BddManager } from '../bdd/manager.js';
import type { Ref } from '../bdd/types.js';
import type { DeviceSet } from './device-set.js';
import { MAX_MAJOR, MAX_MINOR, type DeviceRequest, type DeviceRule, type DeviceType } from './types.js';
import { MAJOR_VARIABLES, MINOR_VARIABLES } from './variables.js';

/** A device number a reader may know. */
export interface PlausibleDevice {
  type: DeviceType;
  major: number;
  minor: number;
}

/** Devices people meet, the one that stops the most programs first. Numbers: Linux' Documentation/admin-guide/devices.txt. */
const FAMILIAR: readonly PlausibleDevice[] = [
  { type: 'c', major: 1, minor: 3 }, // null
  { type: 'c', major: 136, minor: 0 }, // pts/0
  { type: 'c', major: 5, minor: 2 }, // ptmx
  { type: 'c', major: 5, minor: 0 }, // tty
  { type: 'c', major: 1, minor: 5 }, // zero
  { type: 'c', major: 1, minor: 9 }, // urandom
  { type: 'c', major: 1, minor: 8 }, // random
  { type: 'c', major: 1, minor: 7 }, // full
  { type: 'c', major: 10, minor: 200 }, // net/tun
  { type: 'c', major: 10, minor: 229 }, // fuse
  { type: 'c', major: 195, minor: 0 }, // nvidia0
  { type: 'c', major: 195, minor: 255 }, // nvidiactl
  { type: 'c', major: 226, minor: 128 }, // dri/renderD128
  { type: 'c', major: 226, minor: 0 }, // dri/card0
  { type: 'c', major: 10, minor: 232 }, // kvm
  { type: 'c', major: 5, minor: 1 }, // console
  { type: 'b', major: 8, minor: 0 }, // sda
  { type: 'b', major: 259, minor: 0 }, // nvme0n1 and other extended partitions
  { type: 'b', major: 7, minor: 0 }, // loop0
  { type: 'b', major: 253, minor: 0 }, // dm-0 on most hosts
];

/** What a person would try first. */
const ACCESSES: readonly number[] = [6, 2, 4, 1, 0];

/**
 * One request of the set, the likeliest to mean something to a reader: devices of `known` (a container's own nodes, in order), then familiar
 * ones, then the lowest numbers above 0:0; character before block devices; opening before making, checking last. Null: the set is empty.
 */
export function pickWitness(set: DeviceSet, known: readonly PlausibleDevice[] = []): DeviceRequest | null {
  for (const device of [...known, ...FAMILIAR]) {
    if (device.major > MAX_MAJOR || device.minor > MAX_MINOR) continue;
    const access = ACCESSES.find((each) => set.contains({ ...device, access: each }));
    if (access !== undefined) return { type: device.type, access, major: device.major, minor: device.minor };
  }
  const { manager } = set.space;
  const [lowest, rest] = [set.subtract(set.space.forRules(ZERO_MAJOR)), set];
  for (const candidates of [lowest, rest]) {
    for (const type of ['c', 'b'] as const) {
      for (const access of ACCESSES) {
        const numbers = candidates.numbersFor(type, access);
        if (numbers !== FALSE) return { type, access, ...lowestNumbers(manager, numbers) };
      }
    }
  }
  return null;
}

/** Major 0 is given to no driver (devices.txt: "unnamed devices"), so it makes a poor example. */
const ZERO_MAJOR: readonly DeviceRule[] = (['c', 'b'] as const).map((type) => ({
  type,
  major: [0, 0],
  minor: [0, MAX_MINOR],
  access: ['-', 'm', 'r', 'w', 'rw'],
}));

function lowestNumbers(manager: BddManager, numbers: Ref): { major: number; minor: number } {
  const ones = new Set<number>();
  for (let at = numbers; at > FALSE;) {
    const low = manager.low(at);
    if (low === FALSE) ones.add(manager.level(at));
    at = low === FALSE ? manager.high(at) : low;
  }
  const value = (variables: readonly number[]): number =>
    variables.reduce((sum, variable) => sum * 2 + (ones.has(variable) ? 1 : 0), 0);
  return { major: value(MAJOR_VARIABLES), minor: value(MINOR_VARIABLES) };
}
