/** Lookup, update and delete as the kernel's map types answer them (kernel/bpf/arraymap.c, hashtab.c). */
import { describe, expect, it } from 'vitest';
import { storeTo } from '../../../src/ebpf/interpreter/access.js';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { deleteValue, lookupElement, lookupValue, updateValue } from '../../../src/ebpf/interpreter/map-helpers.js';
import { readableKeyed } from '../../../src/ebpf/interpreter/maps.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import type { MapContents } from '../../../src/ebpf/types.js';
import { hexOf, machineWith, mapOf, onStack } from './machines.js';
import { ANY, found, key, lookup, MAP, remove, update, VALUE } from './map-operations.js';

const NULL = known(0n);
const [ENOENT, E2BIG, EEXIST, EINVAL] = [-2n, -7n, -17n, -22n];
const [NOEXIST, EXIST] = [1n, 2n];

const on = (map: MapContents): Machine => machineWith({ maps: [map] });

const HASH = mapOf('hash', { '01000000': '11111111', '02000000': '22222222' });
const ARRAY = mapOf('array', { '00000000': '11111111', '01000000': '22222222' });

describe('a lookup', () => {
  it.each([
    ['array', ARRAY, '01000000', '22222222'],
    ['array behind its end', ARRAY, '04000000', 'NULL'],
    ['array far behind its end', ARRAY, 'ffffffff', 'NULL'],
    ['array, a value nobody read', ARRAY, '03000000', '????????'],
    ['hash', HASH, '02000000', '22222222'],
    ['hash without the key', HASH, '03000000', 'NULL'],
    ['LRU hash', { ...HASH, type: 'lru_hash' }, '02000000', '22222222'],
    ['hash nobody read', mapOf('hash', null), '02000000', 'opaque'],
    ['other kind', mapOf('queue', {}), '02000000', 'opaque'],
    ['array of a kind that is none', { ...ARRAY, keySize: 8 }, '0100000000000000', 'opaque'],
  ])('%s', (_, map, hex, result) => {
    const machine = on(map);
    expect(found(machine, hex)).toBe(result);
    expect(machine.dependsOn).toEqual(new Set(['map:7']));
  });
  it('has numbers in the byte order of the machine', () => {
    const map = mapOf('array', { '00000001': '01020304' }, { maxEntries: 2 });
    const machine = machineWith({ maps: [map], order: 'big' });
    expect([found(machine, '00000001'), found(machine, '01000000')]).toEqual(['01020304', 'NULL']);
  });
  it('with a key that is not known finds something', () => {
    const machine = on(HASH);
    const at = key(machine, '01000000');
    machine.memories.get(machine.frame.stack)?.store(-30, 1, unknownScalar(['depends:uid']), 'little');
    expect(lookupValue(machine, MAP, at)).toEqual({ kind: 'opaque', points: 7, reasons: ['depends:uid'] });
    for (const [address, reasons] of [
      [known(5n), ['kernel-memory']],
      [pointer('stack:99', 0), ['address']],
      [{ kind: 'pointer', memory: machine.frame.stack, offset: null, reasons: ['depends:gid'] }, ['depends:gid']],
    ] as const) {
      expect(lookupValue(machine, MAP, address)).toEqual({ kind: 'opaque', points: 7, reasons });
    }
  });
  it('in a map that is not known finds something in any', () => {
    const machine = on(HASH);
    expect(lookupValue(machine, unknownScalar(['helper:x']), key(machine, '01000000'))).toEqual({
      kind: 'opaque',
      points: 'any-map',
      reasons: ['helper:x'],
    });
    expect(lookupValue(machineWith({}), MAP, pointer('stack:0', -4))).toMatchObject({ kind: 'opaque', points: 7 });
  });
  it('with keys of up to 4096 bytes is exact', () => {
    for (const [size, kind] of [
      [4096, 'scalar'],
      [4097, 'opaque'],
    ] as const) {
      const machine = on(mapOf('hash', {}, { keySize: size }));
      expect(lookupValue(machine, MAP, onStack(machine, -8192, '00'.repeat(size))).kind).toBe(kind);
    }
  });
  it('for the element of a hash map leads to the same value', () => {
    const machine = on(HASH);
    const element = lookupElement(machine, MAP, key(machine, '01000000'));
    expect(element).toEqual({ kind: 'element', memory: 'value:7:01000000' });
    expect(hexOf(machine, 'value:7:01000000', 0, 4)).toBe('11111111');
    expect(lookupElement(machine, MAP, key(machine, '09000000'))).toEqual(NULL);
    expect(lookupElement(machine, known(9n), key(machine, '01000000'))).toMatchObject({ kind: 'opaque' });
  });
});

