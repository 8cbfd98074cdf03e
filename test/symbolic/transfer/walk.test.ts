/** bpf_for_each_map_elem: over which maps, in what order, and what a callback may do to the map. */
import { describe, it } from 'vitest';
import type { ByteOrder, MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  arrayOf,
  call,
  EXIT,
  expectVerdicts,
  isEqual,
  link,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  type Linked,
  type Row,
} from './judged.js';

const [WALK, LOOKUP, UPDATE, DELETE, OTHER] = [1, 2, 3, 4, 5];
const withMaps = (...maps: MapContents[]): ProgramEnvironment =>
  environmentWith({
    kernelRelease: '6.12.0',
    helpers: new Map([
      [WALK, 'bpf_for_each_map_elem'],
      [LOOKUP, 'bpf_map_lookup_elem'],
      [UPDATE, 'bpf_map_update_elem'],
      [DELETE, 'bpf_map_delete_elem'],
      [OTHER, 'bpf_made_up'],
    ]),
    maps: new Map(maps.map((map) => [map.id, map])),
  });
const PLAIN = withMaps();
const callback = (number: number): Linked => ({ addressOf: number, register: 2 });
const stackAt = (register: number, offset: number): Row[] => [move(register, 10), [0x07, register, 0, offset]];
/** *(u64 *)(fp - 8) = 0, and its address for the callback. */
const zeroed: readonly Row[] = [[0x7a, 10, -8, 0], ...stackAt(3, -8)];
const total: Row = [0x79, 0xa6, -8, 0];
const GO_ON: readonly Row[] = [set(0, 0), EXIT];

/** context = context * 3 + key + value, for keys and values of 32 bits. */
const sums: readonly Row[] = [
  [0x79, 0x45, 0, 0],
  [0x27, 5, 0, 3],
  [0x61, 0x20, 0, 0],
  [0x0f, 0x05, 0, 0],
  [0x61, 0x32, 0, 0],
  [0x0f, 0x25, 0, 0],
  [0x7b, 0x54, 0, 0],
];
const walk = (map: number, number = 1): Linked[] => [
  ...reference(1, 1, map),
  callback(number),
  ...zeroed,
  set(4, 0),
  call(WALK),
];
const walked = (map: number, after: readonly Row[], body: readonly Row[]): Row[] =>
  link([...walk(map), ...after], body);
const sumOf = (...pairs: readonly (readonly [key: number, value: number])[]): number =>
  pairs.reduce((sum, [key, value]) => sum * 3 + key + value, 0);
const pairs = [
  [9, 4],
  [300, 1],
  [2, 20],
] as const;
const keyed = (type: string, order: ByteOrder = 'little', id = 6): MapContents => {
  const number = (value: number): Uint8Array => (order === 'little' ? words(value) : words(value).reverse());
  return mapWith({
    id,
    type,
    entries: new Map(pairs.map(([key, value]) => [Buffer.from(number(key)).toString('hex'), number(value)])),
  });
};

/** Three elements of an array. */
const zeros = (order: ByteOrder): Map<string, Uint8Array> =>
  new Map(
    [0, 1, 2].map((index) => [order === 'little' ? `0${String(index)}000000` : `0000000${String(index)}`, words(0)]),
  );

