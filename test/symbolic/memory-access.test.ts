/** Loads and stores of every size at every distance from the bounds of slots, through pointers that differ by request, and by helpers. */
import { describe, it } from 'vitest';
import type { ByteOrder } from '../../src/ebpf/types.js';
import { environmentWith, mapWith } from './agreement.js';
import { hexKey, words } from './program-bytes.js';
import {
  ALLOW,
  areEqual,
  arrayOf,
  call,
  DENY,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  wide,
  type Row,
} from './transfer/judged.js';

const STORE: Record<number, number> = { 1: 0x73, 2: 0x6b, 4: 0x63, 8: 0x7b };
const LOAD: Record<number, number> = { 1: 0x71, 2: 0x69, 4: 0x61, 8: 0x79 };
const LOAD_SIGNED: Record<number, number> = { 1: 0x91, 2: 0x89, 4: 0x81 };
const SIZES = [1, 2, 4, 8];
const ORDERS: readonly ByteOrder[] = ['little', 'big'];
const store = (size: number, base: number, off: number, from: number): Row => [
  STORE[size]!,
  base | (from << 4),
  off,
  0,
];
const load = (size: number, to: number, base: number, off: number): Row => [LOAD[size]!, to | (base << 4), off, 0];

/** The number that these bytes are. */
function numberIn(bytes: readonly number[], order: ByteOrder): bigint {
  const highestFirst = order === 'little' ? [...bytes].reverse() : bytes;
  return highestFirst.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
const bytesOf = (value: bigint, size: number, order: ByteOrder): number[] => {
  const lowestFirst = Array.from({ length: size }, (_, k) => Number((value >> BigInt(8 * k)) & 255n));
  return order === 'little' ? lowestFirst : lowestFirst.reverse();
};

/** Three slots on the stack from fp - 24 on: byte k is 0xa0 + k. */
const FILL = Array.from({ length: 24 }, (_, k) => 0xa0 + k);
const filled = (order: ByteOrder): Row[] =>
  [0, 8, 16].flatMap((at) => [...wide(5, numberIn(FILL.slice(at, at + 8), order)), store(8, 10, at - 24, 5)]);
/** r2 = the major in every half of the word. */
const FOURFOLD: Row[] = [
  LOAD_MAJOR,
  wide(5, 0x0001_0001_0001_0001n)[0]!,
  wide(5, 0x0001_0001_0001_0001n)[1]!,
  [0x2f, 0x52, 0, 0],
];
const fourfold = (major: number): bigint => BigInt(major) * 0x0001_0001_0001_0001n;
/** Denies where a register is not that number. */
const must = (register: number, value: bigint): Row[] => [...wide(9, value), [0x1d, register | 0x90, 2, 0], ...DENY];

describe('every size at every distance from the bounds of slots', () => {
  const all = ORDERS.flatMap((order) => SIZES.map((size) => [order, size] as const));
  it.each(all)('stored: %s endian, %i bytes', (order, size) => {
    for (let at = 0; at <= 8; at++) {
      const memory = (major: number): number[] =>
        FILL.map((byte, k) => bytesOf(fourfold(major), size, order)[k - at] ?? byte);
      const parts = [0, 8, 16].map((slot) => numberIn(memory(255).slice(slot, slot + 8), order));
      const rows: Row[] = [...filled(order), ...FOURFOLD, store(size, 10, at - 24, 2)];
      const compared = parts.flatMap((part, i) => [load(8, 4, 10, 8 * i - 24), ...must(4, part)]);
      expectVerdicts([...rows, ...compared, ...ALLOW], ({ major }) => memory(major).join() === memory(255).join(), {
        order,
      });
    }
  });
  it.each(all)('loaded: %s endian, %i bytes', (order, size) => {
    for (let at = 4; at <= 12; at++) {
      // The major's bytes are the middle slot.
      const memory = (major: number): number[] => [
        ...FILL.slice(0, 8),
        ...bytesOf(fourfold(major), 8, order),
        ...FILL.slice(16),
      ];
      const number = (major: number): bigint => numberIn(memory(major).slice(at, at + size), order);
      const rows: Row[] = [...filled(order), ...FOURFOLD, store(8, 10, -16, 2)];
      expectVerdicts(
        [...rows, load(size, 4, 10, at - 24), ...must(4, number(255)), ...ALLOW],
        ({ major }) => number(major) === number(255),
        { order },
      );
      if (size === 8) continue;
      const signed = (major: number): bigint => BigInt.asUintN(64, BigInt.asIntN(8 * size, number(major)));
      expectVerdicts(
        [...rows, [LOAD_SIGNED[size]!, 0xa4, at - 24, 0], ...must(4, signed(4095)), ...ALLOW],
        ({ major }) => signed(major) === signed(4095),
        { order },
      );
    }
  });
});

describe('a pointer that differs by request', () => {
  const environment = environmentWith({
    maps: new Map([
      [
        7,
        {
          ...arrayOf(7, []),
          valueSize: 8,
          maxEntries: 2,
          entries: new Map([
            [hexKey(0), words(30, 0)],
            [hexKey(1), words(31, 0)],
          ]),
        },
      ],
    ]),
  });
  const stack: Row[] = [move(4, 10), [0x07, 4, 0, -16]];
  const value = reference(4, 2, 7, 8);
  /** fp - 16 is 20; r4 leads there for major 7, to the second value of the map for others. */
  const begin: Row[] = [
    [0x7a, 10, -16, 20],
    LOAD_MAJOR,
    LOAD_MINOR,
    [0x15, 2, 3, 7],
    ...value,
    [0x05, 0, 2, 0],
    ...stack,
  ];
  const again = reference(6, 2, 7);

  it.each(SIZES)('is loaded from: %i bytes', (size) => {
    expectVerdicts([...begin, load(size, 5, 4, 0), ...isEqual(5, 20)], ({ major }) => major === 7, { environment });
    expectVerdicts([...begin, load(size, 5, 4, 0), ...isEqual(5, 31)], ({ major }) => major !== 7, { environment });
  });
  it.each(SIZES)('is stored to, each where it leads: %i bytes', (size) => {
    const rows: Row[] = [...begin, store(size, 4, 0, 3)];
    const low = (minor: number): bigint => BigInt.asUintN(8 * size, BigInt(minor));
    const onStack = [load(4, 5, 10, -16), ...isEqual(5, 255)];
    const inMap = [...again, load(4, 5, 6, 8), ...isEqual(5, 255)];
    expectVerdicts([...rows, ...onStack], ({ major, minor }) => major === 7 && low(minor) === 255n, { environment });
    expectVerdicts([...rows, ...inMap], ({ major, minor }) => major !== 7 && low(minor) === 255n, { environment });
    expectVerdicts([...rows, load(4, 5, 10, -16), ...isEqual(5, 20)], ({ major }) => major !== 7, { environment });
    expectVerdicts([...rows, ...again, load(4, 5, 6, 8), ...isEqual(5, 31)], ({ major }) => major === 7, {
      environment,
    });
    expectVerdicts([...rows, ...again, load(4, 5, 6, 0), ...isEqual(5, 30)], () => true, { environment });
  });
  it('may lead to another element of a map, or to another map', () => {
    const two = environmentWith({
      maps: new Map([
        [7, arrayOf(7, [30, 31, 32, 33])],
        [9, arrayOf(9, [40, 41])],
      ]),
    });
    // r4 = the element that the low bits of the minor say, for major 7 in the other map
    const chosen: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      [0x57, 3, 0, 1],
      [0x67, 3, 0, 3],
      ...reference(4, 2, 7, 16),
      [0x55, 2, 2, 7],
      ...reference(4, 2, 9),
      [0x0f, 0x34, 0, 0],
      [0x62, 4, 0, 99],
    ];
    for (const [map, off, index] of [
      [7, 0, -2],
      [7, 8, -1],
      [7, 16, 0],
      [7, 24, 1],
      [9, 0, 0],
      [9, 8, 1],
    ] as const)
      expectVerdicts(
        [...chosen, ...reference(6, 2, map), load(4, 5, 6, off), ...isEqual(5, 99)],
        ({ major, minor }) => (map === 9) === (major === 7) && (minor & 1) === index,
        { environment: two },
      );
  });
});

