/** What programs see of the values of maps, and what remains of it after writes that were not followed. */
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { lookupElement, lookupValue } from '../../../src/ebpf/interpreter/map-helpers.js';
import {
  arrayPointer,
  elementCount,
  forgetAllMaps,
  forgetMap,
  keysOf,
  mapOfMemory,
  putValue,
  readableKeyed,
  valueMemory,
} from '../../../src/ebpf/interpreter/maps.js';
import { knownByte } from '../../../src/ebpf/interpreter/memory.js';
import { known } from '../../../src/ebpf/interpreter/scalar.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import type { ByteOrder, MapContents } from '../../../src/ebpf/types.js';
import { hexOf, machineWith, mapOf, onStack, ORDERS } from './machines.js';

const index = (number: number, order: ByteOrder): string => {
  const bytes = Buffer.alloc(4);
  if (order === 'little') bytes.writeUInt32LE(number);
  else bytes.writeUInt32BE(number);
  return bytes.toString('hex');
};
function load(machine: Machine, at: Value, size: 1 | 2 | 4 | 8 = 8, off = 0): Value | null {
  if (at.kind !== 'pointer') return null;
  return (
    machine.memories.get(at.memory)?.load((at.offset ?? 0) + off, size, false, machine.unit.program.byteOrder) ?? null
  );
}
const reasons = (value: Value | null): unknown => (value !== null && 'reasons' in value ? value.reasons : value);

describe.each(ORDERS)('values of an array, %s endian', (order) => {
  const array = mapOf(
    'array',
    { [index(0, order)]: '010203', [index(1, order)]: '111213', [index(2, order)]: '21' },
    { valueSize: 3, maxEntries: 4 },
  );
  const machine = (): Machine => machineWith({ maps: [array], order });
  it('are 8 bytes apart, with nothing known between them', () => {
    const on = machine();
    const { memory } = arrayPointer(on, 7, 0);
    expect(hexOf(on, memory, 0, 19)).toBe('010203??????????111213??????????21????');
    expect(on.dependsOn).toEqual(new Set(['map:7']));
  });
  it('end with the map', () => {
    const on = machine();
    expect(reasons(load(on, arrayPointer(on, 7, -1), 1))).toEqual(['kernel-memory']);
    expect(reasons(load(on, arrayPointer(on, 7, 32), 1))).toEqual(['kernel-memory']);
    // The last element is there, but nobody has read it.
    expect(reasons(load(on, arrayPointer(on, 7, 24), 1))).toEqual(['depends:map:7']);
    expect(reasons(load(on, arrayPointer(on, 7, 31), 1))).toEqual(['depends:map:7']);
  });
  it('that are longer than 8 bytes start at the next multiple of it', () => {
    const wide = mapOf('array', { [index(1, order)]: 'aa'.repeat(9) }, { valueSize: 9 });
    const on = machineWith({ maps: [wide], order });
    expect(hexOf(on, arrayPointer(on, 7, 0).memory, 15, 11)).toBe(`??${'aa'.repeat(9)}??`);
  });
});

it('values of what was not read, or is another kind of map, are unknown', () => {
  for (const map of [mapOf('array', null), mapOf('queue', { '00000000': '01020304' })]) {
    const machine = machineWith({ maps: [map] });
    expect(reasons(load(machine, arrayPointer(machine, 7, 0)))).toEqual(['depends:map:7']);
  }
  const machine = machineWith({});
  expect(reasons(load(machine, arrayPointer(machine, 7, 0)))).toEqual(['depends:map:7']);
});

describe.each(ORDERS)('a table of jumps, %s endian', (order) => {
  const value = (slot: number, length = 12): string =>
    `${index(99, order)}${index(slot, order)}`.padEnd(length * 2, '0');
  const table = mapOf('insn_array', {
    [index(0, order)]: value(5),
    [index(1, order)]: value(300),
    [index(2, order)]: value(9).slice(0, 14),
  });
  it('has the address of an instruction in every 8 bytes', () => {
    const machine = machineWith({ maps: [table], order });
    const at = arrayPointer(machine, 7, 0);
    expect([load(machine, at), load(machine, at, 8, 8)]).toEqual([
      { kind: 'code', slot: 5 },
      { kind: 'code', slot: 300 },
    ]);
    for (const off of [4, 16, 24, -8]) expect(load(machine, at, 8, off)).toMatchObject({ kind: 'scalar' });
    expect(reasons(load(machine, at, 8, 16))).toEqual(['depends:map:7']);
    expect(reasons(load(machine, at, 8, -8))).toEqual(['depends:map:7']);
  });
  it('may have entries of 8 bytes', () => {
    const shortest = mapOf('insn_array', { [index(0, order)]: value(5, 8) });
    const machine = machineWith({ maps: [shortest], order });
    expect(load(machine, arrayPointer(machine, 7, 0))).toEqual({ kind: 'code', slot: 5 });
  });
});

