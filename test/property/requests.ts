/** Requests that are worth asking: the numbers a program compares with, their neighbours, masks and powers of two, and some of everything else. */
import type { DeviceRequest } from '../../src/policy/types.js';
import { MAX_MAJOR, MAX_MINOR } from '../../src/policy/types.js';
import type { Random } from './random.js';

/** The accesses that the kernel asks for. */
export const ASKED_ACCESSES: readonly number[] = [0, 1, 2, 4, 6];

const WELL_KNOWN = [
  0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 29, 31, 63, 64, 127, 128, 136, 143, 188, 195, 200, 226, 229, 255, 256, 508, 511, 512,
  4095, 65535, 65536, 1048575,
];

/** Immediates of instructions (and of both halves of 64-bit loads), with neighbours, and what is seen of them through 8, 12, 16 and 20 bits. */
export function constantsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const constants = new Set<number>(WELL_KNOWN);
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const immediate = view.getInt32(at + 4, true);
    for (const near of [immediate - 1, immediate, immediate + 1, -immediate]) {
      for (const bits of [32, 20, 16, 12, 8]) {
        const seen = Number(BigInt.asUintN(bits, BigInt(near)));
        if (seen <= MAX_MINOR) constants.add(seen);
      }
    }
  }
  return [...constants];
}

/**
 * Distinct requests, about `count`: all accesses the kernel asks of each chosen node, accesses of one node side by side. Nothing that the kernel never asks
 * (0:0 but for mknod b 0:0).
 */
export function biasedRequests(programs: readonly Uint8Array[], count: number, random: Random): DeviceRequest[] {
  const constants = [...new Set(programs.flatMap(constantsOf))];
  const majors = constants.filter((value) => value <= MAX_MAJOR);
  const seen = new Set<number>();
  const requests: DeviceRequest[] = [];
  for (let attempt = 0; requests.length < count && attempt < count * 4; attempt++) {
    const type = random.chance(65) ? 'c' : 'b';
    const major = random.chance(85) ? random.pick(majors) : random.below(random.chance(50) ? 512 : MAX_MAJOR + 1);
    const minor = random.chance(75) ? random.pick(constants) : random.below(random.chance(50) ? 512 : MAX_MINOR + 1);
    const key = (major * (MAX_MINOR + 1) + minor) * 2 + (type === 'b' ? 1 : 0);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const access of ASKED_ACCESSES) {
      if (major === 0 && minor === 0 && !(type === 'b' && access === 1)) continue;
      requests.push({ type, access, major, minor });
    }
  }
  return requests;
}
