/** Loads and stores of every size, in both byte orders, against a DataView. */
import { describe, it } from 'vitest';
import type { ByteOrder } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import {
  ALLOW,
  areEqual,
  DENY,
  expectVerdicts,
  isEqual,
  load,
  LOAD,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  store,
  wide,
  type Expected,
  type Row,
} from './judged.js';

const LOAD_SIGNED: Record<number, number> = { 1: 0x91, 2: 0x89, 4: 0x81 };
const ORDERS: readonly ByteOrder[] = ['little', 'big'];

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
  it('four loads of eight bytes across the bounds of slots', () => {
    for (const order of ORDERS) {
      const rows: Row[] = [...START, store(8, 2, -12), load(8, 5, -12)];
      expectVerdicts([...rows, ...areEqual(2, 5)], () => true, { order });
    }
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