describe('an update', () => {
  const rows: [name: string, map: MapContents, hex: string, flags: bigint, result: bigint, after: string][] = [
    ['array', ARRAY, '00000000', ANY, 0n, VALUE],
    ['array, which has every key', ARRAY, '00000000', NOEXIST, EEXIST, '11111111'],
    ['array, only if there', ARRAY, '00000000', EXIST, 0n, VALUE],
    ['last of an array', ARRAY, '03000000', ANY, 0n, VALUE],
    ['array behind its end', ARRAY, '04000000', ANY, E2BIG, 'NULL'],
    ['array behind its end, new', ARRAY, '04000000', NOEXIST, E2BIG, 'NULL'],
    ['hash', HASH, '01000000', ANY, 0n, VALUE],
    ['hash, new key', HASH, '09000000', ANY, 0n, VALUE],
    ['hash, only if new', HASH, '09000000', NOEXIST, 0n, VALUE],
    ['hash, only if new, but it is not', HASH, '01000000', NOEXIST, EEXIST, '11111111'],
    ['hash, only if there', HASH, '01000000', EXIST, 0n, VALUE],
    ['hash, only if there, but it is not', HASH, '09000000', EXIST, ENOENT, 'NULL'],
    ['full hash', { ...HASH, maxEntries: 2 }, '09000000', ANY, E2BIG, 'NULL'],
    ['full hash, a key it has', { ...HASH, maxEntries: 2 }, '01000000', ANY, 0n, VALUE],
    ['hash with one place left', { ...HASH, maxEntries: 3 }, '09000000', ANY, 0n, VALUE],
    ['LRU hash, a key it has', { ...HASH, type: 'lru_hash' }, '01000000', ANY, 0n, VALUE],
  ];
  it.each(rows)('%s', (_, map, hex, flags, result, after) => {
    const machine = on(map);
    expect(update(machine, hex, flags)).toEqual(known(result));
    expect(machine.dependsOn).toEqual(new Set(['map:7']));
    expect(found(machine, hex)).toBe(after);
    // Whatever became of one key, another is as it was.
    if (hex !== '02000000' && map.type !== 'array') expect(found(machine, '02000000')).toBe('22222222');
  });
  it.each<[string, MapContents, string, bigint]>([
    ['LRU hash, which may drop any other key for a new one', { ...HASH, type: 'lru_hash' }, '09000000', ANY],
    ['hash with flags that are not modelled', HASH, '01000000', 4n],
    ['array with flags that are not modelled', ARRAY, '01000000', 3n],
    ['hash nobody read', mapOf('hash', null), '01000000', ANY],
    ['per-cpu hash', { ...HASH, type: 'percpu_hash' }, '01000000', ANY],
    ['trie', mapOf('lpm_trie', {}, { keySize: 8 }), '0800000001000000', ANY],
  ])('%s: nothing is known afterwards', (_, map, hex, flags) => {
    const machine = on(map);
    lookup(machine, hex);
    expect(update(machine, hex, flags)).toEqual(unknownScalar(['depends:map:7']));
    expect(['opaque', '????????']).toContain(found(machine, hex));
    expect(readableKeyed(machine, 7)).toBeNull();
  });
  it('copies the value, also what of it is unknown', () => {
    const machine = on(HASH);
    const value = onStack(machine, -16, VALUE);
    machine.memories.get(machine.frame.stack)?.store(-15, 1, unknownScalar(['depends:uid']), 'little');
    updateValue(machine, MAP, key(machine, '01000000'), value, known(ANY));
    onStack(machine, -16, 'ffffffff');
    expect(found(machine, '01000000', 5)).toBe('a1??a3a4??');
    updateValue(machine, MAP, key(machine, '01000000'), known(1n), known(ANY));
    expect(found(machine, '01000000')).toBe('????????');
    const somewhere: Value = { kind: 'pointer', memory: machine.frame.stack, offset: null, reasons: ['depends:uid'] };
    onStack(machine, 0, 'ffffffff');
    updateValue(machine, MAP, key(machine, '02000000'), somewhere, known(ANY));
    expect(found(machine, '02000000')).toBe('????????');
    updateValue(machine, MAP, key(machine, '01000000'), pointer('stack:9', 0), known(ANY));
    expect(found(machine, '01000000')).toBe('????????');
  });
  it('of an array changes that element alone', () => {
    const machine = on({ ...ARRAY, valueSize: 12 });
    update(machine, '01000000', ANY, 'b1b2b3b4b5b6b7b8b9babbbc');
    const whole = lookup(machine, '00000000');
    expect(whole.kind === 'pointer' && hexOf(machine, whole.memory, 0, 32)).toBe(
      `11111111${'??'.repeat(12)}b1b2b3b4b5b6b7b8b9babbbc${'??'.repeat(4)}`,
    );
  });
  it('with a key or flags that are not known may change any value', () => {
    for (const [address, flags, reasons] of [
      [known(5n), known(ANY), ['kernel-memory']],
      [null, partlyKnown(0n, 1n, ['depends:uid']), ['depends:uid']],
      [null, pointer('context', 0), ['address']],
    ] as const) {
      const machine = on(HASH);
      const result = updateValue(
        machine,
        MAP,
        address ?? key(machine, '01000000'),
        onStack(machine, -16, VALUE),
        flags,
      );
      expect(result).toEqual(unknownScalar(reasons));
      expect(found(machine, '02000000')).toBe('opaque');
    }
  });
  it('of a map that is not known may change any map', () => {
    const machine = on(HASH);
    const result = updateValue(machine, unknownScalar(['helper:x']), key(machine, '01000000'), known(0n), known(ANY));
    expect(result).toEqual(unknownScalar(['helper:x']));
    expect(found(machine, '01000000')).toBe('opaque');
  });
  it('with keys of up to 4096 bytes is followed, and a deletion from maps with values of up to 1 MiB', () => {
    const at = pointer('stack:0', -8192);
    const followed = (sizes: Partial<MapContents>, change: (machine: Machine) => Value): boolean => {
      const machine = on(mapOf('hash', {}, sizes));
      onStack(machine, -8192, '00'.repeat(4100));
      expect(change(machine).kind).toBe('scalar');
      return readableKeyed(machine, 7) !== null;
    };
    const put = (machine: Machine): Value => updateValue(machine, MAP, at, at, known(EXIST));
    const drop = (machine: Machine): Value => deleteValue(machine, MAP, at);
    expect([followed({ keySize: 4096 }, put), followed({ keySize: 4097 }, put)]).toEqual([true, false]);
    expect([followed({ keySize: 4096 }, drop), followed({ keySize: 4097 }, drop)]).toEqual([true, false]);
    expect([followed({ valueSize: 1 << 20 }, drop), followed({ valueSize: (1 << 20) + 1 }, drop)]).toEqual([
      true,
      false,
    ]);
    expect(followed({ valueSize: (1 << 20) + 1 }, put)).toBe(false);
  });
});

