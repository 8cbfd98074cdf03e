/** Lookups of the longest prefix (kernel/bpf/lpm_trie.c). */
import { describe, expect, it } from 'vitest';
import type { MapContents } from '../../../src/ebpf/types.js';
import { machineWith, mapOf, ORDERS } from './machines.js';
import { found, lookup } from './map-operations.js';

describe.each(ORDERS)('a trie of prefixes, %s endian', (order) => {
  const prefix = (bits: number, data: string): string => {
    const length = Buffer.alloc(4);
    if (order === 'little') length.writeUInt32LE(bits);
    else length.writeUInt32BE(bits);
    return length.toString('hex') + data;
  };
  const entries = {
    [prefix(8, '0a000000')]: '01',
    [prefix(9, '0a800000')]: '02',
    [prefix(24, '0a010200')]: '03',
    [prefix(32, '0a010203')]: '04',
    // Bits behind the prefix do not count.
    [prefix(16, '14ffffff')]: '05',
  };
  const trie = (more: Record<string, string> = {}): MapContents =>
    mapOf('lpm_trie', { ...entries, ...more }, { keySize: 8, valueSize: 1 });
  it.each([
    [32, '0a010203', '04'],
    [32, '0a010204', '03'],
    [31, '0a010203', '03'],
    [24, '0a010200', '03'],
    [23, '0a010200', '01'],
    [32, '0a7fffff', '01'],
    [32, '0affffff', '02'],
    [9, '0a800000', '02'],
    [8, '0a800000', '01'],
    [7, '0a000000', 'NULL'],
    [0, '0a000000', 'NULL'],
    [32, '0b000000', 'NULL'],
    [32, '8a010203', 'NULL'],
    [32, '14ff0000', '05'],
    [32, '14fe0000', 'NULL'],
  ])('the longest prefix of /%i %s', (bits, data, value) => {
    const machine = machineWith({ maps: [trie()], order });
    expect(found(machine, prefix(bits, data), 1)).toBe(value);
  });
  it('a prefix of no bits is one of everything', () => {
    const machine = machineWith({ maps: [trie({ [prefix(0, '00000000')]: '09' })], order });
    expect([found(machine, prefix(32, 'ff000000'), 1), found(machine, prefix(0, '00000000'), 1)]).toEqual(['09', '09']);
    expect(found(machine, prefix(8, '0a000000'), 1)).toBe('01');
  });
  it('a length beyond the key depends on the release', () => {
    const machine = machineWith({ maps: [trie()], order });
    expect(lookup(machine, prefix(33, '0a010203'))).toEqual({
      kind: 'opaque',
      points: 7,
      reasons: ['helper:bpf_map_lookup_elem'],
    });
  });
  it('entries and keys of other sizes find nothing', () => {
    const odd = machineWith({ maps: [trie({ [prefix(8, '1e')]: '09' })], order });
    expect(found(odd, prefix(32, '1e000000'), 1)).toBe('NULL');
    const small = mapOf('lpm_trie', {}, { keySize: 3 });
    expect(lookup(machineWith({ maps: [small], order }), '000000')).toEqual({
      kind: 'opaque',
      points: 7,
      reasons: ['depends:map:7'],
    });
  });
});
