/** Single changes of a hash map: what the call says, what is there afterwards, and what an address that is kept leads to (kernel/bpf/hashtab.c). */
import { describe, it } from 'vitest';
import type { MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { ORDERS } from '../../ebpf/interpreter/machines.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexIn, hexKey, numberIn, words } from '../program-bytes.js';
import {
  areEqual,
  arrayOf,
  call as callHelper,
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
} from './judged.js';

const HELPERS = new Map([
  [1, 'bpf_map_lookup_elem'],
  [2, 'bpf_map_update_elem'],
  [3, 'bpf_map_delete_elem'],
  [4, 'bpf_map_peek_elem'],
]);
const HASH = mapWith({
  id: 7,
  type: 'hash',
  entries: new Map([
    [hexKey(1), words(5)],
    [hexKey(2), words(6)],
  ]),
});
const withMap = (more: Partial<MapContents> = {}): ProgramEnvironment =>
  environmentWith({
    helpers: HELPERS,
    maps: new Map([
      [7, { ...HASH, ...more }],
      [5, arrayOf(5, [50])],
    ]),
  });
const [LOOKUP, PUT, DELETE, UNKNOWN] = [1, 2, 3, 4];
/** A call with the key and the value on the stack. */
const call = (helper: number, key: number, value = 0, flags = 0): Row[] => [
  [0x62, 10, -4, key],
  [0x62, 10, -8, value],
  ...reference(1, 1, 7),
  move(2, 10),
  [0x07, 2, 0, -4],
  move(3, 10),
  [0x07, 3, 0, -8],
  set(4, flags),
  callHelper(helper),
];
/** r5 = the value at the key, 99 where there is none. */
const look = (key: number): Row[] => [...call(LOOKUP, key), set(5, 99), [0x15, 0, 1, 0], [0x61, 0x05, 0, 0]];
const ABSENT = 99;

describe('flags', () => {
  const [ANY, NOEXIST, EXIST] = [0, 1, 2];
  it.each<[name: string, flags: number, key: number, result: number, after: number]>([
    ['any, a key that is there', ANY, 1, 0, 9],
    ['any, a key that is not', ANY, 3, 0, 9],
    ['BPF_NOEXIST, a key that is there', NOEXIST, 1, -17, 5],
    ['BPF_NOEXIST, a key that is not', NOEXIST, 3, 0, 9],
    ['BPF_EXIST, a key that is there', EXIST, 1, 0, 9],
    ['BPF_EXIST, a key that is not', EXIST, 3, -2, ABSENT],
  ])('%s', (_, flags, key, result, after) => {
    const put = call(PUT, key, 9, flags);
    for (const environment of [withMap(), withMap({ flags: 1 })]) {
      expectVerdicts([...put, ...isEqual(0, result)], () => true, { environment });
      expectVerdicts([...put, ...look(key), ...isEqual(5, after)], () => true, { environment });
      expectVerdicts([...put, ...look(2), ...isEqual(5, 6)], () => true, { environment });
    }
  });
  it.each([3, 4])('%i are not followed', (flags) => {
    expectVerdicts([...call(PUT, 1, 9, flags), ...look(1), ...isEqual(5, 9)], () => 'depends:map:7', {
      environment: withMap(),
    });
  });
  it.each([
    ['that is there', 1, 0],
    ['that is not', 3, -2],
  ])('none: a key is deleted %s', (_, key, result) => {
    const gone = call(DELETE, key);
    expectVerdicts([...gone, ...isEqual(0, result)], () => true, { environment: withMap() });
    expectVerdicts([...gone, ...look(key), ...isEqual(5, ABSENT)], () => true, { environment: withMap() });
    expectVerdicts([...gone, ...look(2), ...isEqual(5, 6)], () => true, { environment: withMap() });
  });
});

describe('keys and values that depend on the request', () => {
  it.each(ORDERS)('values of twelve bytes (%s endian)', (order) => {
    // The minor's low bits are the key, the major the second number of the value, the others 1 and 3.
    const stack: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      [0x57, 3, 0, 7],
      move(8, 3),
      [0x63, 0x3a, -4, 0],
      [0x62, 10, -16, 1],
      [0x63, 0x2a, -12, 0],
      [0x62, 10, -8, 3],
    ];
    const put: Row[] = [
      ...stack,
      ...reference(1, 1, 7),
      move(2, 10),
      [0x07, 2, 0, -4],
      move(3, 10),
      [0x07, 3, 0, -16],
      set(4, 0),
      callHelper(PUT),
    ];
    const entries = new Map([[hexIn(order, 4, 1n), numberIn(order, 12, 0n)]]);
    const environment = withMap({ valueSize: 12, entries });
    const at = (key: number): Row[] => [...put, ...call(LOOKUP, key), [0x55, 0, 2, 0], ...DENY];
    for (const key of [1, 2])
      expectVerdicts(
        [...at(key), [0x61, 0x05, 4, 0], [0x61, 0x04, 8, 0], [0x0f, 0x45, 0, 0], ...isEqual(5, 11)],
        ({ major, minor }) => (minor & 7) === key && major === 8,
        { environment, order },
      );
    expectVerdicts([...at(1), [0x79, 0x05, 0, 0], ...isEqual(5, 0)], ({ minor }) => (minor & 7) !== 1, {
      environment,
      order,
    });
  });
});

