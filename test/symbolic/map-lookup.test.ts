/** bpf_map_lookup_elem on arrays, hash maps and maps of maps, in both byte orders, against lookups in plain TypeScript (kernel/bpf/arraymap.c, hashtab.c). */
import { describe, it } from 'vitest';
import type { ByteOrder, MapContents } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { ORDERS } from '../ebpf/interpreter/machines.js';
import { environmentWith, mapWith } from './agreement.js';
import { ABSENT, bitsOf, expectFound, HELPERS, keyOf, LOOK, START } from './lookups.js';
import { hexIn, numberIn } from './program-bytes.js';
import { call, expectVerdicts, move, reference, set, type Row } from './transfer/judged.js';

describe('an array', () => {
  const entries = (order: ByteOrder, count: number): [string, number][] =>
    Array.from({ length: count }, (_, i) => [hexIn(order, 4, BigInt(i)), i % 15]);

  it.each(ORDERS)('has as many elements as it is long (%s endian)', (order) => {
    for (const maxEntries of [1, 8, 257])
      expectFound({
        key: keyOf(4, 8),
        map: { type: 'array', maxEntries },
        entries: entries(order, maxEntries),
        found: ({ minor }) => (minor < maxEntries ? minor % 15 : null),
        order,
      });
  });
  it.each([1, 8, 12, 20])('has elements of %i bytes', (valueSize) => {
    const contents = entries('little', 8).map(([key, value]): [string, Uint8Array] => [
      key,
      numberIn('little', valueSize, BigInt(value)),
    ]);
    const map = mapWith({ id: 7, type: 'array', maxEntries: 8, valueSize, entries: new Map(contents) });
    const byte: Row[] = [...LOOK.slice(0, -1), [0x71, 0x06, 0, 0]];
    const environment = environmentWith({ helpers: HELPERS, maps: new Map([[7, map]]) });
    for (const [bit, rows] of bitsOf([...START, ...keyOf(4, 8), ...byte]))
      expectVerdicts(rows, ({ minor }) => ((minor < 8 ? minor : ABSENT) & bit) !== 0, { environment });
  });
  it('has no element at indices of 2^31 and more', () => {
    for (const order of ORDERS)
      expectFound({
        key: [
          [0x62, 10, -24, -1],
          ...([
            [0x55, 7, 1, 7],
            [0x62, 10, -24, 1],
          ] as Row[]),
        ],
        map: { type: 'array', maxEntries: 2 },
        entries: entries(order, 2),
        found: ({ major }) => (major === 7 ? 1 : null),
        order,
      });
  });
  it('has all elements, whatever they are, where it was not read', () => {
    expectFound({
      key: keyOf(4, 8),
      map: { type: 'array', maxEntries: 3 },
      entries: null,
      found: ({ minor }) => (minor < 3 ? 'depends:map:7' : null),
    });
  });
  it('has some elements that were not read', () => {
    expectFound({
      key: keyOf(4, 8),
      map: { type: 'array', maxEntries: 3 },
      entries: entries('little', 2),
      found: ({ minor }) => (minor === 2 ? 'depends:map:7' : minor < 2 ? minor % 15 : null),
    });
  });
  it('keeps its elements through a call that nobody knows, not their values', () => {
    const unknown: Row[] = [move(2, 10), [0x07, 2, 0, -24], ...reference(1, 1, 7), call(9)];
    expectFound({
      key: [...unknown, ...keyOf(4, 8)],
      map: { type: 'array', maxEntries: 3 },
      entries: entries('little', 3),
      found: ({ minor }) => (minor < 3 ? 'kernel-memory' : null),
      evaluatorOnly: true,
    });
  });
});

