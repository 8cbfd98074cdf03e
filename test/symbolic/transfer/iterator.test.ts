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
