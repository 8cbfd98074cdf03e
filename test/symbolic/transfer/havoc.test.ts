/** What a function of the kernel that is not modelled may have done with what it was given. */
import { describe, it } from 'vitest';
import type { ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  areEqual,
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
  type Row,
} from './judged.js';

const HELPERS = new Map([
  [1, 'bpf_for_each_map_elem'],
  [2, 'bpf_set_retval'],
  [3, 'bpf_user_ringbuf_drain'],
  [4, 'bpf_some_helper'],
  [5, 'bpf_map_lookup_elem'],
]);
const array = arrayOf(9, [5, 6]);
const hash = mapWith({ id: 6, type: 'hash', entries: new Map([[hexKey(1), words(5)]]) });
const on = (kernelRelease: string | null): ProgramEnvironment =>
  environmentWith({
    kernelRelease,
    helpers: HELPERS,
    maps: new Map([
      [6, hash],
      [7, mapWith({ id: 7, type: 'hash', entries: null })],
      [8, mapWith({ id: 8, type: 'user_ringbuf' })],
      [9, array],
    ]),
  });
const UNKNOWN = 'helper:bpf_some_helper';

describe('a callback that is called an unknown number of times', () => {
  const callback: Row[] = [set(1, -1), call(2), set(0, 0), EXIT];
  it.each([
    ['bpf_for_each_map_elem', 1, 7],
    ['bpf_user_ringbuf_drain', 3, 8],
  ])('may set the return value: %s', (name, helper, map) => {
    const rows: Row[] = [
      ...reference(1, 1, map),
      ...reference(2, 4, 6),
      set(3, 0),
      set(4, 0),
      call(helper),
      ...ALLOW,
      ...callback,
    ];
    expectVerdicts(rows, () => `helper:${name}`, { environment: on('6.12.0') });
    expectVerdicts(rows, () => `helper:${name}`, { environment: on(null) });
    expectVerdicts(rows, () => true, { environment: on('5.17.9'), evaluatorOnly: true });
  });
  it('may do so only for the requests for which it is given to a helper', () => {
    const rows: Row[] = [
      LOAD_MAJOR,
      [0x15, 2, 1, 7],
      [0x05, 0, 7, 0],
      ...reference(1, 1, 8),
      ...reference(2, 4, 5),
      set(3, 0),
      set(4, 0),
      call(3),
      ...ALLOW,
      ...callback,
    ];
    expectVerdicts(rows, ({ major }) => (major === 7 ? 'helper:bpf_user_ringbuf_drain' : true), {
      environment: on('6.12.0'),
    });
  });
  it('may write to any stack and map', () => {
    const rows: Row[] = [
      [0x7a, 10, -8, 5],
      ...reference(6, 2, 9),
      ...reference(1, 1, 8),
      ...reference(2, 4, 10),
      set(3, 0),
      set(4, 0),
      call(3),
    ];
    const stack: Row[] = [[0x79, 0xa2, -8, 0], ...isEqual(2, 5), ...callback];
    const map: Row[] = [[0x61, 0x62, 0, 0], ...isEqual(2, 5), ...callback];
    for (const [rest, reason] of [
      [stack, 'helper:bpf_user_ringbuf_drain'],
      [map, 'kernel-memory'],
    ] as const)
      expectVerdicts([...rows, ...rest], () => reason, { environment: on('5.17.9') });
  });
  it('may write to the values of a map of which nothing is known', () => {
    const rows: Row[] = [
      ...reference(6, 2, 99),
      [0x61, 0x67, 0, 0],
      set(1, 0),
      ...reference(2, 4, 10),
      set(3, 0),
      set(4, 0),
      call(3),
      [0x61, 0x68, 0, 0],
      ...areEqual(7, 8),
      ...callback,
    ];
    const environment = environmentWith({ kernelRelease: '5.17.9', helpers: HELPERS });
    expectVerdicts(rows, () => 'depends:map:99,kernel-memory', { environment, evaluatorOnly: true });
    expectVerdicts([...reference(6, 2, 99), [0x61, 0x67, 0, 0], [0x61, 0x68, 0, 0], ...areEqual(7, 8)], () => true, {
      environment,
      evaluatorOnly: true,
    });
  });
});

