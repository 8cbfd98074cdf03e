/** Ways that part and meet again: each request must find what its own way left behind. */
import { describe, it } from 'vitest';
import { environmentWith, mapWith } from './agreement.js';
import { hexKey, words } from './program-bytes.js';
import {
  ALLOW,
  arrayOf,
  call,
  DENY,
  EXIT,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  type Circumstances,
  type Expected,
  type Row,
} from './transfer/judged.js';

const array = arrayOf(9, [5, 6]);
const hash = mapWith({
  id: 6,
  type: 'hash',
  maxEntries: 64,
  entries: new Map([
    [hexKey(1), words(5)],
    [hexKey(2), words(6)],
  ]),
});
const environment = environmentWith({
  kernelRelease: '6.12.0',
  helpers: new Map([
    [1, 'bpf_map_lookup_elem'],
    [2, 'bpf_map_update_elem'],
    [3, 'bpf_map_delete_elem'],
    [4, 'bpf_set_retval'],
    [5, 'bpf_loop'],
    [6, 'bpf_some_helper'],
    [7, 'bpf_get_retval'],
  ]),
  maps: new Map([
    [6, hash],
    [9, array],
  ]),
});
const fourBytes = (register: number, imm: number, off: number): Row => [0x62, register, off, imm];
/** r9 is the context throughout. */
const check = (rows: readonly Row[], expected: Expected, circumstances?: Circumstances): void => {
  expectVerdicts([move(9, 1), ...rows], expected, circumstances);
};
/** If the major is 7 then the first rows, else the others. */
const either = (first: readonly Row[], others: readonly Row[]): Row[] => [
  [0x61, 0x92, 4, 0],
  [0x15, 2, others.length + 1, 7],
  ...others,
  [0x05, 0, first.length, 0],
  ...first,
];
const isSeven = ({ major }: { major: number }): boolean => major === 7;

describe('what differs where two ways meet', () => {
  it('registers, also pointers', () => {
    check([...either([set(6, 1)], [set(6, 2)]), ...isEqual(6, 1)], isSeven);
    const places: Row[] = [fourBytes(10, 4, -8), fourBytes(10, 5, -16)];
    const pointers = either([move(6, 10), [0x07, 6, 0, -8]], [move(6, 10), [0x07, 6, 0, -16]]);
    check([...places, ...pointers, [0x61, 0x63, 0, 0], ...isEqual(3, 4)], isSeven);
    const mixed = either([move(6, 10), [0x07, 6, 0, -8]], [...reference(6, 2, 9)]);
    check([...places, ...mixed, [0x61, 0x63, 0, 0], ...isEqual(3, 4)], isSeven, { environment });
  });
  it('the stack, written on one way or on both', () => {
    const read: Row[] = [[0x61, 0xa3, -8, 0], ...isEqual(3, 4)];
    check([...either([fourBytes(10, 4, -8)], [fourBytes(10, 5, -8)]), ...read], isSeven);
    check([...either([fourBytes(10, 4, -8)], [fourBytes(10, 5, -16)]), ...read], (request) =>
      isSeven(request) ? true : 'uninitialised',
    );
    check([fourBytes(10, 5, -8), ...either([fourBytes(10, 4, -8)], [set(3, 0)]), ...read], isSeven);
    check(
      [fourBytes(10, 5, -8), ...either([set(3, 0)], [fourBytes(10, 4, -8)]), ...read],
      (request) => !isSeven(request),
    );
  });
  it('values of maps, written on one way or on both', () => {
    const change = (imm: number): Row[] => [...reference(4, 2, 9), fourBytes(4, imm, 0)];
    const read: Row[] = [...reference(4, 2, 9), [0x61, 0x43, 0, 0]];
    check([...either(change(7), change(8)), ...read, ...isEqual(3, 7)], isSeven, { environment });
    check([...either(change(7), [set(3, 0)]), ...read, ...isEqual(3, 5)], (request) => !isSeven(request), {
      environment,
    });
    check([...either([set(3, 0)], change(7)), ...read, ...isEqual(3, 5)], isSeven, { environment });
    // Values of one map on one way and of another on the other way.
    const inStack = [fourBytes(10, 1, -8)];
    check([...either(inStack, change(7)), ...read, ...isEqual(3, 5)], isSeven, { environment });
    check([...either(change(7), inStack), ...read, ...isEqual(3, 5)], (request) => !isSeven(request), {
      environment,
    });
  });
  it('the return value, set on one way or on both', () => {
    const setTo = (imm: number): Row[] => [set(1, imm), call(4)];
    check([...either(setTo(-1), setTo(0)), ...ALLOW], (request) => !isSeven(request), { environment });
    check([...either(setTo(-1), [set(3, 0)]), ...ALLOW], (request) => !isSeven(request), { environment });
    check([...either([set(3, 0)], setTo(-1)), ...ALLOW], isSeven, { environment });
    const known: Row[] = [call(7), ...isEqual(0, -5)];
    // r0 is -5 where it was set to that; the verdict is a denial in any case.
    check([...either(setTo(-5), setTo(0)), ...known], () => false, { environment });
    check([...either(setTo(-5), setTo(0)), call(7), move(6, 0), set(1, 0), call(4), ...isEqual(6, -5)], isSeven, {
      environment,
    });
  });
  it('the return value at the end of ways that do not meet', () => {
    const rows: Row[] = [LOAD_MAJOR, [0x55, 2, 4, 7], set(1, -1), call(4), ...ALLOW, ...ALLOW];
    check(rows, (request) => !isSeven(request), { environment });
    const other: Row[] = [LOAD_MAJOR, [0x55, 2, 2, 7], ...ALLOW, set(1, -1), call(4), ...ALLOW];
    check(other, isSeven, { environment });
  });
});