describe('a hash map', () => {
  const TYPES = ['hash', 'lru_hash'];

  it.each(ORDERS.flatMap((order) => TYPES.map((type) => [type, order] as const)))('%s (%s endian)', (type, order) => {
    for (const size of [1, 2, 4, 8] as const) {
      const cut = (number: number): bigint => BigInt.asUintN(8 * size, BigInt(number));
      const keys = [0n, 2n, cut(255), cut(65535), cut(1048575)].filter((key, i, all) => all.indexOf(key) === i);
      expectFound({
        key: keyOf(size, 8),
        map: { type, keySize: size },
        entries: keys.map((key, i) => [hexIn(order, size, key), 1 + i]),
        found: ({ minor }) => {
          const index = keys.indexOf(cut(minor));
          return index < 0 ? null : 1 + index;
        },
        order,
      });
    }
  });
  it('tells keys by every byte', () => {
    // Three bytes of the major and the minor, one that is always the same.
    const key: Row[] = [
      [0x62, 10, -24, 0],
      [0x6b, 0x7a, -24, 0],
      [0x73, 0x8a, -22, 0],
    ];
    expectFound({
      key,
      map: { type: 'hash' },
      entries: [
        ['ff00ff00', 1],
        ['ff0fff00', 2],
        ['ff00ff01', 3],
        ['01000200', 4],
      ],
      found: ({ major, minor }) =>
        major === 255 && (minor & 255) === 255
          ? 1
          : major === 4095 && (minor & 255) === 255
            ? 2
            : major === 1 && minor === 2
              ? 4
              : null,
    });
  });
  it('may be empty', () => {
    expectFound({ key: keyOf(4, 8), map: { type: 'hash' }, entries: [], found: () => null });
  });
  it('may have any key where it was not read', () => {
    const unread = { key: keyOf(4, 8), entries: null, found: () => 'depends:map:7' };
    for (const type of [...TYPES, 'percpu_hash', 'lpm_trie', 'hash_of_maps'])
      expectFound({ ...unread, map: { type, keySize: type === 'lpm_trie' ? 8 : 4 } });
  });
  it('may have any key where a call that nobody knows had it', () => {
    const unknown: Row[] = [move(2, 10), [0x07, 2, 0, -24], ...reference(1, 1, 7), call(9)];
    const changed: Row[] = [[0x62, 10, -24, 1], [0x55, 7, unknown.length, 7], ...unknown];
    expectFound({
      key: [...changed, ...keyOf(4, 8)],
      map: { type: 'hash' },
      entries: [['02000000', 5]],
      found: ({ major, minor }) => (major === 7 ? 'depends:map:7' : minor === 2 ? 5 : null),
      evaluatorOnly: true,
    });
  });
});

describe('a map of a kind that has no values, or that nobody knows', () => {
  it.each(['queue', 'cgroup_storage', 'unspec'])('%s', (type) => {
    expectFound({
      key: keyOf(4, 8),
      map: { type },
      entries: [],
      found: () => 'depends:map:7,kernel-memory',
    });
  });
  it('is not in the snapshot', () => {
    const [[, rows]] = bitsOf([...START, ...keyOf(4, 8), ...LOOK]) as [[number, Row[]]];
    expectVerdicts(rows, () => 'depends:map:7,kernel-memory', { environment: environmentWith({ helpers: HELPERS }) });
  });
});

describe('per-cpu values', () => {
  it.each(['percpu_array', 'percpu_hash', 'lru_percpu_hash'])('%s: known where all CPUs have the same', (type) => {
    for (const order of ORDERS) {
      const both = (a: number, b: number): Uint8Array =>
        Uint8Array.from([...numberIn(order, 4, BigInt(a)), 0, 0, 0, 0, ...numberIn(order, 4, BigInt(b)), 0, 0, 0, 0]);
      const entries = new Map([
        [hexIn(order, 4, 0n), both(10, 10)],
        [hexIn(order, 4, 1n), both(11, 12)],
        [hexIn(order, 4, 2n), both(13, 13)],
      ]);
      const map = mapWith({ id: 7, type, maxEntries: 3, entries });
      const environment = environmentWith({ helpers: HELPERS, maps: new Map([[7, map]]) });
      for (const [bit, rows] of bitsOf([...START, ...keyOf(4, 8), ...LOOK]))
        expectVerdicts(
          rows,
          ({ minor }) => (minor === 1 ? 'depends:map:7' : (([10, 0, 13][minor] ?? ABSENT) & bit) !== 0),
          { environment, order },
        );
    }
  });
});

