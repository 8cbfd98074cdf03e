/**
 * Tables of addresses that the kernel's own code reads: inlined lookups of per-cpu maps and maps of maps (array_map_gen_lookup and the like in
 * kernel/bpf/arraymap.c and hashtab.c), and jump tables (kernel/bpf/bpf_insn_array.c).
 */
import { describe, it } from 'vitest';
import type { ByteOrder, MapContents, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { ORDERS } from '../ebpf/interpreter/machines.js';
import { environmentWith, mapWith } from './agreement.js';
import { ABSENT, bitsOf, START } from './lookups.js';
import { hexIn, numberIn } from './program-bytes.js';
import {
  ALLOW,
  call,
  DENY,
  expectVerdicts,
  isEqual,
  LOAD_MINOR,
  move,
  reference,
  set,
  type Row,
} from './transfer/judged.js';

const HELPERS = new Map([
  [1, '__htab_map_lookup_elem'],
  [2, 'bpf_map_lookup_elem'],
]);
const environmentOf = (...maps: readonly MapContents[]): ProgramEnvironment =>
  environmentWith({ helpers: HELPERS, maps: new Map(maps.map((map) => [map.id, map])) });
/** Entry of the key to the value, both numbers of four bytes. */
const entriesIn = (order: ByteOrder, values: readonly (readonly [number, Uint8Array])[]): Map<string, Uint8Array> =>
  new Map(values.map(([key, value]) => [hexIn(order, 4, BigInt(key)), value]));
/** Key: the minor, at fp - 8. */
const KEY: Row[] = [...START, [0x63, 0x8a, -8, 0], move(2, 10), [0x07, 2, 0, -8], ...reference(1, 1, 7)];
/** r0 = where the table has its entry for the key, then `found`; 0 where there is none. */
const inArray = (length: number, found: readonly Row[]): Row[] => [
  ...KEY,
  [0x07, 1, 0, 304],
  [0x61, 0x20, 0, 0],
  [0x35, 0, 3 + found.length, length],
  [0x67, 0, 0, 3],
  [0x0f, 0x10, 0, 0],
  ...found,
  [0x05, 0, 1, 0],
  set(0, 0),
];
const inHash = (found: readonly Row[]): Row[] => [
  ...KEY,
  call(1),
  [0x15, 0, 1 + found.length, 0],
  [0x07, 0, 0, 56],
  ...found,
];
const LOAD_TABLE: Row = [0x79, 0x00, 0, 0];
const OF_THIS_CPU: Row = [0xbf, 0x00, -1, 0];
/** r6 = four bytes at r0. */
const VALUE: Row[] = [set(6, ABSENT), [0x15, 0, 1, 0], [0x61, 0x06, 0, 0]];

interface Circumstances {
  readonly environment: ProgramEnvironment;
  readonly order?: ByteOrder;
  readonly evaluatorOnly?: boolean;
}
function expectNumbers(
  rows: readonly Row[],
  right: (request: DeviceRequest) => number | string,
  circumstances: Circumstances,
): void {
  for (const [bit, asking] of bitsOf(rows))
    expectVerdicts(
      asking,
      (request) => {
        const value = right(request);
        return typeof value === 'string' ? value : (value & bit) !== 0;
      },
      circumstances,
    );
}

describe('per-cpu values', () => {
  /** Values of `size` bytes for two CPUs: key + 1 at the beginning. */
  const values = (order: ByteOrder, size: number, keys: readonly number[]): [number, Uint8Array][] =>
    keys.map((key) => {
      const one = new Uint8Array(Math.ceil(size / 8) * 8);
      one.set(numberIn(order, 4, BigInt(key + 1)));
      return [key, Uint8Array.from([...one, ...one])];
    });

  it.each([4, 8, 12, 24, 40])('of an array, %i bytes each', (valueSize) => {
    for (const order of ORDERS) {
      const entries = entriesIn(order, values(order, valueSize, [0, 1, 2, 3, 4, 5, 6, 7, 8]));
      const map = mapWith({ id: 7, type: 'percpu_array', maxEntries: 9, valueSize, entries });
      expectNumbers(
        [...inArray(9, [LOAD_TABLE, OF_THIS_CPU]), ...VALUE],
        ({ minor }) => (minor < 9 ? minor + 1 : ABSENT),
        { environment: environmentOf(map), order },
      );
    }
  });
  it.each(['percpu_hash', 'lru_percpu_hash'])('of a hash map (%s)', (type) => {
    for (const order of ORDERS) {
      const entries = entriesIn(order, values(order, 20, [7, 2, 0, 8]));
      const map = mapWith({ id: 7, type, maxEntries: 9, valueSize: 20, entries });
      expectNumbers(
        [...inHash([LOAD_TABLE, OF_THIS_CPU]), ...VALUE],
        ({ minor }) => ([7, 2, 0, 8].includes(minor) ? minor + 1 : ABSENT),
        { environment: environmentOf(map), order },
      );
    }
  });
  it('that were not read', () => {
    const map = mapWith({ id: 7, type: 'percpu_array', maxEntries: 9, entries: null });
    expectNumbers(
      [...inArray(9, [LOAD_TABLE, OF_THIS_CPU]), ...VALUE],
      ({ minor }) => (minor < 9 ? 'depends:map:7' : ABSENT),
      { environment: environmentOf(map) },
    );
  });
  it('half an address is no address', () => {
    const map = mapWith({ id: 7, type: 'percpu_array', maxEntries: 9, entries: entriesIn('little', []) });
    expectVerdicts(
      [...inArray(9, [[0x61, 0x00, 0, 0]]), ...isEqual(0, 0)],
      ({ minor }) => (minor < 9 ? 'kernel-memory' : true),
      { environment: environmentOf(map), evaluatorOnly: true },
    );
  });
});

describe('maps inside maps', () => {
  const NO_MAP = 14;
  /** r6 = what the map r0 has for the key 8. */
  const INSIDE: Row[] = [
    set(6, NO_MAP),
    [0x15, 0, 8, 0],
    [0x62, 10, -16, 8],
    move(2, 10),
    [0x07, 2, 0, -16],
    move(1, 0),
    call(2),
    set(6, ABSENT),
    [0x15, 0, 1, 0],
    [0x61, 0x06, 0, 0],
  ];
  const inner = (id: number, value: number, order: ByteOrder): MapContents =>
    mapWith({ id, type: 'hash', entries: entriesIn(order, [[8, numberIn(order, 4, BigInt(value))]]) });
  const ids = (order: ByteOrder): [number, Uint8Array][] => [
    [0, numberIn(order, 4, 0x1_0015n)],
    [2, numberIn(order, 4, 22n)],
  ];
  const right = ({ minor }: DeviceRequest): number => (minor === 0 ? 1 : minor === 2 ? 2 : NO_MAP);

  it.each(ORDERS)('an array of them (%s endian)', (order) => {
    const map = mapWith({ id: 7, type: 'array_of_maps', maxEntries: 9, entries: entriesIn(order, ids(order)) });
    expectNumbers([...inArray(9, [LOAD_TABLE]), ...INSIDE], right, {
      environment: environmentOf(map, inner(0x1_0015, 1, order), inner(22, 2, order)),
      order,
    });
  });
  it.each(ORDERS)('a hash map of them (%s endian)', (order) => {
    const map = mapWith({ id: 7, type: 'hash_of_maps', maxEntries: 9, entries: entriesIn(order, ids(order)) });
    expectNumbers([...inHash([LOAD_TABLE]), ...INSIDE], right, {
      environment: environmentOf(map, inner(0x1_0015, 1, order), inner(22, 2, order)),
      order,
      evaluatorOnly: true,
    });
  });
  it('of which one was read in part, or none', () => {
    const partly = entriesIn('little', [...ids('little'), [1, Uint8Array.of(21, 0, 0)]]);
    const unknown = 'depends:map:7,helper:bpf_map_lookup_elem,kernel-memory';
    const inners = [inner(0x1_0015, 1, 'little'), inner(22, 2, 'little')];
    const hash = mapWith({ id: 7, type: 'hash_of_maps', maxEntries: 9, entries: partly });
    expectNumbers([...inHash([LOAD_TABLE]), ...INSIDE], (request) => (request.minor === 1 ? unknown : right(request)), {
      environment: environmentOf(hash, ...inners),
      evaluatorOnly: true,
    });
    const array = mapWith({ id: 7, type: 'array_of_maps', maxEntries: 9, entries: null });
    expectNumbers([...inArray(9, [LOAD_TABLE]), ...INSIDE], ({ minor }) => (minor < 9 ? unknown : NO_MAP), {
      environment: environmentOf(array, ...inners),
      evaluatorOnly: true,
    });
  });
  it('the stack of a function is no such table, whatever map has the number of its depth', () => {
    const map = mapWith({ id: 1, type: 'array_of_maps', maxEntries: 9, entries: entriesIn('little', []) });
    const callee: Row[] = [
      [0x7a, 10, -8, 5],
      [0x79, 0xa0, -8, 0],
      [0x95, 0, 0, 0],
    ];
    expectVerdicts([[0x85, 0x10, 5, 0], ...isEqual(0, 5), ...callee], () => true, { environment: environmentOf(map) });
  });
  it('an address in part of the table', () => {
    const map = mapWith({ id: 7, type: 'array_of_maps', maxEntries: 9, entries: entriesIn('little', ids('little')) });
    const at = (offset: number, opcode: number): Row[] => [
      ...reference(0, 2, 7, offset),
      [opcode, 0x00, 0, 0],
      ...isEqual(0, 0),
    ];
    expectVerdicts(at(8, 0x79), () => true, { environment: environmentOf(map), evaluatorOnly: true });
    for (const offset of [9, 12, 17])
      expectVerdicts(at(offset, 0x79), () => 'depends:map:7', { environment: environmentOf(map), evaluatorOnly: true });
  });
});

describe('jump tables', () => {
  /** Jumps to where the table leads for the low bits of the minor; there r0 = 0, 1, 2 or 3, and allows 1 and 2. */
  const rows = (offset: number): Row[] => [
    LOAD_MINOR,
    [0x57, 3, 0, 3],
    [0x67, 3, 0, 3],
    ...reference(4, 2, 7, offset),
    [0x0f, 0x34, 0, 0],
    [0x79, 0x44, 0, 0],
    [0x0d, 4, 0, 0],
    ...DENY,
    ...ALLOW,
    LOAD_MINOR,
    ...isEqual(3, 2),
  ];
  const [DENYING, ALLOWING, ASKING] = [8, 10, 12];
  /** struct bpf_insn_array_value: the original slot, the translated one, the compiled one. */
  const target = (order: ByteOrder, slot: number): Uint8Array =>
    Uint8Array.from([
      ...numberIn(order, 4, 99n),
      ...numberIn(order, 4, BigInt(slot)),
      ...numberIn(order, 4, 77n),
      ...numberIn(order, 4, 0n),
    ]);
  const table = (order: ByteOrder, entries: readonly (readonly [number, Uint8Array])[]): Circumstances => ({
    environment: environmentOf(
      mapWith({ id: 7, type: 'insn_array', valueSize: 16, maxEntries: 9, entries: entriesIn(order, entries) }),
    ),
    order,
  });
  const slots = (order: ByteOrder, ...all: readonly number[]): [number, Uint8Array][] =>
    all.map((slot, i) => [i, target(order, slot)]);

  it.each(ORDERS)('lead to one of several places (%s endian)', (order) => {
    expectVerdicts(
      rows(0),
      ({ minor }) => [false, true, minor === 2, true][minor & 3]!,
      table(order, slots(order, DENYING, ALLOWING, ASKING, ALLOWING)),
    );
    expectVerdicts(
      rows(16),
      ({ minor }) => [minor === 2, true, false, false][minor & 3]!,
      table(order, slots(order, DENYING, ALLOWING, ASKING, ALLOWING, DENYING, DENYING)),
    );
  });
  it('lead nowhere known from a slot that was not read', () => {
    const known = slots('little', DENYING, ALLOWING, ALLOWING);
    const right = ({ minor }: DeviceRequest): boolean | string =>
      (minor & 3) === 3 ? 'jump-target' : (minor & 3) !== 0;
    for (const entries of [known, [...known, [3, target('little', ALLOWING).slice(0, 7)] as const]])
      expectVerdicts(rows(0), right, { ...table('little', entries), evaluatorOnly: true });
    const exact = [...known, [3, target('little', ALLOWING).slice(0, 8)] as const];
    expectVerdicts(rows(0), ({ minor }) => (minor & 3) !== 0, table('little', exact));
  });
  it('lead nowhere known from between two slots', () => {
    expectVerdicts(rows(4), () => 'jump-target', {
      ...table('little', slots('little', ALLOWING, ALLOWING, ALLOWING, ALLOWING, ALLOWING)),
      evaluatorOnly: true,
    });
  });
});
