/** A map's functions by all their names: which map, which flags, what is written, and what of the result is sure. */
import { describe, it } from 'vitest';
import type { MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
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
  type Row,
} from './judged.js';

const [LOOKUP, CHANGE] = [1, 2];
const hashOf = (id: number, ...pairs: readonly (readonly [key: number, value: number])[]): MapContents =>
  mapWith({ id, type: 'hash', entries: new Map(pairs.map(([key, value]) => [hexKey(key), words(value)])) });
const environmentOf = (name: string, release: string | null, ...maps: MapContents[]): ProgramEnvironment =>
  environmentWith({
    kernelRelease: release,
    helpers: new Map([
      [LOOKUP, 'bpf_map_lookup_elem'],
      [CHANGE, name],
    ]),
    maps: new Map(maps.map((map) => [map.id, map])),
  });
const ARRAY = arrayOf(5, [5, 6, 7]);
const stackAt = (register: number, offset: number): Row[] => [move(register, 10), [0x07, register, 0, offset]];
/** The key from r8 and the value from r9, the address of which is in r2 and r3. */
const key: readonly Row[] = [[0x63, 0x8a, -4, 0], ...stackAt(2, -4)];
const value: readonly Row[] = [[0x63, 0x9a, -8, 0], ...stackAt(3, -8)];
const change = (map: number, flags: readonly Row[]): Row[] => [
  ...reference(1, 1, map),
  ...key,
  ...value,
  ...flags,
  call(CHANGE),
];
const numbers: readonly Row[] = [LOAD_MAJOR, LOAD_MINOR, move(8, 3), move(9, 2)];
/** Allow if the value at index or key `at` is `wanted`, deny where there is none. */
const holds = (map: number, at: number, wanted: number): Row[] => [
  set(8, at),
  ...reference(1, 1, map),
  ...key,
  call(LOOKUP),
  [0x55, 0, 1, 0],
  EXIT,
  [0x61, 0x06, 0, 0],
  ...isEqual(6, wanted),
];
/** The sign of the low half. */
const low: readonly Row[] = [
  [0x67, 0, 0, 32],
  [0xc7, 0, 0, 32],
];

describe('an update of an array', () => {
  const environment = environmentOf('bpf_map_update_elem', '6.12.0', ARRAY);
  const rows = (flags: number, after: readonly Row[]): Row[] => [...numbers, ...change(5, [set(4, flags)]), ...after];

  it.each([0, 2])('with flags %i is done inside the array, and refused outside', (flags) => {
    expectVerdicts(rows(flags, isEqual(0, 0)), ({ minor }) => minor < 3, { environment });
    expectVerdicts(rows(flags, isEqual(0, -7)), ({ minor }) => minor >= 3, { environment });
    expectVerdicts(rows(flags, holds(5, 1, 8)), ({ major, minor }) => minor === 1 && major === 8, { environment });
    expectVerdicts(rows(flags, holds(5, 2, 7)), ({ major, minor }) => (minor === 2 ? major === 7 : true), {
      environment,
    });
  });
  it('with BPF_NOEXIST is never done', () => {
    expectVerdicts(rows(1, isEqual(0, -17)), ({ minor }) => minor < 3, { environment });
    expectVerdicts(rows(1, isEqual(0, -7)), ({ minor }) => minor >= 3, { environment });
    expectVerdicts(rows(1, holds(5, 1, 6)), () => true, { environment });
  });
  it('with other flags, or flags by the request, is not followed', () => {
    const alone = { environment, evaluatorOnly: true };
    expectVerdicts(rows(3, isEqual(0, -22)), () => 'depends:map:5', alone);
    expectVerdicts(rows(3, holds(5, 1, 6)), () => 'kernel-memory', alone);
    const byRequest: Row[] = [...numbers, ...change(5, [set(4, 0), [0x55, 3, 1, 1], set(4, 1)]), ...isEqual(0, 0)];
    expectVerdicts(byRequest, () => 'depends:map:5', alone);
  });
  it('outside it alone stores nothing', () => {
    const outside: Row[] = [...numbers, set(8, 3), ...change(5, [set(4, 0)]), ...holds(5, 2, 7)];
    expectVerdicts(outside, () => true, { environment });
  });
  it('does not undo that something unknown was written before', () => {
    const unknown: Row[] = [...numbers, set(7, 0), [0x7a, 7, 0, 1], ...change(5, [set(4, 0)]), ...holds(5, 2, 7)];
    expectVerdicts(unknown, () => 'kernel-memory', {
      environment,
      evaluatorOnly: true,
    });
  });
});