describe('bpf_for_each_map_elem', () => {
  const reason = 'helper:bpf_for_each_map_elem';
  const sum = [total, ...isEqual(6, sumOf(...pairs))];

  it.each(['hash', 'lru_hash'])('over a %s', (type) => {
    expectVerdicts(walked(6, sum, [...sums, ...GO_ON]), () => true, { environment: withMaps(keyed(type)) });
  });
  it.each(['percpu_hash', 'lru_percpu_hash'])('over a %s: what all CPUs have', (type) => {
    const map = keyed(type);
    const environment = withMaps({
      ...map,
      entries: new Map(
        [...map.entries!].map(([key, value]) => [key, Uint8Array.of(...value, 0, 0, 0, 0, ...value, 0, 0, 0, 0)]),
      ),
    });
    expectVerdicts(walked(6, isEqual(0, 3), GO_ON), () => true, { environment, evaluatorOnly: true });
  });
  it('over an array of this CPU’s values', () => {
    const map = mapWith({
      id: 6,
      type: 'percpu_array',
      maxEntries: 2,
      entries: new Map([
        [hexKey(0), words(7, 0, 7, 0)],
        [hexKey(1), words(8, 0, 9, 0)],
      ]),
    });
    expectVerdicts(walked(6, isEqual(0, 2), GO_ON), () => true, { environment: withMaps(map), evaluatorOnly: true });
  });
  it('over other kinds of maps, and maps that are not known, is not followed', () => {
    for (const environment of [withMaps(keyed('lpm_trie')), withMaps(keyed('queue')), PLAIN])
      expectVerdicts(walked(6, isEqual(0, 3), GO_ON), () => reason, { environment });
  });
  it('over one of two maps, or by one of two callbacks, is not followed', () => {
    const environment = withMaps(arrayOf(5, [1, 2]), arrayOf(6, [1, 2, 3]));
    const main = (map: number, number: number, result: number): Linked[] => [
      LOAD_MAJOR,
      ...zeroed,
      set(4, 0),
      [0x15, 2, 5, 7],
      ...reference(1, 1, 5),
      callback(1),
      [0x05, 0, 4, 0],
      ...reference(1, 1, map),
      callback(number),
      call(WALK),
      ...isEqual(0, result),
    ];
    const alone = { environment, evaluatorOnly: true };
    expectVerdicts(link(main(6, 1, 2), GO_ON), () => reason, alone);
    expectVerdicts(link(main(5, 2, 2), GO_ON, GO_ON), () => reason, alone);
    expectVerdicts(link(main(5, 1, 2), GO_ON), () => true, { environment });
  });
  it('over an array that was not read: its length is known, its values are not', () => {
    const environment = withMaps({ ...arrayOf(6, [0, 0]), entries: null });
    expectVerdicts(walked(6, isEqual(0, 2), GO_ON), () => true, { environment });
    expectVerdicts(walked(6, [total, ...isEqual(6, 1)], [...sums, ...GO_ON]), () => 'depends:map:6', { environment });
  });
  it.each(['little', 'big'] as const)('shows keys in the byte order of the machine: %s endian', (order) => {
    const at = {
      order,
      environment: withMaps(
        keyed('hash', order),
        mapWith({ id: 5, type: 'array', maxEntries: 3, entries: zeros(order) }),
      ),
    };
    expectVerdicts(walked(6, sum, [...sums, ...GO_ON]), () => true, at);
    const indexes = sumOf([0, 0], [1, 0], [2, 0]);
    expectVerdicts(walked(5, [total, ...isEqual(6, indexes)], [...sums, ...GO_ON]), () => true, at);
  });
  it('shows the map itself', () => {
    const environment = withMaps(arrayOf(5, [4, 6]));
    // The value of index 1, looked up through the map that the callback is shown, into the context.
    const looksUp: Row[] = [
      move(6, 4),
      [0x62, 10, -4, 1],
      ...stackAt(2, -4),
      call(LOOKUP),
      [0x15, 0, 2, 0],
      [0x61, 0x00, 0, 0],
      [0x7b, 0x06, 0, 0],
      ...GO_ON,
    ];
    expectVerdicts(walked(5, [total, ...isEqual(6, 6)], looksUp), () => true, { environment });
  });
  it('inside another', () => {
    const environment = withMaps(arrayOf(5, [1, 2]), arrayOf(6, [10, 20, 30]));
    const outer: Linked[] = [
      move(7, 2),
      move(8, 4),
      move(3, 4),
      ...reference(1, 1, 6),
      callback(2),
      set(4, 0),
      call(WALK),
      [0x61, 0x71, 0, 0],
      [0x79, 0x82, 0, 0],
      [0x0f, 0x12, 0, 0],
      [0x7b, 0x28, 0, 0],
      ...GO_ON,
    ];
    const inner: Row[] = [
      [0x79, 0x45, 0, 0],
      [0x61, 0x30, 0, 0],
      [0x0f, 0x05, 0, 0],
      [0x61, 0x21, 0, 0],
      [0x0f, 0x15, 0, 0],
      [0x7b, 0x54, 0, 0],
      ...GO_ON,
    ];
    // Twice 10 + 20 + 30 and the inner keys 0 + 1 + 2, and the outer keys 0 + 1.
    expectVerdicts(link([...walk(5), total, ...isEqual(6, 2 * 63 + 1)], outer, inner), () => true, { environment });
  });
  it('by a callback that changes the values', () => {
    const environment = withMaps(arrayOf(5, [1, 2]));
    const doubles: Row[] = [[0x61, 0x35, 0, 0], [0x0f, 0x55, 0, 0], [0x63, 0x53, 0, 0], ...GO_ON];
    const after: Row[] = [...reference(1, 2, 5, 8), [0x61, 0x16, 0, 0], ...isEqual(6, 4)];
    expectVerdicts(walked(5, after, doubles), () => true, { environment });
  });
});

