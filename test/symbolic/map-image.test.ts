/** How the values of a map lie in memory, byte by byte, and which of them are known (kernel/bpf/arraymap.c, hashtab.c). */
import { describe, expect, it } from 'vitest';
import { TRUE } from '../../src/bdd/manager.js';
import type { ByteOrder, MapContents } from '../../src/ebpf/types.js';
import { layOut, type MapImage } from '../../src/symbolic/map-image.js';
import type { Slot } from '../../src/symbolic/memory.js';
import { ALL_BITS } from '../../src/symbolic/word.js';
import { mapOf, ORDERS } from '../ebpf/interpreter/machines.js';

function imageOf(contents: MapContents, order: ByteOrder = 'little'): MapImage {
  const image = layOut(contents, order === 'little');
  if (image === null) throw new Error('no image');
  return image;
}

/** Eight bytes in hex, "??" for one that is not known. */
function hexOf({ word, written }: Slot): string {
  const bits = word.need(ALL_BITS);
  return written
    .map((known, k) => {
      const byte = bits.slice(8 * k, 8 * k + 8).reduce((sum, bit, i) => (bit === TRUE ? sum | (1 << i) : sum), 0);
      return known === TRUE ? byte.toString(16).padStart(2, '0') : '??';
    })
    .join('');
}
const slots = (image: MapImage, ...indices: readonly number[]): string[] => indices.map((i) => hexOf(image.slot(i)));
const UNKNOWN = '????????????????';
const ARRAYS = ['array', 'percpu_array', 'array_of_maps'];
const KEYED = ['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'hash_of_maps', 'lpm_trie'];

describe('kinds of maps', () => {
  it.each(ARRAYS)('%s: elements by index', (type) => {
    const image = imageOf(mapOf(type, { '02000000': '05060708' }));
    expect([image.isArray, image.keys]).toEqual([true, []]);
    expect(slots(image, 2)).toEqual(['05060708????????'.replace(/\?/g, type === 'array_of_maps' ? '0' : '?')]);
  });
  it.each(KEYED)('%s: entries as they were read', (type) => {
    const keys = ['0200000011', '0100000022'];
    const image = imageOf(mapOf(type, { [keys[0]!]: '05060708', [keys[1]!]: '090a0b0c' }, { keySize: 5 }));
    expect([image.isArray, image.keys?.map((key) => Buffer.from(key).toString('hex'))]).toEqual([false, keys]);
    expect(slots(image, 0, 1, 2)).toEqual(['05060708????????', '090a0b0c????????', UNKNOWN]);
  });
  it.each(['unspec', 'prog_array', 'insn_array', 'queue', 'cgroup_storage', 'type_99'])('%s: none', (type) => {
    expect(layOut(mapOf(type, {}), true)).toBeNull();
  });
});

describe('elements of an array', () => {
  it.each([
    [1, 8],
    [7, 8],
    [8, 8],
    [9, 16],
    [20, 24],
  ])('of %i bytes lie %i bytes apart', (valueSize, stride) => {
    const value = (first: number): string =>
      Buffer.from(Array.from({ length: valueSize }, (_, i) => first + i)).toString('hex');
    const image = imageOf(
      mapOf('array', { '00000000': value(1), '02000000': value(101) }, { valueSize, maxEntries: 3 }),
    );
    expect(image.stride).toBe(stride);
    const all = Array.from({ length: 3 * (stride / 8) }, (_, i) => i);
    const wanted = value(1).padEnd(2 * stride, '?') + ''.padEnd(2 * stride, '?') + value(101).padEnd(2 * stride, '?');
    expect(slots(image, ...all).join('')).toBe(wanted);
  });
  it('have nothing before or behind them', () => {
    const image = imageOf(mapOf('array', { '00000000': '01', '01000000': '02' }, { valueSize: 1, maxEntries: 2 }));
    expect(slots(image, -1, 2, 1000)).toEqual([UNKNOWN, UNKNOWN, UNKNOWN]);
    expect(image.slot(0).reason).toBe('depends:map:7');
    expect(image.slot(2).reason).toBe('depends:map:7');
  });
  it.each(ORDERS)('are numbered in the byte order of the machine (%s endian)', (order) => {
    const key = order === 'little' ? '01000000' : '00000001';
    const image = imageOf(mapOf('array', { [key]: '05060708' }, { maxEntries: 2 }), order);
    expect(slots(image, 0, 1)).toEqual([UNKNOWN, '05060708????????']);
  });
  it('beyond the last are none', () => {
    const image = imageOf(mapOf('array', { '02000000': '05060708', ffffffff: '05060708' }, { maxEntries: 2 }));
    expect(slots(image, 0, 1, 2)).toEqual([UNKNOWN, UNKNOWN, UNKNOWN]);
  });
  it('may be read in part', () => {
    const image = imageOf(mapOf('array', { '00000000': '050607' }, { maxEntries: 1 }));
    expect(slots(image, 0)).toEqual(['050607??????????']);
    expect(slots(imageOf(mapOf('array', { '00000000': '050607080900' }, { maxEntries: 1 })), 0)).toEqual([
      '05060708????????',
    ]);
  });
  it('that are maps: empty slots are 0', () => {
    expect(slots(imageOf(mapOf('array_of_maps', { '01000000': '05000000' }, { maxEntries: 2 })), 0, 1, 2)).toEqual([
      '0000000000000000',
      '0500000000000000',
      UNKNOWN,
    ]);
    expect(slots(imageOf(mapOf('hash_of_maps', { '01000000': '05000000' })), 0, 1)).toEqual([
      '05000000????????',
      UNKNOWN,
    ]);
  });
});

describe('values of several CPUs', () => {
  it.each(['percpu_array', 'percpu_hash', 'lru_percpu_hash'])('%s: bytes that all have', (type) => {
    const of = (value: string): string[] =>
      slots(imageOf(mapOf(type, { '00000000': value }, { valueSize: 12, maxEntries: 1 })), 0, 1);
    const first = '0102030405060708090a0b0c00000000';
    expect(of(first)).toEqual(['0102030405060708', '090a0b0c????????']);
    expect(of(first + first)).toEqual(['0102030405060708', '090a0b0c????????']);
    expect(of(`${first}01020304050607ff090a0b0cffffffff`)).toEqual(['01020304050607??', '090a0b0c????????']);
    expect(of(`${first}${first}ff02030405060708090a0bff00000000`)).toEqual(['??02030405060708', '090a0b??????????']);
    // What is missing of a CPU's value may be anything.
    expect(of(`${first}0102030405`)).toEqual(['0102030405??????', UNKNOWN]);
    expect(of('010203')).toEqual(['010203??????????', UNKNOWN]);
  });
  it('others have one value each, however long', () => {
    const image = imageOf(mapOf('hash', { '00000000': '0102030400000000ff02030400000000' }));
    expect(slots(image, 0, 1)).toEqual(['01020304????????', UNKNOWN]);
  });
});

describe('contents that are not known', () => {
  it.each([...ARRAYS, ...KEYED])('%s: were not read', (type) => {
    const image = imageOf(mapOf(type, null));
    expect([image.keys, image.isArray, image.stride]).toEqual([null, ARRAYS.includes(type), 8]);
    expect(slots(image, 0)).toEqual([UNKNOWN]);
    expect(image.slot(0).reason).toBe('depends:map:7');
  });
  it('are larger than what is laid out', () => {
    const valueSize = 1 << 20;
    const of = (maxEntries: number): MapImage =>
      imageOf(mapOf('array', { '00000000': '05' }, { valueSize, maxEntries }));
    expect(of(64).keys).toEqual([]);
    expect(slots(of(64), 0)).toEqual(['05??????????????']);
    expect(of(65).keys).toBeNull();
    expect(slots(of(65), 0)).toEqual([UNKNOWN]);
    const entries = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`000000${i.toString(16).padStart(2, '0')}`, '05']));
    expect(imageOf(mapOf('hash', entries(64), { valueSize, maxEntries: 1000 })).keys).toHaveLength(64);
    expect(imageOf(mapOf('hash', entries(65), { valueSize, maxEntries: 1 })).keys).toBeNull();
  });
  it.each([
    ['array', 4, '000000'],
    ['array', 4, '0000000000'],
    ['array', 3, '000000'],
    ['array', 5, '0000000000'],
    ['hash', 4, '000000'],
    ['hash', 3, '00000000'],
    ['lpm_trie', 4, '00000000'],
    ['lpm_trie', 5, '00000000'],
  ])('%s, keys of %i bytes: %s is no key', (type, keySize, key) => {
    expect(imageOf(mapOf(type, { [key]: '05' }, { keySize })).keys).toBeNull();
  });
});
