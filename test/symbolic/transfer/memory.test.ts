/** Loads, stores and atomic operations of every size, in both byte orders, against a DataView. */
import { describe, it } from 'vitest';
import type { ByteOrder } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  areEqual,
  DENY,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  wide,
  type Expected,
  type Row,
} from './judged.js';

const STORE: Record<number, number> = { 1: 0x73, 2: 0x6b, 4: 0x63, 8: 0x7b };
const LOAD: Record<number, number> = { 1: 0x71, 2: 0x69, 4: 0x61, 8: 0x79 };
const LOAD_SIGNED: Record<number, number> = { 1: 0x91, 2: 0x89, 4: 0x81 };
const ORDERS: readonly ByteOrder[] = ['little', 'big'];
const store = (size: number, register: number, off: number): Row => [STORE[size]!, 10 | (register << 4), off, 0];
const load = (size: number, register: number, off: number): Row => [LOAD[size]!, register | 0xa0, off, 0];

/** Sixteen bytes of stack as a DataView: byte 0 is at fp - 16. */
class Bytes {
  readonly #view = new DataView(new ArrayBuffer(16));
  readonly #little: boolean;
  constructor(order: ByteOrder) {
    this.#little = order === 'little';
  }
  write(size: number, at: number, value: bigint): void {
    const { buffer } = this.#view;
    const digits = Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
    new Uint8Array(buffer).set(this.#little ? digits : digits.reverse(), at);
  }
  read(size: number, at: number): bigint {
    const bytes = [...new Uint8Array(this.#view.buffer, at, size)];
    return (this.#little ? bytes.reverse() : bytes).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }
}

const FILL = 0x1122_3344_5566_7788n;
/** r2 = major << 32 | major, r3 = minor; both slots hold FILL. */
const START: Row[] = [
  LOAD_MAJOR,
  LOAD_MINOR,
  move(4, 2),
  [0x67, 4, 0, 32],
  [0x4f, 0x42, 0, 0],
  ...wide(4, FILL),
  store(8, 4, -16),
  store(8, 4, -8),
];
const twice = (major: number): bigint => (BigInt(major) << 32n) | BigInt(major);

describe('a number stored in one width and loaded in another', () => {
  const sizes = [1, 2, 4, 8];
  it.each(ORDERS.flatMap((order) => sizes.map((size) => [order, size] as const)))(
    '%s endian, %i bytes',
    (order, size) => {
      for (const at of [0, 1, 4, 7]) {
        for (const [back, from] of [
          [8, 0],
          [8, 4],
          [4, at],
          [2, 7],
          [1, at],
          [8, 8],
        ] as const) {
          const bytes = (major: number): bigint => {
            const memory = new Bytes(order);
            memory.write(8, 0, FILL);
            memory.write(8, 8, FILL);
            memory.write(size, at, twice(major));
            return memory.read(back, from);
          };
          // Equal to what it is for major 255 (bytes that differ from those for all other majors, or the same for all).
          const rows: Row[] = [...START, store(size, 2, at - 16), load(back, 5, from - 16), ...wide(6, bytes(255))];
          expectVerdicts([...rows, ...areEqual(5, 6)], ({ major }) => bytes(major) === bytes(255), {
            order,
            evaluatorOnly: at !== 7,
          });
        }
      }
    },
  );
  it.each([1, 2, 4])('is sign-extended: %i bytes', (size) => {
    for (const order of ORDERS) {
      const rows: Row[] = [
        ...START,
        store(8, 2, -8),
        [LOAD_SIGNED[size]!, 0xa5, -8 + (order === 'big' ? 8 - size : 0), 0],
      ];
      expectVerdicts(
        [...rows, [0xc5, 5, 2, 0], ...DENY, ...ALLOW],
        ({ major }) => BigInt.asIntN(8 * size, BigInt(major)) < 0n,
        { order },
      );
    }
  });
  it('the context is read in each width that the kernel allows', () => {
    const right: [size: number, off: number, number: (type: number, access: number) => number][] = [
      [4, 0, (type, access) => (access << 16) | type],
      [2, 0, (type) => type],
      [2, 2, (_, access) => access],
      [1, 0, (type) => type],
      [1, 1, () => 0],
      [1, 2, (_, access) => access],
      [1, 3, () => 0],
    ];
    for (const [size, off, number] of right) {
      const wanted: Expected = ({ type, access }) => number(type === 'b' ? 1 : 2, access) === number(2, 2);
      expectVerdicts([[LOAD[size]!, 0x14, off, 0], ...isEqual(4, number(2, 2))], wanted);
      // Byte k of a number is byte size - 1 - k of four in the other order.
      const swapped: Row = [LOAD[size]!, 0x14, 4 - size - off, 0];
      expectVerdicts([swapped, ...isEqual(4, number(2, 2))], wanted, { order: 'big' });
    }
    for (const order of ORDERS)
      expectVerdicts(
        [[0x61, 0x14, 8, 0], [0x61, 0x15, 4, 0], ...areEqual(4, 5)],
        ({ major, minor }) => major === minor,
        { order },
      );
  });
  it('nothing is known outside the context', () => {
    for (const row of [
      [0x61, 0x14, 12, 0],
      [0x61, 0x14, -4, 0],
      [0x79, 0x14, 8, 0],
      [0x61, 0x14, 9, 0],
      [0x71, 0x14, -1, 0],
      [0x71, 0x14, 12, 0],
    ] as const)
      expectVerdicts([row, ...isEqual(4, 0)], () => 'kernel-memory', { evaluatorOnly: true });
    expectVerdicts([[0x71, 0x14, 11, 0], ...isEqual(4, 0)], () => true);
  });
});

describe('bytes that were not written', () => {
  it('are unknown one by one, and the same when they are read again', () => {
    for (const order of ORDERS) {
      const rows: Row[] = [LOAD_MINOR, store(2, 3, -8)];
      expectVerdicts([...rows, load(2, 4, -8), ...isEqual(4, 255)], ({ minor }) => (minor & 0xffff) === 255, { order });
      for (const back of [4, 8]) {
        const known = order === 'little' ? 0 : back - 2;
        expectVerdicts(
          [...rows, load(back, 4, -8), [0x77, 4, 0, 8 * known], [0x57, 4, 0, 0xffff], ...isEqual(4, 255)],
          ({ minor }) => (minor & 0xffff) === 255,
          { order },
        );
        // The known bytes are the highest of all in one order, the lowest in the other.
        const open = order === 'little' ? 255 : 0;
        expectVerdicts(
          [...rows, load(back, 4, -8), ...isEqual(4, 255)],
          ({ minor }) => ((minor & 0xffff) === open ? 'uninitialised' : false),
          { order },
        );
      }
      expectVerdicts([load(4, 4, -8), load(4, 5, -8), ...areEqual(4, 5)], () => true, { order, evaluatorOnly: true });
      expectVerdicts([...rows, load(1, 4, -6), ...isEqual(4, 0)], () => 'uninitialised', { order });
      expectVerdicts([...rows, load(1, 4, -9), ...isEqual(4, 0)], () => 'uninitialised', { order });
    }
  });
  it('differ with the way', () => {
    // For major 7 the upper four bytes are written, else the lower; then all are read.
    const rows: Row[] = [LOAD_MAJOR, [0x55, 2, 2, 7], [0x62, 10, -4, 9], [0x05, 0, 1, 0], [0x62, 10, -8, 8]];
    expectVerdicts([...rows, load(4, 4, -4), ...isEqual(4, 9)], ({ major }) => (major === 7 ? true : 'uninitialised'));
    expectVerdicts([...rows, load(4, 4, -8), ...isEqual(4, 8)], ({ major }) => (major !== 7 ? true : 'uninitialised'));
  });
  it.each([0, 7])('only byte %i of eight', (missing) => {
    const others = Array.from({ length: 8 }, (_, k) => k).filter((k) => k !== missing);
    const rows: Row[] = [set(5, 0), ...others.map((k) => store(1, 5, k - 8)), load(8, 4, -8)];
    expectVerdicts([...rows, ...isEqual(4, 0)], () => 'uninitialised');
    expectVerdicts(
      [...rows, [0x77, 4, 0, 8 * (missing === 0 ? 1 : 0)], [0x57, 4, 0, 0x7fffffff], ...isEqual(4, 0)],
      () => true,
    );
  });
});

describe('memory of the kernel', () => {
  const environment = environmentWith({
    helpers: new Map([
      [1, 'bpf_ringbuf_reserve'],
      [2, 'bpf_map_lookup_elem'],
    ]),
    maps: new Map([[6, mapWith({ id: 6, type: 'hash', entries: null })]]),
  });
  /** The address in r0 is not null; then the highest bit of what is there decides, or the bits above it. */
  const through = (begin: readonly Row[], reason: string): void => {
    for (const size of [1, 2, 4, 8]) {
      const rows: Row[] = [...begin, [0x55, 0, 2, 0], ...ALLOW, [LOAD[size]!, 0x04, 8, 0]];
      const bit: Row[] = [...rows, [0x77, 4, 0, 8 * size - 1], ...isEqual(4, 1)];
      expectVerdicts(bit, () => reason, { environment, evaluatorOnly: true });
      if (size < 8) {
        const above: Row[] = [...rows, [0x77, 4, 0, 8 * size], ...isEqual(4, 0)];
        expectVerdicts(above, () => true, { environment, evaluatorOnly: true });
      }
    }
  };

  it('that a helper gave out, of a value that was not read, of a CPU: nothing is known of any bit', () => {
    through([[0x85, 0, 0, 1]], 'helper:bpf_ringbuf_reserve,kernel-memory');
    through(
      [...reference(1, 1, 6), [0x7a, 10, -8, 0], move(2, 10), [0x07, 2, 0, -8], [0x85, 0, 0, 2]],
      'depends:map:6',
    );
    through([...wide(4, 0x1234_5678n), [0xbf, 0x40, -1, 0]], 'depends:cpu');
  });
});

describe('pointers in memory', () => {
  const kept: Row[] = [store(8, 1, -8)];
  const throughIt: Row[] = [load(8, 4, -8), [0x61, 0x42, 4, 0], ...isEqual(2, 7)];

  it('come back whole', () => {
    for (const order of ORDERS) expectVerdicts([...kept, ...throughIt], ({ major }) => major === 7, { order });
  });
  it('are none any more where a part was overwritten, and their other bytes are no number', () => {
    for (const size of [1, 2, 4]) {
      for (const off of [-8, -4]) {
        const rows: Row[] = [...kept, set(5, 0), store(size, 5, off)];
        expectVerdicts([...rows, ...throughIt], () => 'kernel-memory', { evaluatorOnly: true });
        expectVerdicts([...rows, load(size, 4, off), ...isEqual(4, 0)], () => true);
        const other = off === -8 ? -8 + size : -8;
        expectVerdicts([...rows, load(1, 4, other), ...isEqual(4, 0)], () => 'uninitialised', { evaluatorOnly: true });
      }
    }
    const whole: Row[] = [...kept, set(5, 0), store(8, 5, -8), load(8, 4, -8)];
    expectVerdicts([...whole, ...isEqual(4, 0)], () => true);
  });
  it('are numbers for some requests only', () => {
    // fp - 8 holds the context for major 7, else the minor; one byte is overwritten.
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, store(8, 3, -8), [0x55, 2, 1, 7], store(8, 1, -8)];
    expectVerdicts([...rows, load(4, 4, -8), ...isEqual(4, 255)], ({ major, minor }) =>
      major === 7 ? 'kernel-memory' : minor === 255,
    );
    expectVerdicts([...rows, load(1, 4, -7), ...isEqual(4, 1)], ({ major, minor }) =>
      major === 7 ? 'kernel-memory' : ((minor >> 8) & 255) === 1,
    );
    const partly: Row[] = [...rows, set(5, 3), store(1, 5, -8)];
    expectVerdicts(
      [...partly, load(4, 4, -8), ...isEqual(4, 259)],
      ({ major, minor }) => (major === 7 ? 'uninitialised' : (minor | 255) === 511),
      { evaluatorOnly: true },
    );
    expectVerdicts([...partly, load(1, 4, -8), ...isEqual(4, 3)], () => true);
    expectVerdicts(
      [...rows, load(8, 4, -8), [0x15, 4, 2, 0], ...DENY, ...ALLOW],
      ({ major, minor }) => major !== 7 && minor === 0,
    );
  });
  it('that were stored in less than eight bytes are numbers that nobody knows', () => {
    expectVerdicts(
      [set(5, 0), store(8, 5, -8), store(4, 1, -8), load(4, 4, -8), ...isEqual(4, 0)],
      () => 'kernel-memory',
      { evaluatorOnly: true },
    );
    expectVerdicts([set(5, 0), store(8, 5, -8), store(4, 1, -8), load(4, 4, -4), ...isEqual(4, 0)], () => true);
    expectVerdicts([set(5, 0), store(8, 5, -8), store(8, 1, -12), load(4, 4, -4), ...isEqual(4, 0)], () => true, {
      evaluatorOnly: true,
    });
  });
});

describe('addresses that depend on the request', () => {
  const table = mapWith({
    id: 7,
    type: 'array',
    maxEntries: 4,
    entries: new Map([10, 20, 30, 40].map((value, i) => [hexKey(i), words(value)])),
  });
  const environment = environmentWith({ maps: new Map([[7, table]]) });
  const index: Row[] = [LOAD_MAJOR, LOAD_MINOR, [0x57, 3, 0, 3], [0x67, 3, 0, 3]];

  it('are read from', () => {
    const rows: Row[] = [...index, ...reference(4, 2, 7), [0x0f, 0x34, 0, 0], [0x61, 0x45, 0, 0]];
    expectVerdicts([...rows, ...isEqual(5, 30)], ({ minor }) => (minor & 3) === 2, { environment });
    expectVerdicts(
      [...rows.slice(0, -1), [0x61, 0x45, 8, 0], ...isEqual(5, 30)],
      ({ minor }) => ((minor & 3) === 3 ? 'depends:map:7' : (minor & 3) === 1),
      { environment, evaluatorOnly: true },
    );
  });
  it('are written to, at one of the places only', () => {
    const rows: Row[] = [
      ...index,
      ...reference(4, 2, 7),
      move(5, 4),
      [0x0f, 0x34, 0, 0],
      [0x63, 0x24, 8, 0],
      [0x61, 0x56, 16, 0],
    ];
    expectVerdicts([...rows, ...isEqual(6, 7)], ({ major, minor }) => (minor & 3) === 1 && major === 7, {
      environment,
    });
    expectVerdicts([...rows, ...isEqual(6, 30)], ({ minor }) => (minor & 3) !== 1, { environment });
  });
  it('lie below the frame pointer', () => {
    const rows: Row[] = [
      ...START,
      [0x57, 3, 0, 1],
      [0x67, 3, 0, 3],
      move(5, 10),
      [0x1f, 0x35, 0, 0],
      set(6, 5),
      [0x7b, 0x65, -8, 0],
    ];
    expectVerdicts([...rows, load(8, 4, -16), ...isEqual(4, 5)], ({ minor }) => (minor & 1) === 1);
    expectVerdicts([...rows, load(8, 4, -8), ...isEqual(4, 5)], ({ minor }) => (minor & 1) === 0);
    expectVerdicts([...rows, [0x79, 0x54, -8, 0], ...isEqual(4, 5)], () => true);
  });
  it('are addresses for some requests only', () => {
    // r4 = major 7: the map's values, else a number from the program
    const rows: Row[] = [LOAD_MAJOR, ...wide(4, 0x1234_5678_9abcn), [0x55, 2, 2, 7], ...reference(4, 2, 7)];
    expectVerdicts(
      [...rows, [0x61, 0x45, 0, 0], ...isEqual(5, 10)],
      ({ major }) => (major === 7 ? true : 'kernel-memory'),
      { environment },
    );
    const written: Row[] = [...rows, [0x62, 4, 0, 99], ...reference(6, 2, 7), [0x61, 0x65, 0, 0]];
    expectVerdicts([...written, ...isEqual(5, 99)], ({ major }) => (major === 7 ? true : 'kernel-memory'), {
      environment,
    });
    // The stack is not what a plain number leads to.
    const stack: Row[] = [[0x7a, 10, -8, 5], ...rows, [0x62, 4, 0, 99], load(8, 5, -8)];
    expectVerdicts([...stack, ...isEqual(5, 5)], () => true, { environment });
  });
  it('a value behind the end of the map is not known', () => {
    for (const off of [-8, 32])
      expectVerdicts([...reference(4, 2, 7), [0x61, 0x45, off, 0], ...isEqual(5, 1)], () => 'depends:map:7', {
        environment,
        evaluatorOnly: true,
      });
  });
  it('four loads of eight bytes across the bounds of slots', () => {
    for (const order of ORDERS) {
      const rows: Row[] = [...START, store(8, 2, -12), load(8, 5, -12)];
      expectVerdicts([...rows, ...areEqual(2, 5)], () => true, { order });
    }
  });
});

describe('atomic operations', () => {
  const NUMBERS: Record<string, [code: number, of: (memory: bigint, operand: bigint) => bigint]> = {
    add: [0x00, (a, b) => a + b],
    or: [0x40, (a, b) => a | b],
    and: [0x50, (a, b) => a & b],
    xor: [0xa0, (a, b) => a ^ b],
    xchg: [0xe0, (_, b) => b],
  };
  const MEMORY = 0x1234_5678_ffff_fff0n;
  const atomic = (size: 4 | 8, code: number): Row => [size === 8 ? 0xdb : 0xc3, 0x2a, -8, code];
  const begin: Row[] = [LOAD_MAJOR, ...wide(4, MEMORY), store(8, 4, -8)];
  const all = Object.keys(NUMBERS).flatMap((name) => ([4, 8] as const).map((size) => [name, size] as const));

  it.each(all)('%s of %i bytes', (name, size) => {
    const [code, of] = NUMBERS[name]!;
    const low = size === 4 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
    const after = (major: number): bigint => (MEMORY & ~low) | (of(MEMORY & low, BigInt(major)) & low);
    for (const fetch of name === 'xchg' ? [1] : [0, 1]) {
      const rows: Row[] = [...begin, atomic(size, code | fetch)];
      expectVerdicts(
        [...rows, load(8, 5, -8), ...wide(6, after(255)), ...areEqual(5, 6)],
        ({ major }) => after(major) === after(255),
      );
      // The former value, zero-extended; without fetch the register stays.
      const register = fetch === 1 ? MEMORY & low : 255n;
      expectVerdicts([...rows, ...wide(6, register), ...areEqual(2, 6)], ({ major }) => fetch === 1 || major === 255);
    }
  });
  it.each([4, 8] as const)('compare and exchange of %i bytes', (size) => {
    // r0 is compared with as many bytes as are exchanged; it gets what was there.
    const low = size === 4 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
    for (const upper of [0n, MEMORY & ~0xffff_ffffn]) {
      const same = size === 4 || upper !== 0n;
      const rows: Row[] = [...begin, ...wide(0, upper | 0xffff_fff0n), atomic(size, 0xf1)];
      const left = (major: number): bigint => (same ? (MEMORY & ~low) | BigInt(major) : MEMORY);
      expectVerdicts(
        [...rows, load(8, 5, -8), ...wide(6, left(7)), ...areEqual(5, 6)],
        ({ major }) => left(major) === left(7),
      );
      expectVerdicts([...rows, ...wide(6, MEMORY & low), ...areEqual(0, 6)], () => true);
      expectVerdicts([...rows, ...isEqual(2, 7)], ({ major }) => major === 7);
    }
    const varying: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      store(8, 3, -8),
      move(0, 2),
      [size === 8 ? 0xdb : 0xc3, 0x1a, -8, 0xf1],
    ];
    const rows: Row[] = [...varying.slice(0, 4), set(1, 77), varying[4]!];
    expectVerdicts([...rows, load(8, 5, -8), ...isEqual(5, 77)], ({ major, minor }) => major === minor);
    expectVerdicts([...rows, move(5, 0), ...isEqual(5, 8)], ({ minor }) => minor === 8);
  });
  it('exchange pointers whole', () => {
    const rows: Row[] = [set(2, 0), store(8, 2, -8), [0xdb, 0x1a, -8, 0xe1], load(8, 4, -8), [0x61, 0x45, 4, 0]];
    expectVerdicts([...rows, ...isEqual(5, 7)], ({ major }) => major === 7);
    expectVerdicts([...rows, move(5, 1), ...isEqual(5, 0)], () => true);
  });
  it('on pointers, otherwise, are numbers that nobody knows', () => {
    const rows: Row[] = [store(8, 1, -8), set(2, 0), [0xdb, 0x2a, -8, 0x00], load(8, 4, -8)];
    expectVerdicts([...rows, ...isEqual(4, 0)], () => 'kernel-memory', { evaluatorOnly: true });
  });
  it('on a value of a map change it for the requests that come there', () => {
    const map = mapWith({ id: 7, type: 'array', maxEntries: 1, entries: new Map([[hexKey(0), words(5)]]) });
    const rows: Row[] = [
      LOAD_MAJOR,
      set(3, 2),
      ...reference(4, 2, 7),
      [0x55, 2, 1, 7],
      [0xc3, 0x34, 0, 0],
      [0x61, 0x45, 0, 0],
    ];
    expectVerdicts([...rows, ...isEqual(5, 7)], ({ major }) => major === 7, {
      environment: environmentWith({ maps: new Map([[7, map]]) }),
    });
  });
});