it('a walk over an array goes on whatever is done to it', () => {
  const environment = withMaps(arrayOf(5, [1, 2, 3]));
  const unknown: Row[] = [...reference(1, 1, 5), set(2, 0), set(3, 0), set(4, 0), call(OTHER), ...GO_ON];
  expectVerdicts(walked(5, isEqual(0, 3), unknown), () => true, { environment });
});

it.each(['bpf_for_each_array_elem', 'bpf_for_each_hash_elem', 'bpf_for_each_map_elem'])(
  '%s refuses flags with a number of 32 bits before 6.4',
  (name) => {
    const rows = (...after: Row[]): Row[] =>
      link([LOAD_MAJOR, move(7, 2), ...walk(5).slice(0, -1), [0x55, 7, 1, 7], set(4, 1), call(WALK), ...after], GO_ON);
    const on = (kernelRelease: string): ProgramEnvironment => ({
      ...withMaps(arrayOf(5, [1, 2])),
      kernelRelease,
      helpers: new Map([[WALK, name]]),
    });
    const low: Row[] = [
      [0x67, 0, 0, 32],
      [0xc7, 0, 0, 32],
    ];
    const refused = ({ major }: { major: number }): boolean => major === 7;
    expectVerdicts(rows(...isEqual(0, -22)), refused, { environment: on('6.4.0') });
    expectVerdicts(rows(...low, ...isEqual(0, -22)), refused, { environment: on('5.15.0') });
    expectVerdicts(rows(...isEqual(0, -22)), (request) => refused(request) && `helper:${name}`, {
      environment: on('5.15.0'),
    });
  },
);

describe('a walk over a hash map whose keys change', () => {
  const environment = withMaps(keyed('hash'));
  const reason = 'helper:bpf_for_each_map_elem';
  const change = (helper: number, key: number): Row[] => [
    [0x62, 10, -4, key],
    [0x62, 10, -8, 5],
    ...reference(1, 1, 6),
    ...stackAt(2, -4),
    ...stackAt(3, -8),
    set(4, 0),
    call(helper),
  ];
  it('before it begins is not followed', () => {
    for (const helper of [UPDATE, DELETE]) {
      const rows = link([...change(helper, 2), ...walk(6), ...isEqual(0, 3)], GO_ON);
      expectVerdicts(rows, () => reason, { environment });
    }
  });
  it('on another way is followed', () => {
    const other: Row[] = change(OTHER, 2);
    const rows = link(
      [LOAD_MAJOR, [0x55, 2, other.length + 2, 7], ...other, ...GO_ON, ...walk(6), ...isEqual(0, 3)],
      GO_ON,
    );
    expectVerdicts(rows, ({ major }) => major !== 7, { environment });
  });
  it('in the round that ends it, it has ended; else how it goes on is not known, were it the last', () => {
    const ends: Row[] = [...change(UPDATE, 77), set(0, 1), EXIT];
    expectVerdicts(walked(6, isEqual(0, 1), ends), () => true, { environment });
    const single = withMaps({ ...keyed('hash'), entries: new Map([[hexKey(9), words(4)]]) });
    expectVerdicts(walked(6, isEqual(0, 1), [...change(UPDATE, 77), ...GO_ON]), () => reason, { environment: single });
  });
  it('for some requests', () => {
    const rows = link(
      [LOAD_MINOR, move(8, 3), ...walk(6).slice(0, -1), [0x7b, 0x8a, -8, 0], call(WALK), ...isEqual(0, 3)],
      [[0x79, 0x45, 0, 0], [0x55, 5, change(DELETE, 2).length, 7], ...change(DELETE, 2), ...GO_ON],
    );
    expectVerdicts(rows, ({ minor }) => (minor === 7 ? reason : true), { environment });
  });
});