describe('a deletion', () => {
  it('takes one key away, which then is not there', () => {
    for (const type of ['hash', 'lru_hash']) {
      const machine = on({ ...HASH, type });
      expect(remove(machine, '01000000')).toEqual(known(0n));
      expect(machine.dependsOn).toEqual(new Set(['map:7']));
      expect([found(machine, '01000000'), found(machine, '02000000')]).toEqual(['NULL', '22222222']);
      expect(remove(machine, '01000000')).toEqual(known(ENOENT));
      expect(remove(machine, '09000000')).toEqual(known(ENOENT));
    }
  });
  it('makes room', () => {
    const machine = on({ ...HASH, maxEntries: 2 });
    remove(machine, '01000000');
    expect(update(machine, '09000000')).toEqual(known(0n));
    expect(update(machine, '01000000')).toEqual(known(E2BIG));
    expect(update(machine, '09000000', NOEXIST)).toEqual(known(EEXIST));
  });
  it('does not exist for arrays', () => {
    const machine = on(ARRAY);
    expect(remove(machine, '01000000')).toEqual(known(EINVAL));
    expect(found(machine, '01000000')).toBe('22222222');
  });
  it.each<[string, MapContents, string[]]>([
    ['a trie', mapOf('lpm_trie', {}, { keySize: 8 }), ['depends:map:7']],
    ['a hash nobody read', mapOf('hash', null), ['depends:map:7']],
    ['a per-cpu hash', { ...HASH, type: 'percpu_hash' }, ['depends:map:7']],
  ])('from %s leaves nothing known', (_, map, reasons) => {
    const machine = on(map);
    expect(remove(machine, '0100000001000000')).toEqual(unknownScalar(reasons));
    expect(found(machine, '0100000001000000')).toBe('opaque');
  });
  it('of a key or from a map that is not known may be any', () => {
    const machine = on(HASH);
    expect(deleteValue(machine, MAP, known(5n))).toEqual(unknownScalar(['kernel-memory']));
    expect(found(machine, '01000000')).toBe('opaque');
    const other = on(HASH);
    expect(deleteValue(other, unknownScalar(['helper:x']), key(other, '01000000'))).toEqual(
      unknownScalar(['helper:x']),
    );
    expect(found(other, '01000000')).toBe('opaque');
    expect(deleteValue(machineWith({}), MAP, known(5n))).toEqual(unknownScalar(['depends:map:7']));
  });
});

