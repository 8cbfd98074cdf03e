/** Callbacks in rounds and walks over maps against plain TypeScript. */
import { describe, it } from 'vitest';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  arrayOf,
  call,
  EXIT,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  wide,
  type Row,
} from './judged.js';

const array = arrayOf(5, [5, 6, 7]);
const hash = mapWith({
  id: 6,
  type: 'hash',
  entries: new Map([
    [hexKey(300), words(1)],
    [hexKey(2), words(20)],
    [hexKey(9), words(4)],
  ]),
});
const environment = environmentWith({
  kernelRelease: '6.12.0',
  helpers: new Map([
    [1, 'bpf_loop'],
    [2, 'bpf_for_each_map_elem'],
    [6, 'bpf_map_delete_elem'],
  ]),
  maps: new Map([
    [5, array],
    [6, hash],
  ]),
});

/** A program with a callback behind it: the rows build the arguments of the call, r2 is the callback. */
function withCallback(before: readonly Row[], helper: number, after: readonly Row[], callback: readonly Row[]): Row[] {
  return [...before, ...reference(2, 4, after.length + 2), call(helper), ...after, ...callback];
}

describe('bpf_loop', () => {
  /** The context is fp - 8: sum of the rounds' numbers; 1 is returned in round r7 of the caller's memory (fp - 16). */
  const callback: Row[] = [
    [0x79, 0x23, 0, 0],
    [0x0f, 0x13, 0, 0],
    [0x07, 3, 0, 1],
    [0x7b, 0x32, 0, 0],
    [0x79, 0x24, -8, 0],
    set(0, 0),
    [0x5d, 0x41, 1, 0],
    set(0, 1),
    EXIT,
  ];
  const arguments_ = (limit: readonly Row[], flags: number): Row[] => [
    LOAD_MAJOR,
    LOAD_MINOR,
    move(6, 2),
    [0x7a, 10, -8, 0],
    [0x57, 3, 0, 7],
    [0x7b, 0x3a, -16, 0],
    ...limit,
    move(3, 10),
    [0x07, 3, 0, -8],
    set(4, flags),
  ];
  const rounds = (major: number, minor: number): number => Math.min(major & 15, (minor & 7) + 1);
  const limit: Row[] = [move(1, 2), [0x57, 1, 0, 15]];

  it('runs to its end or until a callback says so, and says how often it ran', () => {
    for (const wanted of [0, 1, 3, 8]) {
      const rows = withCallback(arguments_(limit, 0), 1, isEqual(0, wanted), callback);
      expectVerdicts(rows, ({ major, minor }) => rounds(major, minor) === wanted, { environment });
    }
  });
  it('leaves what its callback wrote, and the caller its registers', () => {
    const sum = (count: number): number => (count * (count + 1)) / 2;
    const rows = withCallback(arguments_(limit, 0), 1, [[0x79, 0xa0, -8, 0], ...isEqual(0, sum(8))], callback);
    expectVerdicts(rows, ({ major, minor }) => sum(rounds(major, minor)) === sum(8), { environment });
    expectVerdicts(withCallback(arguments_(limit, 0), 1, isEqual(6, 255), callback), ({ major }) => major === 255, {
      environment,
    });
  });
  it('refuses flags first, then too many rounds; the number is 32 bits', () => {
    const many = wide(1, 0xffff_ffffn);
    expectVerdicts(withCallback(arguments_(many, 1), 1, isEqual(0, -22), callback), () => true, { environment });
    expectVerdicts(withCallback(arguments_(many, 0), 1, isEqual(0, -7), callback), () => true, { environment });
    expectVerdicts(withCallback(arguments_(wide(1, (1n << 23n) + 1n), 0), 1, isEqual(0, -7), callback), () => true, {
      environment,
    });
    // 2^23 rounds are allowed; this callback ends them.
    const short: Row[] = [set(0, 1), EXIT];
    expectVerdicts(withCallback(arguments_(wide(1, 1n << 23n), 0), 1, isEqual(0, 1), short), () => true, {
      environment,
    });
    expectVerdicts(withCallback(arguments_(wide(1, 1n << 32n), 0), 1, isEqual(0, 0), callback), () => true, {
      environment,
    });
  });
  it('with flags for some requests only', () => {
    const rows = withCallback([...arguments_(limit, 0), [0x15, 6, 1, 7], set(4, 1)], 1, isEqual(0, -22), callback);
    expectVerdicts(rows, ({ major }) => major !== 7, { environment });
  });
});

describe('bpf_for_each_map_elem', () => {
  /** *(u64 *)context = that * 3 + key + value; 1 is returned at the key in the second word of the context. */
  const callback: Row[] = [
    [0x79, 0x45, 0, 0],
    [0x27, 5, 0, 3],
    [0x61, 0x20, 0, 0],
    [0x0f, 0x05, 0, 0],
    [0x61, 0x32, 0, 0],
    [0x0f, 0x25, 0, 0],
    [0x7b, 0x54, 0, 0],
    [0x79, 0x43, 8, 0],
    [0x1d, 0x30, 2, 0],
    set(0, 0),
    EXIT,
    set(0, 1),
    EXIT,
  ];
  const walk = (map: number, after: readonly Row[], flags: readonly Row[] = [set(4, 0)], called = callback): Row[] =>
    withCallback(
      [
        LOAD_MAJOR,
        LOAD_MINOR,
        move(6, 2),
        [0x7a, 10, -16, 0],
        [0x7b, 0x3a, -8, 0],
        ...reference(1, 1, map),
        move(3, 10),
        [0x07, 3, 0, -16],
        ...flags,
      ],
      2,
      after,
      called,
    );
  const entries: Record<number, readonly (readonly [number, number])[]> = {
    5: [
      [0, 5],
      [1, 6],
      [2, 7],
    ],
    6: [
      [300, 1],
      [2, 20],
      [9, 4],
    ],
  };
  function walked(map: number, end: number): { sum: number; count: number } {
    let [sum, count] = [0, 0];
    for (const [key, value] of entries[map]!) {
      sum = sum * 3 + key + value;
      count++;
      if (key === end) break;
    }
    return { sum, count };
  }

  it.each([5, 6])('shows keys and values in order, until a callback says so: map %i', (map) => {
    for (const end of [0, 2, 1000]) {
      const wanted = walked(map, end);
      expectVerdicts(
        walk(map, [[0x79, 0xa0, -16, 0], ...isEqual(0, wanted.sum)]),
        ({ minor }) => walked(map, minor).sum === wanted.sum,
        { environment },
      );
      expectVerdicts(walk(map, isEqual(0, wanted.count)), ({ minor }) => walked(map, minor).count === wanted.count, {
        environment,
      });
    }
  });
  it('refuses flags', () => {
    const flags: Row[] = [set(4, 0), [0x55, 6, 1, 7], set(4, 1)];
    expectVerdicts(walk(5, isEqual(0, -22), flags), ({ major }) => major === 7, { environment });
  });
  it('ends where a callback changes which keys there are', () => {
    const deleting: Row[] = [move(6, 1), [0x62, 10, -4, 2], move(2, 10), [0x07, 2, 0, -4], call(6), set(0, 0), EXIT];
    expectVerdicts(walk(6, isEqual(0, 3), [set(4, 0)], deleting), () => 'helper:bpf_for_each_map_elem', {
      environment,
    });
  });
  it('is not followed over what was not read', () => {
    const unread = environmentWith({ ...environment, maps: new Map([[6, { ...hash, entries: null }]]) });
    expectVerdicts(walk(6, isEqual(0, 3)), () => 'helper:bpf_for_each_map_elem', { environment: unread });
  });
});
