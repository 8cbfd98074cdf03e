/** Functions, callbacks in rounds, walks over maps, iterators and tail calls against plain TypeScript. */
import { describe, it } from 'vitest';
import type { Program, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  areEqual,
  arrayOf,
  call,
  DENY,
  EXIT,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  programOf,
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
    [3, 'bpf_iter_num_new'],
    [4, 'bpf_iter_num_next'],
    [5, 'bpf_iter_num_destroy'],
    [6, 'bpf_map_delete_elem'],
  ]),
  maps: new Map([
    [5, array],
    [6, hash],
  ]),
});
const kfunc = (id: number): Row => [0x85, 0x20, 0, id];
const toFunction = (distance: number): Row => [0x85, 0x10, distance, 0];

describe('functions', () => {
  it('eight deep are followed, nine are not', () => {
    const chain = (depth: number): Row[] => [
      set(6, 0),
      ...Array.from({ length: depth - 1 }, () => [toFunction(1), EXIT] as Row[]).flat(),
      ...ALLOW,
    ];
    expectVerdicts(chain(8), () => true);
    expectVerdicts(chain(9), () => 'unsupported:call depth', { evaluatorOnly: true });
  });
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

describe('tail calls', () => {
  const target = { program: programOf([LOAD_MAJOR, ...isEqual(2, 7)]), environment: environmentWith({}) };
  const slots = mapWith({
    id: 8,
    type: 'prog_array',
    maxEntries: 8,
    entries: new Map([
      [hexKey(1), words(41)],
      [hexKey(3), words(42)],
      [hexKey(5), words(0)],
    ]),
  });
  const withTargets: ProgramEnvironment = environmentWith({
    maps: new Map([[8, slots]]),
    programs: new Map([[41, target]]),
  });
  const to = (index: readonly Row[]): Row[] => [...reference(2, 1, 8), ...index, call(12)];
  const byMinor: Row[] = [move(3, 6)];
  const begin: Row[] = [[0x61, 0x16, 8, 0]];

  it('go on there, fall through where there is nothing, and are not known where the program was not read', () => {
    expectVerdicts([...begin, ...to(byMinor), ...ALLOW], ({ major, minor }) => (minor === 1 ? major === 7 : true), {
      environment: withTargets,
      evaluatorOnly: false,
    });
    expectVerdicts([...begin, ...to([set(3, 3)]), ...ALLOW], () => 'tail-call:8', { environment: withTargets });
    expectVerdicts([...begin, ...to([set(3, 5)]), ...ALLOW], () => true, { environment: withTargets });
  });
  it('look at 32 bits of the index', () => {
    expectVerdicts([...to(wide(3, (9n << 32n) | 1n)), ...ALLOW], ({ major }) => major === 7, {
      environment: withTargets,
    });
  });
  it('from a function come back to its caller', () => {
    const rows: Row[] = [
      [0x61, 0x16, 8, 0],
      set(7, 5),
      move(2, 6),
      toFunction(9),
      [0x55, 7, 6, 5],
      [0xa7, 0, 0, 1],
      EXIT,
    ];
    const callee: Row[] = [move(3, 2), ...reference(2, 1, 8), call(12), set(0, 0), EXIT];
    const all: Row[] = [...rows, ...DENY, ...DENY, ...DENY.slice(0, 0), [0x05, 0, 0, 0], ...callee];
    // The callee begins behind the filling.
    all[3] = toFunction(all.length - callee.length - 4);
    expectVerdicts(all, ({ major, minor }) => !(minor === 1 && major === 7), { environment: withTargets });
  });
  it('are counted apart on ways that meet after different numbers of them', () => {
    // Program 43 counts in a map how often it runs and calls itself as long as there are calls left; major 7 comes to it through program 41.
    const counter = mapWith({ id: 9, type: 'array', maxEntries: 1, entries: new Map([[hexKey(0), words(0)]]) });
    const loop = mapWith({
      ...slots,
      entries: new Map([
        [hexKey(1), words(41)],
        [hexKey(2), words(43)],
      ]),
    });
    const maps = new Map([
      [8, loop],
      [9, counter],
    ]);
    const counted: Row[] = [...reference(4, 2, 9), [0x61, 0x45, 0, 0], [0x07, 5, 0, 1], [0x63, 0x54, 0, 0], move(6, 5)];
    const again = programOf([...counted, ...to([set(3, 2)]), ...isEqual(6, 33)]);
    const programs = new Map<number, { program: Program; environment: ProgramEnvironment }>();
    const all = environmentWith({ maps, programs });
    programs.set(41, { program: programOf([...to([set(3, 2)]), ...DENY]), environment: all });
    programs.set(43, { program: again, environment: all });
    const callee: Row[] = [[0x61, 0x12, 4, 0], [0x55, 2, 4, 7], ...to([set(3, 1)]), ...to([set(3, 2)]), ...DENY];
    expectVerdicts([toFunction(1), EXIT, ...callee], ({ major }) => major !== 7, { environment: all });
  });
});