describe('what ways do to maps', () => {
  const key = (imm: number): Row[] => [...reference(1, 1, 6), fourBytes(10, imm, -4), move(2, 10), [0x07, 2, 0, -4]];
  const put = (at: number, value: number): Row[] => [
    ...key(at),
    fourBytes(10, value, -8),
    move(3, 10),
    [0x07, 3, 0, -8],
    set(4, 0),
    call(2),
  ];
  const remove = (at: number): Row[] => [...key(at), call(3)];
  /** Allow if the key's value is the number; 0 stands for no value. */
  const has = (at: number, value: number): Row[] => [
    ...key(at),
    call(1),
    [0x15, 0, 1, 0],
    [0x61, 0x00, 0, 0],
    ...isEqual(0, value),
  ];

  it('keys put and deleted on one way or the other', () => {
    check([...either(put(3, 9), remove(1)), ...has(3, 9)], isSeven, { environment });
    check([...either(put(3, 9), remove(1)), ...has(1, 5)], isSeven, { environment });
    check([...either(put(3, 9), put(3, 8)), ...has(3, 9)], isSeven, { environment });
    check([...either(put(3, 9), put(3, 8)), ...has(3, 8)], (request) => !isSeven(request), { environment });
    check([...either(remove(1), [set(3, 0)]), ...has(1, 0)], isSeven, { environment });
    check([...either([set(3, 0)], remove(1)), ...has(1, 5)], isSeven, { environment });
  });
  it('before they part, and after they met again', () => {
    check([...put(3, 9), ...either(remove(3), put(3, 8)), ...has(3, 8)], (request) => !isSeven(request), {
      environment,
    });
    check([...put(3, 9), ...either(remove(3), [set(3, 0)]), ...has(3, 9)], (request) => !isSeven(request), {
      environment,
    });
    check([...either(remove(1), put(1, 8)), ...put(1, 4), ...has(1, 4)], () => true, { environment });
    check([...either(put(1, 4), remove(2)), ...either(remove(1), put(2, 7)), ...has(2, 6)], isSeven, {
      environment,
    });
    check(
      [...either(put(1, 4), remove(2)), ...either(remove(1), put(2, 7)), ...has(2, 7)],
      (request) => !isSeven(request),
      { environment },
    );
  });
  it('maps given to helpers that are not modelled', () => {
    const give = (map: number): Row[] => [...reference(1, 1, map), set(2, 0), set(3, 0), set(4, 0), set(5, 0), call(6)];
    const reason = (request: { major: number }): boolean | string => (isSeven(request) ? 'depends:map:6' : true);
    check([...either(give(6), [set(3, 0)]), ...has(1, 5)], reason, { environment, evaluatorOnly: true });
    check(
      [...either([set(3, 0)], give(6)), ...has(1, 5)],
      (request) => (isSeven(request) ? true : reason({ major: 7 })),
      { environment, evaluatorOnly: true },
    );
    check([...either(give(6), give(6)), ...has(1, 5)], () => reason({ major: 7 }), {
      environment,
      evaluatorOnly: true,
    });
  });
  it('writes to unknown addresses', () => {
    const write: Row[] = [set(4, 4096), fourBytes(4, 1, 0)];
    const read: Row[] = [...reference(4, 2, 9), [0x61, 0x43, 0, 0], ...isEqual(3, 5)];
    check([...either(write, [set(3, 0)]), ...read], (request) => (isSeven(request) ? 'kernel-memory' : true), {
      environment,
    });
    check([...either([set(3, 0)], write), ...read], (request) => (isSeven(request) ? true : 'kernel-memory'), {
      environment,
    });
  });
});

