/** Callbacks of bpf_loop: which one, how deep, and what they find and leave. */
import { describe, it } from 'vitest';
import { environmentWith } from '../agreement.js';
import {
  areEqual,
  call,
  EXIT,
  expectVerdicts,
  isEqual,
  link,
  LOAD_MAJOR,
  move,
  set,
  type Linked,
  type Row,
} from './judged.js';

const [LOOP, OTHER] = [1, 2];
const PLAIN = environmentWith({
  kernelRelease: '6.12.0',
  helpers: new Map([
    [LOOP, 'bpf_loop'],
    [OTHER, 'bpf_made_up'],
  ]),
});
const callback = (number: number): Linked => ({ addressOf: number, register: 2 });
const stackAt = (register: number, offset: number): Row[] => [move(register, 10), [0x07, register, 0, offset]];
const plus = (register: number, number: number): Row => [0x07, register, 0, number];
/** *(u64 *)(fp - 8) = 0, and its address for the callback. */
const zeroed: readonly Row[] = [[0x7a, 10, -8, 0], ...stackAt(3, -8)];
const total: Row = [0x79, 0xa6, -8, 0];
const loop = (count: number, number = 1): Linked[] => [
  set(1, count),
  callback(number),
  ...zeroed,
  set(4, 0),
  call(LOOP),
];
/** *context += 1 */
const counts: readonly Row[] = [[0x79, 0x23, 0, 0], plus(3, 1), [0x7b, 0x32, 0, 0]];
const GO_ON: readonly Row[] = [set(0, 0), EXIT];

describe('bpf_loop', () => {
  it('by another callback for some requests is not followed, by the same on two ways it is', () => {
    const main = (first: number, second: number): Linked[] => [
      LOAD_MAJOR,
      ...zeroed,
      set(1, 3),
      set(4, 0),
      [0x15, 2, 3, 7],
      callback(first),
      [0x05, 0, 2, 0],
      callback(second),
      call(LOOP),
      total,
      ...isEqual(6, 3),
    ];
    const body = [...counts, ...GO_ON];
    expectVerdicts(link(main(1, 2), body, body), () => 'helper:bpf_loop', { environment: PLAIN, evaluatorOnly: true });
    expectVerdicts(link(main(1, 1), body), () => true, { environment: PLAIN });
  });
  it('in the callback of another', () => {
    // Outer round i: i rounds inside, each adds one to the outer context.
    const outer: Linked[] = [move(3, 2), callback(2), set(4, 0), call(LOOP), ...GO_ON];
    const main: Linked[] = [...loop(5), move(7, 0), total, plus(7, 5), ...areEqual(6, 7)];
    expectVerdicts(link(main, outer, [...counts, ...GO_ON]), () => true, { environment: PLAIN });
    // 0 + 1 + 2 + 3 + 4 rounds.
    expectVerdicts(link([...loop(5), total, ...isEqual(6, 10)], outer, [...counts, ...GO_ON]), () => true, {
      environment: PLAIN,
    });
  });
  it('by a callback that is the ninth function is not followed', () => {
    const deep = (depth: number): Row[] =>
      link(
        ...Array.from({ length: depth - 1 }, (_, i): Linked[] => [{ calls: i + 1 }, EXIT]),
        [...loop(2, depth), ...isEqual(0, 2)],
        GO_ON,
      );
    expectVerdicts(deep(7), () => true, { environment: PLAIN });
    expectVerdicts(deep(8), () => 'unsupported:call depth', { environment: PLAIN, evaluatorOnly: true });
  });
  it('gives a callback the round’s number and the context, a stack of its own, and nothing else', () => {
    const alone = { environment: PLAIN, evaluatorOnly: true };
    const reading = (row: Row): Row[] =>
      link([...loop(2), total, ...isEqual(6, 1)], [row, [0x7b, 0x52, 0, 0], [0x7a, 10, -8, 9], ...GO_ON]);
    expectVerdicts(reading(move(5, 1)), () => true, { environment: PLAIN });
    // The number has 64 bits.
    expectVerdicts(
      link([...loop(2), total, ...isEqual(6, 0)], [[0x77, 1, 0, 1], [0x7b, 0x12, 0, 0], ...GO_ON]),
      () => true,
      {
        environment: PLAIN,
      },
    );
    for (const register of [0, 3, 4, 6]) expectVerdicts(reading(move(5, register)), () => 'uninitialised', alone);
    expectVerdicts(reading([0x79, 0xa5, -8, 0]), () => 'uninitialised', { environment: PLAIN });
  });
  it('leaves nothing in r1 to r5', () => {
    for (const [register, rounds] of [1, 2, 3, 4, 5].flatMap((each) => [[each, 0] as const, [each, 1] as const])) {
      const rows = link([set(5, 0), ...loop(rounds), ...isEqual(register, 1)], GO_ON);
      expectVerdicts(rows, () => 'uninitialised', { environment: PLAIN });
    }
  });
  it('leaves the caller r6 to r9', () => {
    const others: Row[] = [6, 7, 8, 9].map((register) => set(register, 50 + register));
    for (const register of [6, 7, 8, 9]) {
      const before = [6, 7, 8, 9].map((each) => set(each, each));
      const rows = link([...before, ...loop(2), ...isEqual(register, register)], [...others, ...GO_ON]);
      expectVerdicts(rows, () => true, { environment: PLAIN });
    }
  });
  it('until something that is not known says so', () => {
    const asks: Row[] = [move(6, 2), set(1, 0), set(2, 0), call(OTHER), move(2, 6), ...counts, [0x57, 0, 0, 1], EXIT];
    const main = (limit: number, after: readonly Row[]): Row[] => link([...loop(limit), total, ...after], asks);
    expectVerdicts(main(2, isEqual(6, 0)), () => false, { environment: PLAIN });
    expectVerdicts(main(2, isEqual(6, 1)), () => 'helper:bpf_made_up', { environment: PLAIN });
    expectVerdicts(main(1, isEqual(6, 1)), () => true, { environment: PLAIN });
  });
});