describe('memory that a helper is given', () => {
  /** The minor at fp - 24, the major at fp - 16 and fp - 8; then a helper gets an address of the stack. */
  const stored = (address: readonly Row[]): Row[] => [
    LOAD_MAJOR,
    LOAD_MINOR,
    [0x7b, 0x3a, -24, 0],
    [0x7b, 0x2a, -16, 0],
    [0x7b, 0x2a, -8, 0],
    ...address,
    call(4),
  ];
  const at = (off: number, size = 0x79): Row => [size, 0xa4, off, 0];
  const below: Row[] = [move(1, 10), [0x07, 1, 0, -16]];

  it('is not known from the address on; what lies below it is', () => {
    const environment = on('6.12.0');
    expectVerdicts([...stored(below), at(-24), ...isEqual(4, 8)], ({ minor }) => minor === 8, {
      environment,
      evaluatorOnly: true,
    });
    for (const off of [-16, -8])
      expectVerdicts([...stored(below), at(off), ...isEqual(4, 8)], () => UNKNOWN, { environment });
  });
  it.each([1, 2, 3, 4, 5])('is whatever an argument leads to: r%i', (register) => {
    const none = [1, 2, 3, 4, 5].map((each) => set(each, 0));
    const given: Row[] = [...none, move(register, 10), [0x07, register, 0, -16]];
    expectVerdicts([...stored(given), at(-8), ...isEqual(4, 8)], () => UNKNOWN, { environment: on('6.12.0') });
    // What is only in r6 is not given; neither is memory lost that was never written.
    const kept: Row[] = [...none, move(6, 10), [0x07, 6, 0, -16]];
    expectVerdicts([...stored(kept), at(-8), ...isEqual(4, 8)], ({ major }) => major === 8, {
      environment: on('6.12.0'),
    });
    expectVerdicts([...none, move(register, 10), [0x07, register, 0, -16], call(4), ...ALLOW], () => true, {
      environment: on('6.12.0'),
    });
  });
  it('begins in the middle of eight bytes', () => {
    const middle: Row[] = [move(1, 10), [0x07, 1, 0, -20]];
    for (const off of [-24, -16])
      expectVerdicts([...stored(middle), at(off), ...isEqual(4, 8)], () => UNKNOWN, { environment: on('6.12.0') });
    const next: Row[] = [move(1, 10), [0x07, 1, 0, -17]];
    expectVerdicts([...stored(next), at(-24), ...isEqual(4, 8)], () => UNKNOWN, { environment: on('6.12.0') });
  });
  it('is the whole frame where the address depends on the request', () => {
    const varying: Row[] = [move(1, 10), [0x57, 3, 0, 8], [0x07, 1, 0, -16], [0x0f, 0x31, 0, 0]];
    expectVerdicts([...stored(varying), at(-24), ...isEqual(4, 8)], () => UNKNOWN, { environment: on('6.12.0') });
  });
  it('is lost for the requests for which it was given, and only for them', () => {
    const forSome: Row[] = [set(1, 0), [0x55, 2, 2, 7], move(1, 10), [0x07, 1, 0, -16]];
    expectVerdicts(
      [...stored(forSome), at(-8), ...isEqual(4, 8)],
      ({ major }) => (major === 7 ? UNKNOWN : major === 8),
      {
        environment: on('6.12.0'),
        evaluatorOnly: true,
      },
    );
  });
  it('is a map: its values are unknown, and which keys it has', () => {
    const value: Row[] = [
      ...reference(6, 2, 9),
      ...reference(1, 1, 9),
      set(2, 0),
      set(3, 0),
      set(4, 0),
      set(5, 0),
      call(4),
      [0x61, 0x62, 4, 0],
      ...isEqual(2, 0),
    ];
    expectVerdicts(value, () => 'kernel-memory', {
      environment: environmentWith({
        helpers: HELPERS,
        maps: new Map([[9, { ...array, valueSize: 8, entries: null }]]),
      }),
      evaluatorOnly: true,
    });
    const keys: Row[] = [
      [0x62, 10, -4, 1],
      ...reference(1, 1, 6),
      set(2, 0),
      set(3, 0),
      set(4, 0),
      set(5, 0),
      call(4),
      ...reference(1, 1, 6),
      move(2, 10),
      [0x07, 2, 0, -4],
      call(5),
      [0x55, 0, 2, 0],
      set(0, 0),
      EXIT,
      ...ALLOW,
    ];
    expectVerdicts(keys, () => 'depends:map:6', { environment: on('6.12.0') });
  });
  it('is a value of a map', () => {
    const rows: Row[] = [
      ...reference(1, 2, 9),
      move(6, 1),
      set(2, 0),
      set(3, 0),
      set(4, 0),
      set(5, 0),
      call(4),
      [0x61, 0x62, 0, 0],
      ...isEqual(2, 5),
    ];
    expectVerdicts(rows, () => 'kernel-memory', { environment: on('6.12.0') });
  });
  it('is the context, which nothing changes', () => {
    const rows: Row[] = [
      move(6, 1),
      set(2, 0),
      set(3, 0),
      set(4, 0),
      set(5, 0),
      call(4),
      [0x61, 0x62, 4, 0],
      [0x61, 0x63, 8, 0],
      ...areEqual(2, 3),
    ];
    expectVerdicts(rows, ({ major, minor }) => major === minor, { environment: on('6.12.0') });
  });
});