it('what one way changes the other does not', () => {
  const forSeven = (rows: readonly Row[]): Row[] => [LOAD_MAJOR, move(7, 2), [0x55, 7, rows.length, 7], ...rows];
  for (const [change, key, after, before] of [
    [call(DELETE, 1), 1, ABSENT, 5],
    [call(DELETE, 3), 1, 5, 5],
    [call(PUT, 1, 9), 1, 9, 5],
    [call(PUT, 3, 9), 3, 9, ABSENT],
  ] as const) {
    const rows = [...forSeven(change), ...look(key)];
    expectVerdicts([...rows, ...isEqual(5, after)], ({ major }) => major === 7 || after === before, {
      environment: withMap(),
    });
    expectVerdicts([...rows, ...isEqual(5, before)], ({ major }) => major !== 7 || after === before, {
      environment: withMap(),
    });
  }
});

describe('after what is not known', () => {
  const changed = call(UNKNOWN, 1);
  it.each([
    ['it was not read', [], { entries: null }],
    ['a call may have done anything with it', changed, {}],
  ] as const)('%s: nothing that is changed is known', (_, rows, more) => {
    const environment = withMap(more);
    for (const helper of [PUT, DELETE])
      for (const key of [1, 3]) {
        expectVerdicts([...rows, ...call(helper, key, 9), ...isEqual(0, 0)], () => 'depends:map:7', {
          environment,
          evaluatorOnly: true,
        });
        expectVerdicts([...rows, ...call(helper, key, 9), ...look(key), ...isEqual(5, 9)], () => 'depends:map:7', {
          environment,
          evaluatorOnly: true,
        });
      }
  });
  it('what other requests did leaves it known', () => {
    const forSeven: Row[] = [LOAD_MAJOR, move(7, 2), [0x55, 7, changed.length, 7], ...changed];
    const forOthers: Row[] = [[0x55, 7, 2, 7], ...DENY, ...call(PUT, 3, 9), ...look(3)];
    expectVerdicts([...forSeven, ...forOthers, ...isEqual(5, 9)], ({ major }) => major !== 7, {
      environment: withMap(),
    });
  });
});

describe('an address that is kept', () => {
  /** r6 = the address of the value at the key. */
  const keep = (key: number): Row[] => [...call(LOOKUP, key), [0x55, 0, 2, 0], ...DENY, move(6, 0)];
  const still = (number: number): Row[] => [[0x61, 0x65, 0, 0], ...isEqual(5, number)];

  it('leads to the same value while keys are put that were not there', () => {
    expectVerdicts([...keep(1), ...call(PUT, 3, 70), ...call(PUT, 4, 71), ...still(5)], () => true, {
      environment: withMap(),
    });
    expectVerdicts([...keep(1), ...call(PUT, 3, 70), ...call(PUT, 4, 71), ...look(3), ...isEqual(5, 70)], () => true, {
      environment: withMap(),
    });
  });
  it('may lead to another where an element was free', () => {
    for (const freeing of [call(DELETE, 2), call(PUT, 2, 70), call(DELETE, 1)])
      expectVerdicts([...keep(1), ...freeing, ...call(PUT, 3, 71), ...still(5)], () => 'kernel-memory', {
        environment: withMap(),
        evaluatorOnly: true,
      });
  });
  it('of another map is none of this', () => {
    const element: Row[] = [...reference(6, 2, 5)];
    const changes = [...call(DELETE, 2), ...call(PUT, 3, 71)];
    expectVerdicts([...element, ...changes, ...look(3), ...isEqual(5, 71)], () => true, { environment: withMap() });
    expectVerdicts([...element, ...changes, ...still(50)], () => true, { environment: withMap() });
    // The map itself is no element of it.
    expectVerdicts([...reference(6, 1, 7), ...changes, ...look(3), ...isEqual(5, 71)], () => true, {
      environment: withMap(),
    });
  });
  it('on the stack of a function that called, too', () => {
    const callee: Row[] = [...call(DELETE, 2), ...call(PUT, 3, 71), set(0, 0), [0x95, 0, 0, 0]];
    const rows: Row[] = [...keep(1), [0x85, 0x10, 6, 0], ...still(5)];
    expectVerdicts([...rows, ...callee], () => 'kernel-memory', { environment: withMap(), evaluatorOnly: true });
    expectVerdicts([...rows, set(0, 0), [0x95, 0, 0, 0]], () => true, { environment: withMap() });
  });
});

it('64 changes are followed, a 65th is not', () => {
  const environment = withMap({ maxEntries: 1000 });
  const all = (count: number): Row[] => Array.from({ length: count }, () => call(PUT, 1, 9)).flat();
  expectVerdicts([...all(64), ...look(1), ...isEqual(5, 9)], () => true, { environment, evaluatorOnly: true });
  expectVerdicts([...all(65), ...look(1), ...isEqual(5, 9)], () => 'depends:map:7', {
    environment,
    evaluatorOnly: true,
  });
  expectVerdicts([...all(63), ...call(DELETE, 1), ...look(1), ...isEqual(5, ABSENT)], () => true, {
    environment,
    evaluatorOnly: true,
  });
  expectVerdicts([...all(64), ...call(DELETE, 1), ...look(1), ...isEqual(5, ABSENT)], () => 'depends:map:7', {
    environment,
    evaluatorOnly: true,
  });
});

it('the numbers of a result are compared whole', () => {
  expectVerdicts([...call(DELETE, 3), ...wide(5, -2n), ...areEqual(0, 5)], () => true, { environment: withMap() });
});