describe('a function entered by some requests in a later round of a loop than by others', () => {
  /** r7 counts rounds; requests with major 7 are called in the second, all others in the first. */
  const rounds = (body: readonly Row[]): Row[] => [
    LOAD_MAJOR,
    move(6, 2),
    set(7, 0),
    // Once more from here if the major is 7 and this is the first round: one jump, so that nothing waits before the call.
    [0x07, 7, 0, 1],
    move(5, 6),
    [0xa7, 5, 0, 7],
    [0x0f, 0x75, 0, 0],
    [0x15, 5, -5, 1],
    ...body,
  ];

  it('gives each its own registers back', () => {
    const rows = rounds([[0x85, 0x10, 5, 0], ...isEqual(7, 2), set(7, 55), set(0, 0), EXIT]);
    expectVerdicts(rows, isSeven);
  });
  it('as the callback of bpf_loop: each has its number of rounds and its context', () => {
    const callback: Row[] = [[0x61, 0x23, 0, 0], [0x07, 3, 0, 1], [0x63, 0x32, 0, 0], set(0, 0), EXIT];
    const called: Row[] = [
      fourBytes(10, 0, -8),
      fourBytes(10, 0, -16),
      move(1, 7),
      move(3, 10),
      move(4, 7),
      [0x67, 4, 0, 3],
      [0x1f, 0x43, 0, 0],
    ];
    const result: Row[] = isEqual(0, 2);
    const looped = (rest: readonly Row[]): Row[] =>
      rounds([...called, ...reference(2, 4, 3 + rest.length), set(4, 0), call(5), ...rest, ...callback]);
    expectVerdicts(looped(result), isSeven, { environment });
    // One round with fp - 8 as context, or two with fp - 16.
    expectVerdicts(looped([[0x61, 0xa0, -16, 0], ...isEqual(0, 2)]), isSeven, { environment });
    expectVerdicts(looped([[0x61, 0xa0, -8, 0], ...isEqual(0, 1)]), (request) => !isSeven(request), { environment });
  });
});

describe('a value that was set on one way only', () => {
  it('is what it is there', () => {
    const rows: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      [0x55, 2, 1, 7],
      set(6, 3),
      [0x55, 2, 1, 7],
      [0x15, 6, 2, 3],
      ...DENY,
      ...ALLOW,
    ];
    expectVerdicts(rows, isSeven);
  });
});
