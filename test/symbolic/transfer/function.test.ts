/** Functions of a program: depth, stacks, registers and results. */
import { describe, it } from 'vitest';
import { environmentWith } from '../agreement.js';
import {
  ALLOW,
  areEqual,
  call,
  DENY,
  EXIT,
  expectVerdicts,
  isEqual,
  link,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  set,
  type Linked,
  type Row,
} from './judged.js';

const calls = (number: number): Linked => ({ calls: number });
const add = (to: number, from: number): Row => [0x0f, to | (from << 4), 0, 0];
const addTo = (register: number, immediate: number): Row => [0x07, register, 0, immediate];
const random = environmentWith({
  kernelRelease: '5.10.0',
  helpers: new Map([
    [1, 'bpf_get_prandom_u32'],
    [2, 'bpf_ktime_get_ns'],
  ]),
});

describe('functions', () => {
  it('eight deep are followed, nine are not', () => {
    const chain = (depth: number): Row[] =>
      link(...Array.from({ length: depth - 1 }, (_, i): Linked[] => [calls(i + 1), EXIT]), [...ALLOW]);
    expectVerdicts(chain(8), () => true);
    expectVerdicts(chain(9), () => 'unsupported:call depth', { evaluatorOnly: true });
  });
  it('that are not known where they lie', () => {
    expectVerdicts([LOAD_MAJOR, [0x55, 2, 2, 7], ...ALLOW, [0x85, 0x10, 0, 3], EXIT], ({ major }) =>
      major === 7 ? true : 'call-target',
    );
  });
  it('return to whoever called them, at any depth', () => {
    // f = 2 * g(minor) + g(major) + 1, g = h(x) * 10 + 1, h = x & 7
    const main: Linked[] = [LOAD_MAJOR, LOAD_MINOR, move(1, 2), move(2, 3), calls(1), ...isEqual(0, 2 * 31 + 11 + 1)];
    const f: Linked[] = [
      move(6, 1),
      move(1, 2),
      calls(2),
      move(7, 0),
      add(7, 7),
      move(1, 6),
      calls(2),
      add(0, 7),
      addTo(0, 1),
      EXIT,
    ];
    const g: Linked[] = [set(6, 10), calls(3), [0x2f, 0x60, 0, 0], addTo(0, 1), EXIT];
    const h: Linked[] = [move(0, 1), [0x57, 0, 0, 7], EXIT];
    const g_ = (x: number): number => (x & 7) * 10 + 1;
    const f_ = (major: number, minor: number): number => 2 * g_(minor) + g_(major) + 1;
    expectVerdicts(link(main, f, g, h), ({ major, minor }) => f_(major, minor) === f_(1, 3));
  });
  it('return to where they were called from, though both ways meet in them', () => {
    // f = x & 7 by a jump, so that its ways meet inside; called from one of two places, by another function too.
    const f: Linked[] = [move(0, 1), [0x57, 0, 0, 7], [0x55, 0, 1, 3], set(0, 5), add(0, 0), EXIT];
    const f_ = (x: number): number => 2 * ((x & 7) === 3 ? 5 : x & 7);
    const twoPlaces = (called: number): Linked[] => [
      LOAD_MAJOR,
      LOAD_MINOR,
      move(1, 3),
      [0x15, 2, 3, 7],
      { calls: called },
      addTo(0, 1),
      [0x05, 0, 2, 0],
      { calls: called },
      addTo(0, 20),
    ];
    const through: Linked[] = [set(6, 3), calls(2), add(0, 6), EXIT];
    const result = (major: number, minor: number): number => f_(minor) + (major === 7 ? 20 : 1);
    for (const wanted of [result(7, 7), result(1, 2), result(1, 7)]) {
      expectVerdicts(
        link([...twoPlaces(1), ...isEqual(0, wanted)], f),
        ({ major, minor }) => result(major, minor) === wanted,
      );
      const deeper = link([...twoPlaces(1), ...isEqual(0, wanted + 3)], through, f);
      expectVerdicts(deeper, ({ major, minor }) => result(major, minor) === wanted);
    }
  });
  it('have registers of their own, and leave r6 to r9 of the caller', () => {
    const keep = [6, 7, 8, 9];
    const main = (register: number): Linked[] => [
      ...[0, 1, 2, 3, 4, 5].map((each) => set(each, 30 + each)),
      ...keep.map((each) => set(each, each)),
      calls(1),
      ...isEqual(register, register),
    ];
    const reads = [1, 2, 3, 4, 5].map((each) => move(0, each));
    const callee: Row[] = [...keep.map((each) => set(each, 50 + each)), ...reads, set(0, 0), EXIT];
    for (const register of keep) expectVerdicts(link(main(register), callee), () => true);
    // What was in the others is not there: programs that the verifier does not let read them.
    for (const register of [1, 2, 3, 4, 5]) expectVerdicts(link(main(register), callee), () => 'uninitialised');
  });
  it('have stacks of their own, in which nothing of an earlier call is left', () => {
    const at = (value: number): Row[] => [[0x7a, 10, -8, value]];
    const main: Linked[] = [
      ...at(1),
      calls(1),
      set(1, 0),
      calls(2),
      move(6, 0),
      [0x79, 0xa7, -8, 0],
      ...areEqual(6, 7),
    ];
    const writes: Row[] = [...at(2), set(0, 0), EXIT];
    const own: Row[] = [...at(1), [0x79, 0xa0, -8, 0], EXIT];
    const left: Row[] = [[0x79, 0xa0, -8, 0], EXIT];
    expectVerdicts(link(main, writes, own), () => true);
    expectVerdicts(link(main, writes, left), () => 'uninitialised');
  });
  it('read and write the caller’s stack through its address', () => {
    const main: Linked[] = [
      LOAD_MAJOR,
      [0x7b, 0x2a, -8, 0],
      move(1, 10),
      addTo(1, -8),
      calls(1),
      [0x79, 0xa6, -8, 0],
      ...isEqual(6, 14),
    ];
    const doubles: Linked[] = [[0x79, 0x12, 0, 0], add(2, 2), [0x7b, 0x21, 0, 0], [0x7a, 10, -8, 5], set(0, 0), EXIT];
    expectVerdicts(link(main, doubles), ({ major }) => major === 7);
  });
});

describe('the end of the main function', () => {
  const unverified = { evaluatorOnly: true };
  it('with another number than 0 or 1, which the verifier does not let through, gives no verdict', () => {
    expectVerdicts(
      [LOAD_MINOR, move(0, 3), EXIT],
      ({ minor }) => (minor < 2 ? minor === 1 : 'return-value'),
      unverified,
    );
    expectVerdicts([set(0, 2), EXIT], () => 'return-value', unverified);
    expectVerdicts([set(0, 3), EXIT], () => 'return-value', unverified);
    // In a function it is a number as any other.
    expectVerdicts(link([calls(1), ...isEqual(0, 9)], [set(0, 9), EXIT]), () => true);
  });
  it('with a number that is not known', () => {
    const environment = random;
    expectVerdicts([call(1), EXIT], () => 'depends:random', { environment });
    expectVerdicts([call(2), [0x77, 0, 0, 63], [0x67, 0, 0, 1], EXIT], () => 'depends:time', { environment });
    expectVerdicts(
      [LOAD_MAJOR, move(6, 2), [0x15, 2, 2, 7], ...DENY, call(1), EXIT],
      ({ major }) => (major === 7 ? 'depends:random' : false),
      { environment },
    );
  });
});
