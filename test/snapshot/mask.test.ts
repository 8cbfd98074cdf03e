import { describe, expect, test } from 'vitest';
import { MASKED_KERNEL_ADDRESS, maskKernelPointers } from '../../src/snapshot/mask.js';

const bytes = (...lines: string[]): Buffer => Buffer.from(lines.join('').replaceAll(' ', ''), 'hex');
/** r2 = 0xffffffff83a19fc0 ll, as the kernel inlines the address of jiffies. */
const loadAddress = bytes('1802 0000 c09fa183', '0000 0000 ffffffff');
const exit = bytes('9500 0000 00000000');
/** r0 = *(u64 *)(r2 + 0) */
const dereference = bytes('7920 0000 00000000');

function immediate(program: Buffer): bigint {
  return (BigInt(program.readUInt32LE(12)) << 32n) | BigInt(program.readUInt32LE(4));
}

describe('an address that the kernel put into a program is replaced', () => {
  test('when it is dereferenced', () => {
    const masked = maskKernelPointers(Buffer.concat([loadAddress, dereference, exit]), 'little');
    expect(immediate(masked)).toBe(MASKED_KERNEL_ADDRESS);
    expect(masked.subarray(16)).toEqual(Buffer.concat([dereference, exit]));
  });

  test.each([
    ['after a constant was added', bytes('0702 0000 10000000'), dereference],
    ['by a store', bytes('b700 0000 00000000'), bytes('7b02 0800 00000000')],
    ['after other instructions', bytes('bf61 0000 00000000'), dereference],
  ])('%s', (_, between, access) => {
    expect(immediate(maskKernelPointers(Buffer.concat([loadAddress, between, access, exit]), 'little'))).toBe(
      MASKED_KERNEL_ADDRESS,
    );
  });

  test('on big-endian machines too', () => {
    const program = bytes('1820 0000 83a19fc0', '0000 0000 ffffffff', '7902 0000 00000000', '9500 0000 00000000');
    const masked = maskKernelPointers(program, 'big');
    expect((BigInt(masked.readUInt32BE(12)) << 32n) | BigInt(masked.readUInt32BE(4))).toBe(MASKED_KERNEL_ADDRESS);
  });

  test('by an address of the same half, which evaluates as unknown memory like the first', () => {
    expect(MASKED_KERNEL_ADDRESS >> 56n).toBe(0xffn);
  });
});

describe('a constant of the program stays', () => {
  test.each([
    ['a mask that is compared', loadAddress, bytes('5d20 0100 00000000')],
    [
      'a constant that is overwritten before the access',
      loadAddress,
      Buffer.concat([bytes('b702 0000 00000000'), dereference]),
    ],
    ['one that goes through a branch', loadAddress, Buffer.concat([bytes('1500 0100 00000000'), dereference])],
    ['one in the half of user space', bytes('1802 0000 c09fa183', '0000 0000 00000001'), dereference],
    ['a map, source register 1', bytes('1812 0000 30030000', '0000 0000 000000ff'), dereference],
    ['the second half of another load', bytes('1801 0000 18020000', '1802 0000 ffffffff'), dereference],
  ])('%s', (_, load, rest) => {
    const program = Buffer.concat([load, rest, exit]);
    expect(maskKernelPointers(program, 'little')).toEqual(program);
  });
});

test('any bytes at all are taken, and only whole loads are changed', () => {
  for (let length = 0; length < 64; length++) {
    const program = Buffer.alloc(length, 0x18);
    expect(maskKernelPointers(program, 'little')).toHaveLength(length);
  }
});
