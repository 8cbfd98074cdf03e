/** Which maps are unknown to the programs behind one that leads to programs and maps that were not read. */
import { describe, expect, it } from 'vitest';
import type { ByteOrder, MapContents, Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import { decide } from '../../src/effective/compose-decide.js';
import type { EffectiveEntry } from '../../src/effective/compose.js';
import { seenInOrder } from '../../src/effective/shared-maps.js';
import { environmentWith, mapWith } from '../symbolic/agreement.js';
import { ALLOW, programOf, reference, set, type Row } from '../symbolic/transfer/judged.js';

/** A map of ids: of programs, or of maps. */
function leading(id: number, type: string, ids: readonly number[], order: ByteOrder = 'little'): MapContents {
  const entries = ids.map((each, slot): [string, Uint8Array] => {
    const value = new DataView(new ArrayBuffer(4));
    value.setUint32(0, each, order === 'little');
    return [`0${String(slot)}000000`, new Uint8Array(value.buffer)];
  });
  return mapWith({ id, type, entries: new Map(entries) });
}
const plain = (id: number): MapContents =>
  mapWith({ id, type: 'array', maxEntries: 1, entries: new Map([['00000000', Uint8Array.of(6, 0, 0, 0)]]) });

function entry(
  rows: readonly Row[],
  maps: readonly MapContents[],
  more: Partial<ProgramEnvironment> = {},
  order: ByteOrder = 'little',
): EffectiveEntry & { kind: 'program' } {
  const environment = environmentWith({ maps: new Map(maps.map((map) => [map.id, map])), ...more });
  return { kind: 'program', id: 1, record: null as never, program: programOf(rows, order), environment };
}
const unreadable = (mapIds: readonly number[] | null): EffectiveEntry => ({
  kind: 'unreadable',
  id: 2,
  record: mapIds === null ? null : ({ mapIds } as never),
  reason: 'unreadable',
});

/** Allows where the map 7 holds 5 (it holds 6), and has the map 8, of which it makes nothing. */
const BEHIND = entry(
  [...reference(2, 2, 7), [0x61, 0x20, 0, 0], [0x15, 0, 2, 5], set(0, 0), [0x95, 0, 0, 0], ...ALLOW],
  [plain(7), plain(8)],
);
const unknownBehind = (first: EffectiveEntry): number[] => {
  const [, behind] = seenInOrder([first, BEHIND]);
  if (behind?.kind !== 'program') throw new Error('no program any more');
  return [...behind.environment.maps.values()].filter(({ entries }) => entries === null).map(({ id }) => id);
};
const ALL = [7, 8];

/** Tail call through the map 3. */
const CALLS: Row[] = [...reference(2, 1, 3), set(3, 0), [0x85, 0, 0, 12], ...ALLOW];
const STORES: Row[] = [...reference(2, 1, 4), [0x62, 2, 0, 1], ...ALLOW];
const harmless = { program: programOf(ALLOW), environment: environmentWith({}) };
const read = { programs: new Map([[9, harmless]]) };

describe('behind a program that may run another in its place', () => {
  it.each<[string, EffectiveEntry, number[]]>([
    ['that was not read', entry(CALLS, [leading(3, 'prog_array', [9])]), ALL],
    ['of which one was not read', entry(CALLS, [leading(3, 'prog_array', [9, 10])], read), ALL],
    ['that was read and writes nothing', entry(CALLS, [leading(3, 'prog_array', [9])], read), []],
    ['(big endian) that was read', entry(CALLS, [leading(3, 'prog_array', [9], 'big')], read, 'big'), []],
    ['(big endian) that was not', entry(CALLS, [leading(3, 'prog_array', [9 << 24], 'big')], read, 'big'), ALL],
    ['from an empty table', entry(CALLS, [leading(3, 'prog_array', [])]), []],
    ['from an empty slot', entry(CALLS, [leading(3, 'prog_array', [0])]), []],
    ['from a table that was not read', entry(CALLS, [{ ...leading(3, 'prog_array', []), entries: null }]), ALL],
    [
      'from one of two tables',
      entry(CALLS, [leading(3, 'prog_array', [9]), leading(5, 'prog_array', [10])], read),
      ALL,
    ],
    ['from nobody knows what table', entry(CALLS, []), ALL],
    ['but does not', entry(ALLOW, [leading(3, 'prog_array', [9])]), []],
    ['as an extension does', entry(ALLOW, [], { freplaced: 'yes' }), ALL],
    ['as an extension may', entry(ALLOW, [], { freplaced: 'unknown' }), ALL],
  ])('%s', (_, first, unknown) => {
    expect(unknownBehind(first)).toEqual(unknown);
  });
  it('that may do so itself', () => {
    const between = {
      program: programOf(CALLS),
      environment: environmentWith({ maps: new Map([[3, leading(3, 'prog_array', [9])]]) }),
    };
    expect(unknownBehind(entry(CALLS, [leading(3, 'prog_array', [8])], { programs: new Map([[8, between]]) }))).toEqual(
      ALL,
    );
  });
});

describe('behind a program that may write to maps', () => {
  const outer = leading(4, 'array_of_maps', [6]);
  it.each<[string, EffectiveEntry, number[]]>([
    ['inside another that were not read', entry(STORES, [outer]), ALL],
    ['inside another that were read', entry(STORES, [outer, plain(6)]), []],
    [
      'inside another, one of them those that are read behind it',
      entry(STORES, [leading(4, 'hash_of_maps', [7, 6]), plain(6), plain(7)]),
      [7],
    ],
    ['inside another, of which one was not read', entry(STORES, [leading(4, 'hash_of_maps', [6, 5]), plain(6)]), ALL],
    ['inside another, but only reads them', entry([...reference(2, 1, 4), ...ALLOW], [outer]), []],
    ['inside another that was not read itself', entry(STORES, [{ ...outer, entries: null }]), ALL],
    [
      'inside another with a value of no id',
      entry(STORES, [{ ...outer, entries: new Map([['00000000', Uint8Array.of(6, 0, 0)]]) }, plain(6)]),
      ALL,
    ],
    ['inside another, none so far', entry(STORES, [leading(4, 'array_of_maps', [0])]), []],
    ['that are gone', entry(STORES, []), ALL],
    ['of a kind that could not be read', entry(STORES, [{ ...plain(4), type: 'unspec', entries: null }]), ALL],
    [
      'of such a kind, named by the record alone',
      entry([[0x62, 2, 0, 1], ...ALLOW], [{ ...plain(4), type: 'unspec' }]),
      ALL,
    ],
    ['that no other has', entry(STORES, [plain(4)]), []],
  ])('%s', (_, first, unknown) => {
    expect(unknownBehind(first)).toEqual(unknown);
  });
});

describe('behind a program that cannot be read', () => {
  it.each<[string, readonly number[] | null, number[]]>([
    ['at all', null, ALL],
    ['and has no maps', [], []],
    ['and has one of them', [8], [8]],
    ['and has one of which nothing is known', [99], ALL],
    ['and has two, of one of which nothing is known', [8, 99], ALL],
  ])('%s', (_, ids, unknown) => {
    expect(unknownBehind(unreadable(ids))).toEqual(unknown);
  });
  it.each(['prog_array', 'array_of_maps', 'hash_of_maps', 'unspec'])('and has one (%s) that another knows', (type) => {
    const other = entry(ALLOW, [{ ...plain(3), type }]);
    const [, , behind] = seenInOrder([unreadable([3]), other, BEHIND]);
    expect(behind?.kind === 'program' && behind.environment.maps.get(7)?.entries).toBeNull();
  });
  it('and has one that only the target of a tail call knows', () => {
    const target = { program: programOf(ALLOW), environment: environmentWith({ maps: new Map([[3, plain(3)]]) }) };
    const caller = entry(ALLOW, [plain(7)], { programs: new Map([[9, target]]) });
    const [, behind] = seenInOrder([unreadable([3]), caller]);
    expect(behind?.kind === 'program' && behind.environment.maps.get(7)?.entries).toEqual(plain(7).entries);
  });
});

it('a denial that hangs on such a map is none', () => {
  const verdict = (first: EffectiveEntry): string =>
    decide([first, BEHIND], { type: 'c', access: 2, major: 1, minor: 3 }, '5.10.0').verdict;
  expect(verdict(entry(CALLS, [leading(3, 'prog_array', [9])], read))).toBe('deny');
  expect(verdict(entry(CALLS, [leading(3, 'prog_array', [9])]))).toBe('undecided');
  expect(verdict(unreadable([]))).toBe('deny');
  expect(verdict(unreadable([99]))).toBe('undecided');
});

describe('a list', () => {
  const partition: EffectiveEntry = { kind: 'partition', partition: { allowed: 0, denied: 1, undecided: [] } };
  const writer = entry([...reference(2, 2, 7), [0x62, 2, 0, 1], ...ALLOW], [plain(7)]);

  it('stays as it is where no program behind the first has maps', () => {
    const list = [writer, entry(ALLOW, []), unreadable(null), partition];
    expect(seenInOrder(list)).toBe(list);
  });
  it('may have policies without a program, which write to nothing', () => {
    expect(seenInOrder([partition, BEHIND])).toEqual([partition, BEHIND]);
  });
  it('may have policies that stand for programs which could not be read', () => {
    const standing = (reason: string): EffectiveEntry => ({
      kind: 'partition',
      partition: { allowed: 1, denied: 1, undecided: [{ region: 0, reason }] },
    });
    expect(unknownBehind(standing('unreadable'))).toEqual(ALL);
    expect(unknownBehind(standing('systemd'))).toEqual([]);
  });
  it('has the same entries each time', () => {
    expect(seenInOrder([writer, BEHIND])[1]).not.toBe(BEHIND);
    expect(seenInOrder([writer, BEHIND])[1]).toBe(seenInOrder([writer, BEHIND])[1]);
    expect(seenInOrder([unreadable(null), BEHIND])[1]).not.toBe(seenInOrder([writer, BEHIND])[1]);
  });
  it('may have programs that reach themselves', () => {
    const programs = new Map<number, { program: Program; environment: ProgramEnvironment }>();
    const itself = entry(CALLS, [leading(3, 'prog_array', [9]), plain(7)], { programs });
    programs.set(9, itself);
    const [, second] = seenInOrder([writer, itself]);
    if (second?.kind !== 'program') throw new Error('no program any more');
    expect(second.environment.maps.get(7)?.entries).toBeNull();
    expect(second.environment.programs.get(9)?.environment).toBe(second.environment);
    expect(second.environment.programs.get(9)?.program).toBe(itself.program);
  });
});

it.each<[string, Row[], number[]]>([
  ['a function of the kernel', [set(1, 0), [0x85, 0x20, 0, 5], ...ALLOW], [7]],
  ['an instruction that is not followed', [[0x20, 0, 0, 0], ...ALLOW], [7]],
  ['an atomic operation', [...reference(2, 2, 7), set(3, 1), [0xc3, 0x32, 0, 0], ...ALLOW], [7]],
  ['an atomic operation on the stack', [[0x7a, 10, -8, 0], set(3, 1), [0xdb, 0x3a, -8, 0], ...ALLOW], []],
  ['a store to the stack', [[0x7a, 10, -8, 0], ...ALLOW], []],
  ['a store of an argument', [[0x7a, 11, -8, 0], ...ALLOW], []],
  ['a load', [...reference(2, 2, 7), [0x61, 0x20, 0, 0], ...ALLOW], []],
])('%s: what it writes to', (_, rows, unknown) => {
  expect(unknownBehind(entry(rows, [plain(7)]))).toEqual(unknown);
});