describe('an address that is a plain number', () => {
  it.each(SIZES)('leads to %i bytes of which nothing is known, with zeros above', (size) => {
    const rows: Row[] = [...wide(4, 0xffff_ffff_8123_4560n), load(size, 5, 4, 0)];
    for (const bit of [8 * size - 1, 8 * size, 63].filter((each) => each < 64)) {
      const reason = bit < 8 * size ? 'kernel-memory' : false;
      expectVerdicts([...rows, [0x77, 5, 0, bit], [0x57, 5, 0, 1], ...isEqual(5, 1)], () => reason);
    }
  });
  it.each([1, 2, 4])('and to %i bytes with a sign', (size) => {
    const rows: Row[] = [...wide(4, 0xffff_ffff_8123_4560n), [LOAD_SIGNED[size]!, 0x45, 0, 0], move(6, 5)];
    // Either the sign is everywhere above, or nowhere.
    const above: Row[] = [...rows, [0xc7, 5, 0, 8 * size - 1], [0x15, 5, 3, 0], [0x07, 5, 0, 1]];
    expectVerdicts([...above, [0x15, 5, 1, 0], [0x05, 0, 2, 0], ...ALLOW, ...DENY], () => true, {
      evaluatorOnly: true,
    });
    expectVerdicts([...rows, [0x77, 6, 0, 8 * size - 1], ...isEqual(6, 0)], () => 'kernel-memory');
  });
});