describe('a change of a map that is not followed', () => {
  it.each([
    ['bpf_map_update_elem', 'percpu_array', 'kernel-memory'],
    ['bpf_map_update_elem', 'lru_hash', 'depends:map:6'],
    ['bpf_map_delete_elem', 'lru_hash', 'depends:map:6'],
    ['bpf_map_delete_elem', 'lpm_trie', null],
  ])('%s of a %s: neither the result nor what the map holds then is known', (name, type, reason) => {
    const map = { ...hashOf(6, [1, 4]), type, keySize: type === 'lpm_trie' ? 8 : 4 };
    const environment = environmentOf(name, '6.12.0', map, ARRAY);
    const rows = [...numbers, ...change(6, [set(4, 0)])];
    expectVerdicts([...rows, ...isEqual(0, 0)], () => 'depends:map:6', { environment, evaluatorOnly: true });
    if (reason !== null)
      expectVerdicts([...rows, ...holds(6, 1, 4)], () => reason, { environment, evaluatorOnly: true });
  });
  it('a map that is not known', () => {
    for (const name of ['bpf_map_update_elem', 'bpf_map_delete_elem']) {
      const environment = environmentOf(name, '6.12.0', ARRAY);
      const rows = [...numbers, ...change(6, [set(4, 0)])];
      expectVerdicts([...rows, ...isEqual(0, 0)], () => 'depends:map:6', { environment });
    }
  });
  it('leaves the keys of other maps as they were', () => {
    const environment = environmentOf(
      'bpf_map_delete_elem',
      '6.12.0',
      { ...hashOf(6, [1, 4]), type: 'lru_hash' },
      hashOf(7, [1, 4]),
    );
    expectVerdicts([...numbers, ...change(6, [set(4, 0)]), ...holds(7, 2, 4)], () => false, {
      environment,
      evaluatorOnly: true,
    });
  });
});

describe('one of two maps', () => {
  /** r1 = map 5 for major 7, else map 6; r2 the key, r3 the value. */
  const oneOf = (helper: number): Row[] => [
    ...numbers,
    set(8, 1),
    ...key,
    set(9, 20),
    ...value,
    set(4, 0),
    ...reference(1, 1, 5),
    [0x15, 7, 2, 7],
    ...reference(1, 1, 6),
    call(helper),
  ];
  const maps = [arrayOf(5, [5, 6]), arrayOf(6, [8, 9])];
  const kept: Row[] = [LOAD_MAJOR, move(7, 2)];

  it('a lookup finds what each of them has', () => {
    const environment = environmentOf('bpf_map_update_elem', '6.12.0', ...maps);
    const rows = (wanted: number): Row[] => [
      ...kept,
      ...oneOf(LOOKUP),
      [0x55, 0, 1, 0],
      EXIT,
      [0x61, 0x06, 0, 0],
      ...isEqual(6, wanted),
    ];
    expectVerdicts(rows(6), ({ major }) => major === 7, { environment });
    expectVerdicts(rows(9), ({ major }) => major !== 7, { environment });
  });
  it('a change makes each unknown where it may be the one', () => {
    const environment = environmentOf('bpf_map_update_elem', '6.12.0', ...maps);
    const alone = { environment, evaluatorOnly: true };
    const rows = [...kept, ...oneOf(CHANGE)];
    expectVerdicts([...rows, ...isEqual(0, 0)], () => 'helper:bpf_map_update_elem', alone);
    expectVerdicts(
      [...rows, ...reference(1, 2, 5), [0x61, 0x16, 0, 0], ...isEqual(6, 5)],
      () => 'kernel-memory',
      alone,
    );
  });
  it('the keys of a hash map are still known where it was the other', () => {
    const environment = environmentOf('bpf_map_delete_elem', '6.12.0', hashOf(5, [1, 4]), hashOf(6, [1, 4]));
    const rows = [...kept, ...oneOf(CHANGE), ...holds(6, 2, 0)];
    expectVerdicts(rows, ({ major }) => (major === 7 ? false : 'depends:map:6'), { environment, evaluatorOnly: true });
  });
});