// Run on Linux 6.18: an element that was deleted is the one the next new key gets.
describe('the address of an element that was replaced or deleted', () => {
  const held = (machine: Machine): string => hexOf(machine, 'value:7:01000000', 0, 4);
  const given = (): Machine => {
    const machine = on(HASH);
    lookup(machine, '01000000');
    return machine;
  };
  it('leads to what was there, until another is put', () => {
    const machine = given();
    remove(machine, '01000000');
    expect(held(machine)).toBe('11111111');
    update(machine, '09000000');
    expect([held(machine), found(machine, '09000000'), found(machine, '02000000')]).toEqual([
      '????????',
      VALUE,
      '22222222',
    ]);
    const other = given();
    update(other, '01000000');
    expect(held(other)).toBe('11111111');
    update(other, '02000000', ANY, 'b1b2b3b4');
    expect([held(other), found(other, '01000000'), found(other, '02000000')]).toEqual(['????????', VALUE, 'b1b2b3b4']);
  });
  it('may be that of another by the time of a write', () => {
    const machine = given();
    storeTo(machine, pointer('value:7:01000000', 0), 0, 1, known(0xffn));
    expect(found(machine, '01000000')).toBe('ff111111');
    remove(machine, '01000000');
    storeTo(machine, pointer('value:7:01000000', 0), 0, 1, known(0xffn));
    expect(found(machine, '02000000')).toBe('opaque');
  });
});