describe('buffers of helpers', () => {
  const LOOKUP = 1;
  const COMM = 2;
  const hash = mapWith({
    id: 5,
    type: 'hash',
    entries: new Map([
      [hexKey(48), words(1)],
      [hexKey(56), words(2)],
    ]),
  });
  const environment = environmentWith({
    maps: new Map([[5, hash]]),
    helpers: new Map([
      [LOOKUP, 'bpf_map_lookup_elem'],
      [COMM, 'bpf_get_current_comm'],
    ]),
  });

  it('a key that is still to be worked out', () => {
    // The product of two numbers: some are 49, which is no key.
    const rows: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      [0x57, 2, 0, 15],
      [0x57, 3, 0, 15],
      [0x2f, 0x32, 0, 0],
      store(4, 10, -4, 2),
      ...reference(1, 1, 5),
      move(2, 10),
      [0x07, 2, 0, -4],
      call(LOOKUP),
      [0x55, 0, 2, 0],
      ...DENY,
      load(4, 5, 0, 0),
    ];
    for (const [value, product] of [
      [1, 48],
      [2, 56],
    ] as const)
      expectVerdicts([...rows, ...isEqual(5, value)], ({ major, minor }) => (major & 15) * (minor & 15) === product, {
        environment,
      });
  });
  it('what is written ends where the buffer ends', () => {
    // Sixteen bytes from fp - 24 on, between two that were written before.
    const rows: Row[] = [
      ...[-25, -24, -9, -8].map((off): Row => [0x72, 10, off, 77]),
      move(1, 10),
      [0x07, 1, 0, -24],
      set(2, 16),
      call(COMM),
    ];
    for (const off of [-25, -8])
      expectVerdicts([...rows, load(1, 5, 10, off), ...isEqual(5, 77)], () => true, { environment });
    for (const off of [-24, -10])
      expectVerdicts([...rows, load(1, 5, 10, off), ...isEqual(5, 77)], () => 'depends:comm', { environment });
    // The name ends with a zero.
    expectVerdicts([...rows, load(1, 5, 10, -9), ...isEqual(5, 0)], () => true, { environment });
  });
  it('are compared with the keys byte by byte', () => {
    const keys = mapWith({
      id: 5,
      type: 'hash',
      keySize: 8,
      entries: new Map([[hexKey(0x0807_0605, 0xff), words(1)]]),
    });
    for (const order of ORDERS) {
      const rows: Row[] = [
        LOAD_MINOR,
        ...wide(4, numberIn([5, 6, 7, 8, 0xff, 0, 0, 0], order)),
        store(8, 10, -8, 4),
        store(1, 10, -4, 3),
        ...reference(1, 1, 5),
        move(2, 10),
        [0x07, 2, 0, -8],
        call(LOOKUP),
        [0x55, 0, 2, 0],
        ...DENY,
      ];
      expectVerdicts([...rows, ...ALLOW], ({ minor }) => (minor & 255) === 255, {
        environment: { ...environment, maps: new Map([[5, keys]]) },
        order,
      });
    }
  });
});

describe('a number that was stored in parts and put together again', () => {
  it.each(ORDERS)('%s endian', (order) => {
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, store(2, 10, -8, 2), store(2, 10, -6, 3), store(4, 10, -4, 3)];
    const whole = (major: number, minor: number): bigint =>
      numberIn(
        [...bytesOf(BigInt(major), 2, order), ...bytesOf(BigInt(minor), 2, order), ...bytesOf(BigInt(minor), 4, order)],
        order,
      );
    expectVerdicts(
      [...rows, load(8, 4, 10, -8), ...wide(5, whole(7, 255)), ...areEqual(4, 5)],
      ({ major, minor }) => whole(major, minor) === whole(7, 255),
      { order },
    );
  });
});