describe('the result of a map’s own function that is called directly', () => {
  const refused = (
    name: string,
    release: string | null,
    after: readonly Row[],
    type = 'array',
  ): [Row[], ProgramEnvironment] => {
    const map = type === 'array' ? ARRAY : hashOf(5, [0, 1], [1, 1], [2, 1]);
    return [[...numbers, ...change(5, [set(4, 1)]), ...after], environmentOf(name, release, map)];
  };
  it.each(['array_map_update_elem', 'htab_map_update_elem', 'array_map_update_elem.isra.0'])('%s', (name) => {
    const type = name.startsWith('htab') ? 'hash' : 'array';
    const reason = `helper:${name.split('.')[0]!}`;
    const exists = (minor: number): boolean => minor < 3;
    for (const release of ['5.10.0', '6.3.9', null]) {
      const [whole, environment] = refused(name, release, isEqual(0, -17), type);
      // Every bit of the upper half is open, but not where the number is not negative.
      for (const bit of [32, 63]) {
        const upper = refused(name, release, [[0x77, 0, 0, bit], [0x57, 0, 0, 1], ...isEqual(0, 1)], type)[0];
        const isNegative = (minor: number): boolean => exists(minor) || type === 'array';
        expectVerdicts(upper, ({ minor }) => isNegative(minor) && reason, { environment });
      }
      // Another errno differs in its low half.
      expectVerdicts(whole, ({ minor }) => exists(minor) && reason, {
        environment,
      });
      expectVerdicts(refused(name, release, [...low, ...isEqual(0, -17)], type)[0], ({ minor }) => exists(minor), {
        environment,
      });
    }
    const [whole, environment] = refused(name, '6.4.0', isEqual(0, -17), type);
    expectVerdicts(whole, ({ minor }) => exists(minor), { environment });
  });
  it('is whole where it is not negative', () => {
    const environment = environmentOf('array_map_update_elem', '5.10.0', ARRAY);
    const rows = [...numbers, set(8, 1), ...change(5, [set(4, 0)]), ...isEqual(0, 0)];
    expectVerdicts(rows, () => true, { environment });
  });
  it('of a lookup is an address', () => {
    const environment = environmentOf('array_map_lookup_elem', '5.10.0', ARRAY);
    const rows: Row[] = [...numbers, ...change(5, []), [0x55, 0, 1, 0], EXIT, [0x61, 0x06, 0, 0], ...isEqual(6, 6)];
    expectVerdicts(rows, ({ minor }) => minor === 1, { environment });
  });
  it('of functions that look like a lookup is not known', () => {
    for (const name of [
      'bpf_map_lookup_percpu_elem',
      'htab_lru_map_lookup_elem_sys_only',
      'percpu_array_map_lookup_percpu_elem',
    ]) {
      const rows = [...numbers, ...change(5, []), ...isEqual(0, 0)];
      expectVerdicts(rows, () => `helper:${name}`, { environment: environmentOf(name, '6.12.0', ARRAY) });
    }
  });
});

describe('a deletion from an array', () => {
  it('is refused', () => {
    const environment = environmentOf('bpf_map_delete_elem', '5.10.0', ARRAY);
    expectVerdicts([...numbers, ...change(5, []), ...isEqual(0, -22)], () => true, { environment });
    expectVerdicts([...numbers, ...change(5, []), ...holds(5, 1, 6)], () => true, { environment });
  });
});
