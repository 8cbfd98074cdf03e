/** Lookups in tries of prefixes, in both byte orders, against the longest prefix that plain TypeScript finds (kernel/bpf/lpm_trie.c). */
import { describe, it } from 'vitest';
import type { ByteOrder } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { ORDERS } from '../ebpf/interpreter/machines.js';
import { expectFound } from './lookups.js';
import { hexIn } from './program-bytes.js';
import { set, type Row } from './transfer/judged.js';

describe('a trie of prefixes', () => {
  interface Prefix {
    readonly length: number;
    readonly data: readonly number[];
    readonly value: number;
  }
  const PREFIXES: readonly Prefix[] = [
    { length: 0, data: [0x55, 0x55, 0x55, 0x55], value: 1 },
    { length: 1, data: [0x80, 0, 0, 0], value: 2 },
    { length: 7, data: [0xfe, 0, 0, 0], value: 3 },
    { length: 8, data: [0xff, 0xff, 0, 0], value: 4 },
    { length: 16, data: [0xff, 0x0f, 0, 0], value: 5 },
    { length: 24, data: [0xff, 0x0f, 0xff, 0], value: 6 },
    { length: 9, data: [0x07, 0x40, 0, 0], value: 7 },
    { length: 31, data: [0x01, 0x00, 0x01, 0xfe], value: 8 },
    { length: 32, data: [0x01, 0x00, 0x02, 0xff], value: 9 },
    { length: 17, data: [0x08, 0x00, 0x80, 0], value: 10 },
  ];
  const bitOf = (data: readonly number[], bit: number): number => ((data[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
  function longest(prefixes: readonly Prefix[], wanted: number, data: readonly number[]): number | null {
    const fitting = prefixes.filter(
      (prefix) =>
        prefix.length <= wanted &&
        Array.from({ length: prefix.length }, (_, bit) => bit).every(
          (bit) => bitOf(prefix.data, bit) === bitOf(data, bit),
        ),
    );
    return fitting.sort((a, b) => b.length - a.length)[0]?.value ?? null;
  }
  const keyHex = (order: ByteOrder, { length, data }: Prefix): string =>
    hexIn(order, 4, BigInt(length)) + Buffer.from(data).toString('hex');
  /** Bytes of the major and minor, and one that is always 255. */
  const dataOf = ({ major, minor }: DeviceRequest): number[] => [major & 255, major >> 8, minor & 255, 255];
  const DATA: Row[] = [
    [0x73, 0x7a, -20, 0],
    [0x77, 7, 0, 8],
    [0x73, 0x7a, -19, 0],
    [0x73, 0x8a, -18, 0],
    [0x72, 10, -17, 255],
  ];
  const trie = { type: 'lpm_trie', keySize: 8, maxEntries: 20 };
  const TOO_LONG = 'depends:map:7,helper:bpf_map_lookup_elem';

  it.each(ORDERS)('the longest that fits is found (%s endian)', (order) => {
    for (const length of [0, 1, 8, 16, 31, 32])
      expectFound({
        key: [[0x62, 10, -24, length], ...DATA],
        map: trie,
        entries: PREFIXES.map((prefix) => [keyHex(order, prefix), prefix.value]),
        found: (request) => longest(PREFIXES, length, dataOf(request)),
        order,
      });
  });
  it.each(ORDERS)('without one that fits all, nothing may be found (%s endian)', (order) => {
    const some = PREFIXES.filter(({ length }) => length > 0);
    expectFound({
      key: [[0x62, 10, -24, 32], ...DATA],
      map: trie,
      entries: [...some].reverse().map((prefix) => [keyHex(order, prefix), prefix.value]),
      found: (request) => longest(some, 32, dataOf(request)),
      order,
    });
  });
  it.each(ORDERS)('with a length that depends on the request; longer than a key is not known (%s endian)', (order) => {
    const key: Row[] = [[0xbf, 0x84, 0, 0], [0x57, 4, 0, 127], [0x63, 0x4a, -24, 0], ...DATA];
    expectFound({
      key,
      map: trie,
      entries: PREFIXES.map((prefix) => [keyHex(order, prefix), prefix.value]),
      found: (request) => {
        const wanted = request.minor & 127;
        return wanted > 32 ? TOO_LONG : longest(PREFIXES, wanted, dataOf(request));
      },
      order,
      evaluatorOnly: true,
    });
  });
  it('too long for all', () => {
    for (const length of [33, 40, 64, 1 << 30, -1])
      expectFound({
        key: [[0x62, 10, -24, length], ...DATA],
        map: trie,
        entries: PREFIXES.map((prefix) => [keyHex('little', prefix), prefix.value]),
        found: () => TOO_LONG,
      });
  });
  it('keys of one byte and of sixteen', () => {
    const short = [
      { length: 8, data: [0x07], value: 1 },
      { length: 4, data: [0xf0], value: 2 },
    ];
    expectFound({
      key: [[0x62, 10, -24, 8], ...DATA],
      map: { type: 'lpm_trie', keySize: 5 },
      entries: short.map((prefix) => [keyHex('little', prefix), prefix.value]),
      found: ({ major }) => longest(short, 8, [major & 255]),
    });
    const sixteen = (tail: number): number[] => [...new Array<number>(15).fill(0), tail];
    const long = [
      { length: 128, data: sixteen(7), value: 1 },
      { length: 127, data: sixteen(0xfe), value: 2 },
      { length: 64, data: sixteen(0), value: 3 },
    ];
    const zeros: Row[] = [set(5, 0), [0x7b, 0x5a, -24, 0], [0x7b, 0x5a, -16, 0], [0x7b, 0x5a, -8, 0]];
    expectFound({
      key: [...zeros, [0x62, 10, -24, 128], [0x73, 0x7a, -5, 0]],
      map: { type: 'lpm_trie', keySize: 20 },
      entries: long.map((prefix) => [keyHex('little', prefix), prefix.value]),
      found: ({ major }) => longest(long, 128, sixteen(major & 255)),
    });
  });
});
