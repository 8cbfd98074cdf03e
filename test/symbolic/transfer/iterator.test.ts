/** Number iterators (kernel/bpf/bpf_iter.c) against plain TypeScript. */
import { describe, it } from 'vitest';
import { environmentWith } from '../agreement.js';
import { areEqual, expectVerdicts, isEqual, LOAD_MAJOR, LOAD_MINOR, move, set, wide, type Row } from './judged.js';

const environment = environmentWith({
  kernelRelease: '6.12.0',
  helpers: new Map([
    [3, 'bpf_iter_num_new'],
    [4, 'bpf_iter_num_next'],
    [5, 'bpf_iter_num_destroy'],
  ]),
});
const kfunc = (id: number): Row => [0x85, 0x20, 0, id];

describe('numbers one after the other', () => {
  /** r6 = sum of the numbers from start to end - 1, or the error. */
  const rows = (start: readonly Row[], end: readonly Row[], after: readonly Row[]): Row[] => [
    LOAD_MAJOR,
    LOAD_MINOR,
    ...start,
    ...end,
    move(2, 4),
    move(3, 5),
    move(1, 10),
    [0x07, 1, 0, -8],
    kfunc(3),
    move(6, 0),
    set(7, 0),
    move(1, 10),
    [0x07, 1, 0, -8],
    kfunc(4),
    [0x15, 0, 3, 0],
    [0x81, 0x01, 0, 0],
    [0x0f, 0x17, 0, 0],
    [0x05, 0, -7, 0],
    ...after,
  ];
  const sum = (start: number, end: number): number =>
    Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i).reduce((a, b) => a + b, 0);

  it('are those from the first to the one before the last', () => {
    const from: Row[] = [move(4, 2), [0x57, 4, 0, 7], [0x17, 4, 0, 3]];
    const to: Row[] = [move(5, 3), [0x57, 5, 0, 7]];
    for (const like of [
      [1, 7],
      [7, 7],
      [4095, 3],
    ] as const) {
      const wanted = sum((like[0] & 7) - 3, like[1] & 7);
      expectVerdicts(
        rows(from, to, isEqual(7, wanted)),
        ({ major, minor }) => sum((major & 7) - 3, minor & 7) === wanted,
        { environment },
      );
    }
    expectVerdicts(
      rows(from, to, [[0x67, 6, 0, 32], [0xc7, 6, 0, 32], ...isEqual(6, -22)]),
      ({ major, minor }) => (major & 7) - 3 > (minor & 7),
      { environment },
    );
  });
  it('are none where there would be too many, or at the ends of the numbers', () => {
    const low: Row[] = [
      [0x67, 6, 0, 32],
      [0xc7, 6, 0, 32],
    ];
    const errno = (start: bigint, end: bigint, wanted: number): void => {
      expectVerdicts(rows(wide(4, start), wide(5, end), [...low, ...isEqual(6, wanted)]), () => true, { environment });
    };
    errno(0n, (1n << 23n) + 1n, -7);
    errno(-(1n << 31n), (1n << 31n) - 1n, -7);
    errno(5n, -5n, -22);
    errno((1n << 31n) - 1n, (1n << 31n) - 1n, 0);
    errno(-(1n << 31n), -(1n << 31n) + 2n, 0);
    expectVerdicts(
      rows(wide(4, -(1n << 31n)), wide(5, -(1n << 31n) + 2n), [...wide(5, -(1n << 32n) + 1n), ...areEqual(5, 7)]),
      () => true,
      { environment },
    );
    expectVerdicts(
      rows(wide(4, (1n << 31n) - 2n), wide(5, (1n << 31n) - 1n), [...wide(5, (1n << 31n) - 2n), ...areEqual(5, 7)]),
      () => true,
      { environment },
    );
  });
});

