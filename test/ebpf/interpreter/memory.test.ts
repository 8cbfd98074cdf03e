/** Bytes, numbers and addresses in memory, in both byte orders. */
import { describe, expect, it } from 'vitest';
import { knownByte, Memory, readBytes, unknownByte } from '../../../src/ebpf/interpreter/memory.js';
import { known, partlyKnown } from '../../../src/ebpf/interpreter/scalar.js';
import { asScalar, pointer } from '../../../src/ebpf/interpreter/value.js';
import type { Size } from '../../../src/ebpf/types.js';
import { ORDERS } from './machines.js';

const SIZES: readonly Size[] = [1, 2, 4, 8];
const PATTERN = 0x8182_8384_8586_8788n;
const fresh = (): Memory => new Memory(() => unknownByte(['never']));

describe.each(ORDERS)('%s endian', (order) => {
  const little = order === 'little';

  it.each(SIZES)('a number of %i bytes comes back, and nothing beside it changes', (size) => {
    const memory = fresh();
    memory.store(-16, size, known(PATTERN), order);
    const expected = BigInt.asUintN(size * 8, PATTERN);
    expect(memory.load(-16, size, false, order)).toEqual(known(expected));
    expect(memory.load(-16, size, true, order)).toEqual(known(BigInt.asIntN(size * 8, expected)));
    expect([memory.cell(-17), memory.cell(-16 + size)]).toEqual([unknownByte(['never']), unknownByte(['never'])]);
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(expected);
    const inOrder = [...bytes.subarray(0, size)];
    expect(readBytes(memory, -16, size)).toEqual(Uint8Array.from(little ? inOrder : inOrder.reverse()));
  });

  it('each byte of a number is known or not for itself', () => {
    const memory = fresh();
    memory.store(0, 8, partlyKnown(PATTERN, 0xff00_0000_0f00n, ['depends:uid']), order);
    const at = (i: number): number => (little ? i : 7 - i);
    expect(memory.cell(at(0))).toEqual(knownByte(0x88));
    expect(memory.cell(at(1))).toEqual({ kind: 'byte', value: 0x80, unknown: 0x0f, reasons: ['depends:uid'] });
    expect(memory.cell(at(5))).toEqual(unknownByte(['depends:uid']));
    expect(memory.cell(at(7))).toEqual(knownByte(0x81));
    expect(memory.load(at(0), 1, false, order)).toEqual(known(0x88n));
    expect(memory.load(0, 8, false, order)).toEqual(partlyKnown(PATTERN, 0xff00_0000_0f00n, ['depends:uid']));
    // The half with no unknown bit has no reason either.
    memory.store(0, 8, partlyKnown(PATTERN, 0xff00_0000_0000n, ['depends:uid']), order);
    expect(memory.load(little ? 0 : 4, 4, false, order)).toEqual(known(0x8586_8788n));
  });

  it('an address comes back whole, never in parts', () => {
    const memory = fresh();
    const address = pointer('context', 4);
    memory.store(-8, 8, address, order);
    expect(memory.load(-8, 8, false, order)).toBe(address);
    expect(memory.cell(-9)).toEqual(unknownByte(['never']));
    expect(memory.cell(0)).toEqual(unknownByte(['never']));
    for (const size of [1, 2, 4] as const)
      expect(memory.load(-8, size, false, order)).toEqual(partlyKnown(0n, (1n << BigInt(8 * size)) - 1n, ['address']));
    expect(memory.load(-12, 8, false, order)).toMatchObject({ kind: 'scalar', reasons: ['address', 'never'] });
    // Of two addresses side by side no half of each makes one.
    memory.store(0, 8, pointer('context', 8), order);
    expect(memory.load(-4, 8, false, order)).toMatchObject({ kind: 'scalar', reasons: ['address'] });
  });

  it('an address that one byte was written into is none any more', () => {
    for (const at of [0, 3, 7]) {
      const memory = fresh();
      memory.store(0, 8, pointer('context', 0), order);
      memory.store(at, 1, known(0xabn), order);
      const shift = BigInt(8 * (little ? at : 7 - at));
      expect(memory.load(0, 8, false, order)).toEqual(partlyKnown(0xabn << shift, ~(0xffn << shift), ['address']));
    }
  });

  it('bytes of one address in another order are none', () => {
    const memory = fresh();
    const of = pointer('context', 0);
    for (let i = 0; i < 8; i++) memory.setCell(i, { kind: 'part', of, part: i ^ 1 });
    expect(memory.load(0, 8, false, order).kind).toBe('scalar');
  });

  it('half an address stored is an unknown number', () => {
    const memory = fresh();
    memory.store(0, 4, pointer('context', 0), order);
    expect(memory.load(0, 4, false, order)).toEqual(partlyKnown(0n, 0xffff_ffffn, ['address']));
    expect(memory.cell(4)).toEqual(unknownByte(['never']));
  });

  it('a sign bit that is unknown is unknown in all its copies', () => {
    const memory = fresh();
    memory.store(0, 2, partlyKnown(0x0001n, 0x8000n, ['depends:uid']), order);
    expect(memory.load(0, 2, true, order)).toEqual(partlyKnown(1n, 0xffff_ffff_ffff_8000n, ['depends:uid']));
    expect(memory.load(0, 2, false, order)).toEqual(partlyKnown(1n, 0x8000n, ['depends:uid']));
  });
});

describe('bytes', () => {
  it('are read only where all are known, with every reason why not', () => {
    const memory = fresh();
    memory.store(0, 4, known(0x04030201n), 'little');
    expect(readBytes(memory, 0, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(readBytes(memory, 1, 2)).toEqual(Uint8Array.of(2, 3));
    memory.setCell(2, { kind: 'byte', value: 0, unknown: 1, reasons: ['depends:uid'] });
    expect(readBytes(memory, 0, 2)).toEqual(Uint8Array.of(1, 2));
    expect(readBytes(memory, 0, 3)).toEqual({ reasons: ['depends:uid'] });
    expect(readBytes(memory, 0, 5)).toEqual({ reasons: ['depends:uid', 'never'] });
    memory.store(8, 8, pointer('context', 0), 'little');
    expect(readBytes(memory, 8, 1)).toEqual({ reasons: ['address'] });
    expect(readBytes(memory, 0, 0)).toEqual(new Uint8Array(0));
  });
  it('that are forgotten are unknown, written ones and others', () => {
    const memory = new Memory(() => knownByte(9));
    memory.store(0, 4, known(1n), 'little');
    memory.forget(['helper:x']);
    expect([memory.cell(0), memory.cell(100)]).toEqual([unknownByte(['helper:x']), unknownByte(['helper:x'])]);
    memory.store(0, 1, known(5n), 'little');
    expect(asScalar(memory.load(0, 1, false, 'little'))).toEqual(known(5n));
  });
  it('of a copy change for themselves', () => {
    const memory = fresh();
    memory.store(0, 1, known(1n), 'little');
    const copy = memory.clone();
    copy.store(0, 1, known(2n), 'little');
    memory.store(1, 1, known(3n), 'little');
    expect([memory.cell(0), copy.cell(0), copy.cell(1)]).toEqual([knownByte(1), knownByte(2), unknownByte(['never'])]);
    copy.forget(['x']);
    expect(memory.cell(0)).toEqual(knownByte(1));
  });
});
