/** Atomic operations of both sizes, against plain numbers. */
import { describe, it } from 'vitest';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  areEqual,
  expectVerdicts,
  isEqual,
  load,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  store,
  wide,
  type Row,
} from './judged.js';

describe('atomic operations', () => {
  const NUMBERS: Record<string, [code: number, of: (memory: bigint, operand: bigint) => bigint]> = {
    add: [0x00, (a, b) => a + b],
    or: [0x40, (a, b) => a | b],
    and: [0x50, (a, b) => a & b],
    xor: [0xa0, (a, b) => a ^ b],
    xchg: [0xe0, (_, b) => b],
  };
  const MEMORY = 0x1234_5678_ffff_fff0n;
  const atomic = (size: 4 | 8, code: number): Row => [size === 8 ? 0xdb : 0xc3, 0x2a, -8, code];
  const begin: Row[] = [LOAD_MAJOR, ...wide(4, MEMORY), store(8, 4, -8)];
  const all = Object.keys(NUMBERS).flatMap((name) => ([4, 8] as const).map((size) => [name, size] as const));

  it.each(all)('%s of %i bytes', (name, size) => {
    const [code, of] = NUMBERS[name]!;
    const low = size === 4 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
    const after = (major: number): bigint => (MEMORY & ~low) | (of(MEMORY & low, BigInt(major)) & low);
    for (const fetch of name === 'xchg' ? [1] : [0, 1]) {
      const rows: Row[] = [...begin, atomic(size, code | fetch)];
      expectVerdicts(
        [...rows, load(8, 5, -8), ...wide(6, after(255)), ...areEqual(5, 6)],
        ({ major }) => after(major) === after(255),
      );
      // The former value, zero-extended; without fetch the register stays.
      const register = fetch === 1 ? MEMORY & low : 255n;
      expectVerdicts([...rows, ...wide(6, register), ...areEqual(2, 6)], ({ major }) => fetch === 1 || major === 255);
    }
  });
  it.each([4, 8] as const)('compare and exchange of %i bytes', (size) => {
    // r0 is compared with as many bytes as are exchanged; it gets what was there.
    const low = size === 4 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
    for (const upper of [0n, MEMORY & ~0xffff_ffffn]) {
      const same = size === 4 || upper !== 0n;
      const rows: Row[] = [...begin, ...wide(0, upper | 0xffff_fff0n), atomic(size, 0xf1)];
      const left = (major: number): bigint => (same ? (MEMORY & ~low) | BigInt(major) : MEMORY);
      expectVerdicts(
        [...rows, load(8, 5, -8), ...wide(6, left(7)), ...areEqual(5, 6)],
        ({ major }) => left(major) === left(7),
      );
      expectVerdicts([...rows, ...wide(6, MEMORY & low), ...areEqual(0, 6)], () => true);
      expectVerdicts([...rows, ...isEqual(2, 7)], ({ major }) => major === 7);
    }
    const varying: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      store(8, 3, -8),
      move(0, 2),
      [size === 8 ? 0xdb : 0xc3, 0x1a, -8, 0xf1],
    ];
    const rows: Row[] = [...varying.slice(0, 4), set(1, 77), varying[4]!];
    expectVerdicts([...rows, load(8, 5, -8), ...isEqual(5, 77)], ({ major, minor }) => major === minor);
    expectVerdicts([...rows, move(5, 0), ...isEqual(5, 8)], ({ minor }) => minor === 8);
  });
  it('exchange pointers whole', () => {
    const rows: Row[] = [set(2, 0), store(8, 2, -8), [0xdb, 0x1a, -8, 0xe1], load(8, 4, -8), [0x61, 0x45, 4, 0]];
    expectVerdicts([...rows, ...isEqual(5, 7)], ({ major }) => major === 7);
    expectVerdicts([...rows, move(5, 1), ...isEqual(5, 0)], () => true);
  });
  it('on pointers, otherwise, are numbers that nobody knows', () => {
    const rows: Row[] = [store(8, 1, -8), set(2, 0), [0xdb, 0x2a, -8, 0x00], load(8, 4, -8)];
    expectVerdicts([...rows, ...isEqual(4, 0)], () => 'kernel-memory', { evaluatorOnly: true });
  });
  it('on a value of a map change it for the requests that come there', () => {
    const map = mapWith({ id: 7, type: 'array', maxEntries: 1, entries: new Map([[hexKey(0), words(5)]]) });
    const rows: Row[] = [
      LOAD_MAJOR,
      set(3, 2),
      ...reference(4, 2, 7),
      [0x55, 2, 1, 7],
      [0xc3, 0x34, 0, 0],
      [0x61, 0x45, 0, 0],
    ];
    expectVerdicts([...rows, ...isEqual(5, 7)], ({ major }) => major === 7, {
      environment: environmentWith({ maps: new Map([[7, map]]) }),
    });
  });
});