describe.each(ORDERS)('a map of maps, %s endian', (order) => {
  const outer = mapOf('array_of_maps', {
    [index(0, order)]: index(8, order),
    [index(2, order)]: index(0x1_0009, order),
    [index(3, order)]: '0102',
  });
  it('has the address of a map, or NULL, in every 8 bytes', () => {
    const machine = machineWith({ maps: [outer], order });
    const at = arrayPointer(machine, 7, 0);
    expect([0, 8, 16, 24, -8].map((off) => load(machine, at, 8, off))).toEqual([
      { kind: 'map', mapId: 8 },
      known(0n),
      { kind: 'map', mapId: 0x1_0009 },
      known(0n),
      known(0n),
    ]);
    expect(load(machine, at, 8, 4)).toMatchObject({ kind: 'scalar', reasons: ['address'] });
    expect(load(machine, at, 4, 0)).toMatchObject({ kind: 'scalar', reasons: ['address'] });
  });
});

describe('per-cpu values', () => {
  // Two CPUs, each value padded to 8 bytes (Documentation/bpf/map_array.rst).
  const pad = '00000000';
  const array = mapOf('percpu_array', {
    '00000000': `01020304${pad}01020305${pad}`,
    '01000000': `0a0b0c0d${pad}0a0b0c0d${pad}`,
    '02000000': `01020304${pad}01020304${pad}01020304${pad}ff020304${pad}`,
  });
  const lookup = (map: MapContents, key: string): [Machine, Value] => {
    const machine = machineWith({ maps: [map] });
    return [machine, lookupValue(machine, { kind: 'map', mapId: 7 }, onStack(machine, -8, key))];
  };
  it.each([
    ['00000000', '010203??00000000????'],
    ['01000000', '0a0b0c0d00000000????'],
    ['02000000', '??02030400000000????'],
    ['03000000', '????????????????????'],
  ])('of element %s are what all CPUs have', (key, hex) => {
    const [machine, value] = lookup(array, key);
    expect(value.kind === 'pointer' && hexOf(machine, value.memory, value.offset ?? 0, 8)).toBe(hex.slice(0, 16));
    expect(machine.dependsOn).toEqual(new Set(['map:7']));
  });
  it('end with the array', () => {
    const [machine, value] = lookup(array, '00000000');
    expect(reasons(load(machine, value, 1, -1))).toEqual(['depends:map:7']);
    expect(lookup(array, '04000000')[1]).toEqual(known(0n));
  });
  it.each(['percpu_hash', 'lru_percpu_hash'])('of a %s, and of no key', (type) => {
    const map = mapOf(type, { '05000000': `01020304${pad}01020405${pad}` });
    const [machine, value] = lookup(map, '05000000');
    expect(value.kind === 'pointer' && hexOf(machine, value.memory, -1, 10)).toBe('??0102????00000000??');
    expect(lookup(map, '06000000')[1]).toEqual(known(0n));
  });
  it('are reached through a table of pointers', () => {
    for (const order of ORDERS) {
      const key = index(1, order);
      const machine = machineWith({ maps: [mapOf('percpu_array', { [key]: `0a0b0c0d${pad}` })], order });
      const table = arrayPointer(machine, 7, 0);
      const second = load(machine, table, 8, 8);
      expect(second).toEqual(pointer('percpu:7', 8));
      expect(hexOf(machine, 'percpu:7', 8, 4)).toBe('0a0b0c0d');
      expect(load(machine, table, 8, 24)).toEqual(pointer('percpu:7', 24));
      expect(load(machine, table, 8, 0)).toEqual(pointer('percpu:7', 0));
      expect(reasons(load(machine, table, 8, 32))).toEqual(['kernel-memory']);
      expect(reasons(load(machine, table, 8, -8))).toEqual(['kernel-memory']);
    }
  });
  it('of a hash element are behind the pointer in the place of its value', () => {
    const map = mapOf('percpu_hash', { '05000000': `01020304${pad}` });
    const machine = machineWith({ maps: [map] });
    const element = lookupElement(machine, { kind: 'map', mapId: 7 }, onStack(machine, -8, '05000000'));
    expect(element).toEqual({ kind: 'element', memory: 'slot:7:05000000' });
    expect(load(machine, pointer('slot:7:05000000', 0))).toEqual(pointer('percpu:7:05000000', 0));
    for (const off of [8, -8])
      expect(reasons(load(machine, pointer('slot:7:05000000', off)))).toEqual(['depends:map:7']);
  });
  it('are unknown once the map may have changed', () => {
    for (const type of ['percpu_array', 'percpu_hash']) {
      const map = mapOf(type, { '00000000': `01020304${pad}` });
      const [machine, value] = lookup(map, '00000000');
      forgetMap(machine, 7, ['helper:x']);
      expect(reasons(load(machine, value, 1))).toEqual(['helper:x']);
      expect(lookupValue(machine, { kind: 'map', mapId: 7 }, onStack(machine, -8, '00000000'))).toEqual({
        kind: 'opaque',
        points: 7,
        reasons: ['depends:map:7'],
      });
    }
    const [, value] = lookup(mapOf('percpu_hash', null), '00000000');
    expect(value.kind).toBe('opaque');
  });
});