describe('an inner map', () => {
  const NO_MAP = 14;
  const inner = (id: number, value: number, order: ByteOrder): MapContents =>
    mapWith({
      id,
      type: 'hash',
      entries: new Map([[hexIn(order, 4, 8n), numberIn(order, 4, BigInt(value))]]),
    });
  const outer = (type: string, ids: readonly (readonly [number, number])[] | null, order: ByteOrder): MapContents =>
    mapWith({
      id: 7,
      type,
      maxEntries: 6,
      entries:
        ids === null
          ? null
          : new Map(ids.map(([slot, id]) => [hexIn(order, 4, BigInt(slot)), numberIn(order, 4, BigInt(id))])),
    });
  /** r6 = what the map at the minor has for the major; NO_MAP where there is no map. */
  const ROWS: Row[] = [
    ...START,
    [0x63, 0x8a, -24, 0],
    ...LOOK.slice(0, 5),
    set(6, NO_MAP),
    [0x15, 0, 8, 0],
    [0x63, 0x7a, -16, 0],
    move(2, 10),
    [0x07, 2, 0, -16],
    move(1, 0),
    call(1),
    set(6, ABSENT),
    [0x15, 0, 1, 0],
    [0x61, 0x06, 0, 0],
  ];
  const expectInner = (
    map: MapContents,
    order: ByteOrder,
    found: (request: DeviceRequest) => number | string,
    inners: readonly MapContents[] = [inner(21, 1, order), inner(22, 2, order)],
  ): void => {
    const maps = new Map([map, ...inners].map((each) => [each.id, each]));
    for (const [bit, rows] of bitsOf(ROWS)) {
      const right = (request: DeviceRequest): boolean | string => {
        const value = found(request);
        return typeof value === 'string' ? value : (value & bit) !== 0;
      };
      expectVerdicts(rows, right, {
        environment: environmentWith({ helpers: HELPERS, maps }),
        order,
        evaluatorOnly: true,
      });
    }
  };
  const SLOTS = [
    [0, 21],
    [2, 22],
    [1, 0],
  ] as const;
  const known = ({ major, minor }: DeviceRequest): number => {
    const id = minor === 0 ? 21 : minor === 2 ? 22 : null;
    return id === null ? NO_MAP : major === 8 ? id - 20 : ABSENT;
  };

  it.each(ORDERS.flatMap((order) => ['array_of_maps', 'hash_of_maps'].map((type) => [type, order] as const)))(
    'of each slot of %s (%s endian)',
    (type, order) => {
      expectInner(outer(type, SLOTS, order), order, known);
    },
  );
  it('that is not known', () => {
    for (const type of ['array_of_maps', 'hash_of_maps'])
      expectInner(
        outer(type, SLOTS, 'little'),
        'little',
        (request) => (request.minor === 0 ? 'depends:map:21,kernel-memory' : known(request)),
        [inner(22, 2, 'little')],
      );
  });
  it('of a map that was not read', () => {
    for (const type of ['array_of_maps', 'hash_of_maps'])
      expectInner(outer(type, null, 'little'), 'little', ({ minor }) =>
        minor < 6 || type === 'hash_of_maps' ? 'depends:map:7,helper:bpf_map_lookup_elem,kernel-memory' : NO_MAP,
      );
  });
  it('of a slot that was read in part', () => {
    const map = outer('hash_of_maps', SLOTS, 'little');
    const entries = new Map(map.entries).set('00000000', Uint8Array.of(21, 0, 0));
    expectInner({ ...map, entries }, 'little', (request) =>
      request.minor === 0 ? 'depends:map:7,helper:bpf_map_lookup_elem,kernel-memory' : known(request),
    );
  });
});
