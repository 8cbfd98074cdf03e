import { expect, test } from 'vitest';
import { deviceNumbers } from '../../src/collect/nodes.js';

/** glibc's gnu_dev_makedev (sys/sysmacros.h), with whole numbers of any size. */
function makedev(major: number, minor: number): number {
  const [high, low] = [BigInt(major), BigInt(minor)];
  const packed = ((high & 0xfffn) << 8n) | ((high & ~0xfffn) << 32n) | (low & 0xffn) | ((low & ~0xffn) << 12n);
  return Number(packed);
}

test.each([
  [0, 0],
  [1, 3],
  [8, 255],
  [8, 256],
  [136, 1_048_575],
  [4095, 1_048_575],
  [259, 70_000],
  [4096, 0],
  [0, 16_777_216],
])('device number %i:%i', (major, minor) => {
  expect(deviceNumbers(makedev(major, minor))).toEqual({ major, minor });
});