describe('keys of a map', () => {
  const hash = mapOf('hash', { '01000000': '11111111', '02000000': '22222222' });
  it('are those of the snapshot and what the run made of them', () => {
    const machine = machineWith({ maps: [hash] });
    expect([...keysOf(machine, hash)]).toEqual(['01000000', '02000000']);
    expect(elementCount(machine, 7)).toBe(2);
    const first = valueMemory(machine, hash, '01000000');
    expect(hexOf(machine, first ?? '', -1, 6)).toBe('??11111111??');
    putValue(machine, hash, '01000000', [knownByte(0xaa)]);
    // Who holds the address of the value that was replaced still sees it, until another is put.
    expect(hexOf(machine, first ?? '', 0, 4)).toBe('11111111');
    putValue(machine, hash, '03000000', [knownByte(0xbb)]);
    putValue(machine, hash, '03000000', [knownByte(0xcc)]);
    expect([...keysOf(machine, hash)].sort()).toEqual(['01000000', '02000000', '03000000']);
    const now = (key: string): string => hexOf(machine, valueMemory(machine, hash, key) ?? '', 0, 2);
    expect([now('01000000'), now('02000000'), now('03000000')]).toEqual(['aa??', '2222', 'cc??']);
    expect(hexOf(machine, first ?? '', 0, 4)).toBe('????????');
    expect(elementCount(machine, 7)).toBeNull();
    expect(valueMemory(machine, hash, '09000000')).toBeNull();
  });
  it.each<[string, MapContents, number | null]>([
    ['array', mapOf('array', null, { maxEntries: 9 }), 9],
    ['hash', hash, 2],
    ['LRU hash', { ...hash, type: 'lru_hash' }, 2],
    ['hash that was not read', mapOf('hash', null), null],
    ['per-cpu array', { ...hash, type: 'percpu_array' }, null],
    ['trie', { ...hash, type: 'lpm_trie' }, null],
  ])('are counted for a walk: %s', (_, map, count) => {
    const machine = machineWith({ maps: [map] });
    expect(elementCount(machine, 7)).toBe(count);
    expect(machine.dependsOn).toEqual(new Set(['map:7']));
    forgetMap(machine, 7, ['x']);
    expect(elementCount(machine, 7)).toBe(map.type === 'array' ? 9 : null);
  });
  it.each([
    ['hash', true],
    ['lru_hash', true],
    ['lpm_trie', true],
    ['percpu_hash', false],
    ['array', false],
    ['queue', false],
  ])('of a %s are followed: %s', (type, followed) => {
    expect(readableKeyed(machineWith({ maps: [mapOf(type, {})] }), 7) !== null).toBe(followed);
    expect(readableKeyed(machineWith({ maps: [mapOf(type, null)] }), 7)).toBeNull();
    expect(readableKeyed(machineWith({}), 7)).toBeNull();
  });
});

describe('a map that may have changed', () => {
  const hash = mapOf('hash', { '01000000': '11111111' }, { id: 8 });
  const array = mapOf('array', { '00000000': '22222222' });
  const given = (): Machine => {
    const machine = machineWith({ maps: [array, hash] });
    arrayPointer(machine, 7, 0);
    valueMemory(machine, hash, '01000000');
    onStack(machine, -4, '01020304');
    return machine;
  };
  const seen = (machine: Machine): unknown[] => [
    hexOf(machine, 'array:7', 0, 4),
    hexOf(machine, 'value:8:01000000', 0, 4),
    readableKeyed(machine, 8) !== null,
    hexOf(machine, machine.frame.stack, -4, 4),
  ];
  it('is unknown, and no other', () => {
    const machine = given();
    expect(seen(machine)).toEqual(['22222222', '11111111', true, '01020304']);
    forgetMap(machine, 7, ['x']);
    expect(seen(machine)).toEqual(['????????', '11111111', true, '01020304']);
    forgetMap(machine, 8, ['x']);
    expect(seen(machine)).toEqual(['????????', '????????', false, '01020304']);
  });
  it('may be any, also one not looked into before', () => {
    const machine = given();
    forgetAllMaps(machine, ['x']);
    expect(seen(machine)).toEqual(['????????', '????????', false, '01020304']);
    const untouched = machineWith({ maps: [array, hash] });
    forgetAllMaps(untouched, ['x']);
    expect(reasons(load(untouched, arrayPointer(untouched, 7, 0), 1))).toEqual(['depends:map:7']);
    expect(readableKeyed(untouched, 8)).toBeNull();
  });
  it('is told by the name of its memory', () => {
    expect(
      ['array:7', 'value:12:0100', 'percpu:3', 'slot:4:01', 'stack:5', 'context', 'key:1', 'x:array:7'].map(
        mapOfMemory,
      ),
    ).toEqual([7, 12, 3, 4, null, null, null, null]);
  });
});
