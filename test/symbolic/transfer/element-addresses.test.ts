/** What addresses of a map's elements, and of memory that helpers gave out, say about each other: whether they are the same, and how far apart. */
import { describe, it } from 'vitest';
import type { MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  areEqual,
  call,
  expectVerdicts,
  isEqual,
  LOAD_MINOR,
  move,
  reference,
  set,
  wide,
  type Row,
} from './judged.js';

const HELPERS = new Map([
  [1, 'bpf_map_lookup_elem'],
  [131, 'bpf_ringbuf_reserve'],
]);
const entries = new Map([
  [hexKey(0), words(4, 0, 4, 0)],
  [hexKey(1), words(5, 0, 5, 0)],
  [hexKey(2), words(6, 0, 6, 0)],
]);
const withMap = (more: Partial<MapContents> & { type: string }): ProgramEnvironment =>
  environmentWith({ helpers: HELPERS, maps: new Map([[7, mapWith({ id: 7, maxEntries: 3, entries, ...more })]]) });
/** r0 = the address of a key's value; what is not there allows. */
const look = (key: readonly Row[]): Row[] => [
  ...key,
  move(2, 10),
  [0x07, 2, 0, -4],
  ...reference(1, 1, 7),
  call(1),
  [0x55, 0, 2, 0],
  ...ALLOW,
];
const number = (key: number): Row[] => [[0x62, 10, -4, key]];
const KEYED = ['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash'];
/** The elements of 1 and of the minor, which is below 3. */
const BOTH: Row[] = [
  LOAD_MINOR,
  [0x57, 3, 0, 3],
  move(8, 3),
  ...look(number(1)),
  move(6, 0),
  ...look([[0x63, 0x8a, -4, 0]]),
];

describe('addresses of two elements', () => {
  it.each(['array', 'percpu_array', ...KEYED])('of a map (%s) are the same where the keys are', (type) => {
    expectVerdicts([...BOTH, ...areEqual(0, 6)], ({ minor }) => (minor & 3) === 1 || (minor & 3) === 3, {
      environment: withMap({ type }),
      evaluatorOnly: KEYED.includes(type),
    });
  });
  it('of an array are as far apart as their indices', () => {
    const rows: Row[] = [...look(number(0)), move(6, 0), ...look(number(2)), [0x1f, 0x60, 0, 0], ...isEqual(0, 16)];
    expectVerdicts(rows, () => true, { environment: withMap({ type: 'array' }) });
    expectVerdicts(rows, () => true, { environment: withMap({ type: 'array', entries: null }), evaluatorOnly: true });
    const direct: Row[] = [...reference(0, 2, 7, 24), ...reference(6, 2, 7, 8), [0x1f, 0x60, 0, 0], ...isEqual(0, 16)];
    expectVerdicts(direct, () => true, { environment: environmentWith({}), evaluatorOnly: true });
  });
  it.each(['percpu_array', ...KEYED])('of another map (%s) lie where the kernel put them', (type) => {
    const rows: Row[] = [...look(number(0)), move(6, 0), ...look(number(2)), [0x1f, 0x60, 0, 0], ...isEqual(0, 16)];
    expectVerdicts(rows, () => 'kernel-memory', { environment: withMap({ type }) });
  });
});

describe('addresses of memory that is not known', () => {
  const twice = (rows: readonly Row[]): Row[] => [...rows, move(6, 0), ...rows, ...areEqual(0, 6)];

  it('may be the same or not', () => {
    expectVerdicts(
      [...look(number(1)), move(6, 0), ...look(number(2)), ...areEqual(0, 6)],
      () => 'depends:map:7,kernel-memory',
      {
        environment: withMap({ type: 'hash', entries: null }),
      },
    );
    const reserve: Row[] = [...reference(1, 1, 9), set(2, 8), set(3, 0), call(131), [0x55, 0, 2, 0], ...ALLOW];
    expectVerdicts(twice(reserve), () => 'helper:bpf_ringbuf_reserve,kernel-memory', {
      environment: withMap({ type: 'array' }),
    });
  });
  it('may be of one variable of a CPU or of two', () => {
    const rows = (first: bigint, second: bigint): Row[] => [
      ...wide(4, first),
      [0xbf, 0x46, -1, 0],
      ...wide(5, second),
      [0xbf, 0x57, -1, 0],
    ];
    expectVerdicts([...rows(64n, 72n), ...areEqual(6, 7)], () => 'kernel-memory', { evaluatorOnly: true });
    expectVerdicts([...rows(64n, 72n), [0x1f, 0x67, 0, 0], ...isEqual(7, 8)], () => 'kernel-memory', {
      evaluatorOnly: true,
    });
  });
  it('may be in a map whose kind could not be read', () => {
    // r8 is read before, r9 after a store to what a lookup of the same map gave.
    const rows: Row[] = [
      ...reference(7, 2, 7),
      [0x61, 0x78, 0, 0],
      ...look(number(0)),
      [0x62, 0, 0, 5],
      [0x61, 0x79, 0, 0],
    ];
    expectVerdicts([...rows, ...areEqual(8, 9)], () => 'depends:map:7,kernel-memory', {
      environment: withMap({ type: 'unspec', entries: null }),
    });
  });
});
