/** What programs put into maps and delete, as sequences of calls, against a Map in TypeScript (kernel/bpf/hashtab.c, arraymap.c). */
import { describe, it } from 'vitest';
import type { DeviceRequest } from '../../../src/policy/types.js';
import type { ByteOrder, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { Random } from '../../property/random.js';
import { environmentWith, mapWith } from '../agreement.js';
import { areEqual, expectVerdicts, LOAD_MAJOR, LOAD_MINOR, move, reference, set, wide, type Row } from './judged.js';

const HELPERS = new Map([
  [1, 'bpf_map_lookup_elem'],
  [2, 'bpf_map_update_elem'],
  [3, 'bpf_map_delete_elem'],
]);
const LARGEST = 64;

interface Call {
  readonly what: 'lookup' | 'update' | 'delete';
  /** null: the minor's low two bits. */
  readonly key: number | null;
  /** null: the major. */
  readonly value: number | null;
  readonly flags: number;
  /** Left out for requests with this major. */
  readonly unless: number | null;
}

function randomCalls(random: Random, count: number): Call[] {
  return Array.from({ length: count }, () => ({
    what: random.pick(['lookup', 'update', 'update', 'delete'] as const),
    key: random.chance(40) ? null : random.below(5),
    value: random.chance(40) ? null : random.below(50),
    flags: random.pick([0, 0, 0, 1, 2]),
    unless: random.chance(40) ? random.pick([7, 8]) : null,
  }));
}

/** r6 = r6 * 3 + result, a found value or 99 counting as result of a lookup. */
function rowsOf(kind: 'array' | 'hash', { what, key, value, flags, unless }: Call): Row[] {
  const rows: Row[] = [
    key === null ? [0x63, 0x8a, -4, 0] : [0x62, 10, -4, key],
    value === null ? [0x63, 0x7a, -8, 0] : [0x62, 10, -8, value],
    ...reference(1, 1, kind === 'array' ? 5 : 6),
    move(2, 10),
    [0x07, 2, 0, -4],
    move(3, 10),
    [0x07, 3, 0, -8],
    set(4, flags),
    [0x85, 0, 0, { lookup: 1, update: 2, delete: 3 }[what]],
    ...(what === 'lookup' ? ([[0x55, 0, 2, 0], set(0, 99), [0x05, 0, 1, 0], [0x61, 0x00, 0, 0]] as Row[]) : []),
    [0x27, 6, 0, 3],
    [0x0f, 0x06, 0, 0],
  ];
  return unless === null ? rows : [[0x15, 7, rows.length, unless], ...rows];
}

function resultOf(kind: 'array' | 'hash', calls: readonly Call[], { major, minor }: DeviceRequest): bigint {
  const map = new Map(
    kind === 'array'
      ? [
          [0, 5],
          [1, 6],
          [2, 7],
        ]
      : [
          [1, 5],
          [2, 6],
        ],
  );
  let sum = 0n;
  for (const call of calls) {
    if (call.unless === major) continue;
    sum = BigInt.asUintN(64, sum * 3n + BigInt(kernel(kind, map, call, call.key ?? minor & 3, call.value ?? major)));
  }
  return sum;
}

function kernel(kind: 'array' | 'hash', map: Map<number, number>, call: Call, key: number, value: number): number {
  const exists = map.has(key);
  if (call.what === 'lookup') return map.get(key) ?? 99;
  if (call.what === 'delete') {
    if (kind === 'array') return -22;
    return map.delete(key) ? 0 : -2;
  }
  if (kind === 'array' && !exists) return -7;
  if (exists && call.flags === 1) return -17;
  if (!exists && call.flags === 2) return -2;
  map.set(key, value);
  return 0;
}

function keyIn(order: ByteOrder, number: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, number, order === 'little');
  return Buffer.from(view.buffer).toString('hex');
}

function environmentIn(order: ByteOrder): ProgramEnvironment {
  const entries = (values: readonly (readonly [number, number])[]): Map<string, Uint8Array> =>
    new Map(
      values.map(([key, value]) => [keyIn(order, key), Uint8Array.from(Buffer.from(keyIn(order, value), 'hex'))]),
    );
  const array = mapWith({
    id: 5,
    type: 'array',
    maxEntries: 3,
    entries: entries([
      [0, 5],
      [1, 6],
      [2, 7],
    ]),
  });
  const hash = mapWith({
    id: 6,
    type: 'hash',
    maxEntries: LARGEST,
    entries: entries([
      [1, 5],
      [2, 6],
    ]),
  });
  return environmentWith({
    helpers: HELPERS,
    maps: new Map([
      [5, array],
      [6, hash],
    ]),
  });
}

const START: Row[] = [LOAD_MAJOR, LOAD_MINOR, move(7, 2), move(8, 3), [0x57, 8, 0, 3], set(6, 0)];