describe('one iterator', () => {
  const [MIN, MAX, MOST] = [-(1n << 31n), (1n << 31n) - 1n, 1n << 23n];
  /** Between two words of ones; every step is given the address anew. */
  const at: Row[] = [move(1, 10), [0x07, 1, 0, -16]];
  const created = (start: bigint, end: bigint): Row[] => [
    [0x7a, 10, -24, -1],
    [0x7a, 10, -8, -1],
    ...at,
    ...wide(2, start),
    ...wide(3, end),
    kfunc(3),
  ];
  const lowHalf: Row[] = [
    [0x67, 0, 0, 32],
    [0xc7, 0, 0, 32],
  ];
  const next: Row[] = [...at, kfunc(4)];
  /** r6 = the next number, or 99 where there is none. */
  const read: Row[] = [...next, set(6, 99), [0x15, 0, 1, 0], [0x81, 0x06, 0, 0]];
  const around: Row[] = [[0x79, 0xa6, -24, 0], [0x79, 0xa7, -8, 0], [0x5f, 0x76, 0, 0], ...isEqual(6, -1)];

  it.each<[start: bigint, end: bigint, errno: number, first: bigint | null]>([
    [0n, 0n, 0, null],
    [5n, 5n, 0, null],
    [0n, 1n, 0, 0n],
    [-3n, -2n, 0, -3n],
    [-2n, -3n, -22, null],
    [1n, 0n, -22, null],
    [0n, MOST, 0, 0n],
    [0n, MOST + 1n, -7, null],
    [7n, MOST + 7n, 0, 7n],
    [-1n, MOST, -7, null],
    [-MOST, 0n, 0, -MOST],
    [MIN, MIN + MOST, 0, MIN],
    [MAX - MOST, MAX, 0, MAX - MOST],
    [MIN, MAX, -7, null],
    [MAX, MIN, -22, null],
    [MAX, MAX, 0, null],
    [MIN, MIN, 0, null],
    [MAX - 1n, MAX, 0, MAX - 1n],
    // The numbers are the low halves.
    [(1n << 32n) + 2n, 3n, 0, 2n],
    [2n, (1n << 32n) + 3n, 0, 2n],
    [(5n << 40n) + 3n, (1n << 32n) + 2n, -22, null],
  ])('from %d to %d: errno %d, first %d', (start, end, errno, first) => {
    for (const order of ['little', 'big'] as const) {
      const given = { environment, order };
      expectVerdicts([...created(start, end), ...lowHalf, ...isEqual(0, errno)], () => true, given);
      const expected = Number(BigInt.asIntN(32, first ?? 99n));
      expectVerdicts([...created(start, end), ...read, ...isEqual(6, expected)], () => true, given);
      expectVerdicts([...created(start, end), ...around], () => true, given);
    }
  });
  it('gives nothing more when it has ended', () => {
    expectVerdicts([...created(4n, 6n), ...read, ...read, ...isEqual(6, 5)], () => true, { environment });
    expectVerdicts([...created(4n, 6n), ...read, ...read, ...read, ...isEqual(6, 99)], () => true, { environment });
    // It has become one from 0 to 0, which gives nothing however often it is asked.
    expectVerdicts([...created(-9n, -8n), ...read, ...read, ...read, ...read, ...isEqual(6, 99)], () => true, {
      environment,
    });
    expectVerdicts([...created(-9n, -8n), ...read, ...next, ...around], () => true, { environment });
  });
  it('is left as zeros when it is destroyed, which Linux 6.18 lets a program read', () => {
    const destroy: Row[] = [...at, kfunc(5)];
    for (const order of ['little', 'big'] as const) {
      const given = { environment, order };
      for (const place of [-16, -12])
        expectVerdicts(
          [...created(5n, 9n), ...read, ...destroy, [0x61, 0xa6, place, 0], ...isEqual(6, 0)],
          () => true,
          given,
        );
      expectVerdicts([...created(5n, 9n), ...read, ...destroy, ...around], () => true, given);
    }
  });
  it('that cannot be leaves the upper half of its error open', () => {
    const name = 'helper:bpf_iter_num_new';
    expectVerdicts([...created(5n, 3n), ...isEqual(0, -22)], () => name, { environment });
    expectVerdicts([...created(5n, 6n), ...isEqual(0, 0)], () => true, { environment });
  });
});