describe('calls one after the other', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))('sequence %i', (seed) => {
    const order: ByteOrder = seed % 4 === 3 ? 'big' : 'little';
    const kind = seed % 3 === 2 ? 'array' : 'hash';
    const calls = randomCalls(new Random(seed + 1), 7);
    const rows: Row[] = [...START, ...calls.flatMap((call) => rowsOf(kind, call))];
    for (const like of [
      { major: 7, minor: 1 },
      { major: 255, minor: 2 },
    ] as const) {
      const wanted = resultOf(kind, calls, { type: 'c', access: 2, ...like });
      expectVerdicts(
        [...rows, ...wide(5, wanted), ...areEqual(5, 6)],
        (request) => resultOf(kind, calls, request) === wanted,
        {
          environment: environmentIn(order),
          order,
        },
      );
    }
  });
});

describe('calls that are not followed', () => {
  const environment = environmentIn('little');
  const put = (key: number, flags: number, map: 'array' | 'hash' = 'hash'): Row[] =>
    rowsOf(map, { what: 'update', key, value: 9, flags, unless: null });
  const look = (key: number, map: 'array' | 'hash' = 'hash'): Row[] => [
    set(6, 0),
    ...rowsOf(map, { what: 'lookup', key, value: 0, flags: 0, unless: null }),
  ];
  const is = (value: number): Row[] => [set(5, value), ...areEqual(5, 6)];

  it('flags that are none of the three', () => {
    expectVerdicts([...START, ...put(1, 4), ...look(1), ...is(5)], () => 'depends:map:6', { environment });
    expectVerdicts([...START, ...put(1, 3, 'array'), ...look(1, 'array'), ...is(6)], () => 'kernel-memory', {
      environment,
      evaluatorOnly: true,
    });
  });
  it('a map that may be full', () => {
    const maps = new Map(environment.maps);
    const full = (maxEntries: number): ProgramEnvironment => ({
      ...environment,
      maps: maps.set(6, { ...maps.get(6)!, maxEntries }),
    });
    expectVerdicts([...START, ...put(3, 0), ...look(3), ...is(9)], () => true, { environment: full(3) });
    expectVerdicts([...START, ...put(3, 0), ...look(3), ...is(9)], () => 'depends:map:6', {
      environment: full(2),
      evaluatorOnly: true,
    });
    const two: Row[] = [...START, ...put(3, 0), ...put(4, 0), ...look(4), ...is(9)];
    expectVerdicts(two, () => true, { environment: full(4) });
    expectVerdicts(two, () => 'depends:map:6', { environment: full(3), evaluatorOnly: true });
  });
  it('other kinds of maps', () => {
    for (const type of ['lru_hash', 'percpu_hash', 'lpm_trie']) {
      const keySize = type === 'lpm_trie' ? 8 : 4;
      const maps = new Map([
        [6, { ...environment.maps.get(6)!, type, keySize, entries: new Map<string, Uint8Array>() }],
      ]);
      for (const what of ['update', 'delete'] as const) {
        const rows = [...START, ...rowsOf('hash', { what, key: 1, value: 9, flags: 0, unless: null })];
        expectVerdicts(
          [
            ...rows,
            set(6, 0),
            ...rowsOf('hash', { what: 'lookup', key: 1, value: 0, flags: 0, unless: null }),
            ...is(99),
          ],
          () => 'depends:map:6',
          {
            environment: { ...environment, maps },
            evaluatorOnly: true,
          },
        );
      }
    }
  });
  it('one of several maps', () => {
    // r1 = major 7: the hash, else the array; then key 1 is deleted from it.
    const either: Row[] = [...START, ...reference(1, 1, 5), [0x55, 7, 2, 7], ...reference(1, 1, 6)];
    const gone: Row[] = [[0x62, 10, -4, 1], move(2, 10), [0x07, 2, 0, -4], [0x85, 0, 0, 3]];
    expectVerdicts(
      [...either, ...gone, ...look(1), ...is(99)],
      ({ major }) => (major === 7 ? 'depends:map:6' : 'kernel-memory'),
      {
        environment,
        evaluatorOnly: true,
      },
    );
    // Where only one of them can be meant, it is that one.
    const narrowed: Row[] = [...either, [0x15, 7, 2, 8], set(0, 0), [0x95, 0, 0, 0], ...gone, move(6, 0)];
    expectVerdicts([...narrowed, ...is(-22)], ({ major }) => major === 8, { environment });
    const other: Row[] = [...either, [0x15, 7, 2, 7], set(0, 0), [0x95, 0, 0, 0], ...gone];
    expectVerdicts([...other, ...look(1), ...is(99)], ({ major }) => major === 7, { environment });
  });
});
