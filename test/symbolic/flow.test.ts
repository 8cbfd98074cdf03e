/** Which registers may still be read, where ways meet, and in what order positions are worked on. */
import { describe, expect, it } from 'vitest';
import { analyseFlow, positionOf } from '../../src/symbolic/flow.js';
import { EXIT, LOAD_MAJOR, programOf, reference, set, wide, type Row } from './transfer/judged.js';

const registersIn = (mask: number): number[] =>
  Array.from({ length: 13 }, (_, r) => r).filter((r) => ((mask >> r) & 1) === 1);
const liveIn = (rows: readonly Row[]): number[][] => [...analyseFlow(programOf(rows)).live].map(registersIn);
const positionsInOrder = (rows: readonly Row[]): number[] => {
  const { rank } = analyseFlow(programOf(rows));
  return [...rank.keys()].sort((a, b) => rank[a]! - rank[b]!);
};
const joinsIn = (rows: readonly Row[]): number[] =>
  analyseFlow(programOf(rows)).isJoin.flatMap((isJoin, position) => (isJoin ? [position] : []));

describe('registers that may be read', () => {
  const ARGUMENTS = [1, 2, 3, 4, 5];
  const ALL = Array.from({ length: 13 }, (_, r) => r);
  const cases: [string, Row[], number[]][] = [
    ['exit', [], [0]],
    ['mov r0, 1', [set(0, 1)], []],
    ['mov r0, r3', [[0xbf, 0x30, 0, 0]], [3]],
    ['mov r3, r0', [[0xbf, 0x03, 0, 0]], [0]],
    ['add r0, 1', [[0x07, 0, 0, 1]], [0]],
    ['add r0, r3', [[0x0f, 0x30, 0, 0]], [0, 3]],
    ['add r3, r9', [[0x0f, 0x93, 0, 0]], [0, 3, 9]],
    ['neg r4', [[0x87, 4, 0, 0]], [0, 4]],
    ['movsx r0, r3', [[0xbf, 0x30, 8, 0]], [3]],
    ['address of this CPU', [[0xbf, 0x30, -1, 0]], [3]],
    ['be16 r3', [[0xdc, 3, 0, 16]], [0, 3]],
    ['be16 r0', [[0xdc, 0, 0, 16]], [0]],
    ['jeq r2, 0', [[0x15, 2, 0, 0]], [0, 2]],
    ['jeq r2, r3', [[0x1d, 0x32, 0, 0]], [0, 2, 3]],
    ['load r0, [r1]', [[0x61, 0x10, 4, 0]], [1]],
    ['load r3, [r1]', [[0x61, 0x13, 4, 0]], [0, 1]],
    ['store [r1], r3', [[0x7b, 0x31, 0, 0]], [0, 1, 3]],
    ['store [r2], 1', [[0x7a, 2, 0, 1]], [0, 2]],
    ['atomic add [r2], r3', [[0xdb, 0x32, 0, 0]], [0, 2, 3]],
    ['compare and exchange [r2], r3, then r0', [[0xdb, 0x32, 0, 0xf1], set(0, 1)], [0, 2, 3]],
    ['r0 = 64-bit number', wide(0, 1n), []],
    ['r0 = map', reference(0, 1, 7), []],
    ['r0 = value of a map', reference(0, 2, 7), []],
    ['r0 = function', [...reference(0, 4, 1), EXIT], []],
    ['call of a helper', [[0x85, 0, 0, 5]], [0, ...ARGUMENTS, 11, 12]],
    ['call of a kernel function', [[0x85, 0x20, 0, 5]], [0, ...ARGUMENTS, 11, 12]],
    ['call of a function', [[0x85, 0x10, 1, 0], EXIT], [0, ...ARGUMENTS, 11, 12]],
    ['tail call', [[0x85, 0, 0, 12]], [0, ...ARGUMENTS, 11, 12]],
    ['call, then mov r0, 1', [[0x85, 0, 0, 5], set(0, 1)], [...ARGUMENTS, 11, 12]],
    ['jump and barrier, then mov r0, 1', [[0x05, 0, 0, 0], [0xc2, 0, 0, 0], set(0, 1)], []],
    ['jump by register', [[0x0d, 3, 0, 0]], ALL],
    ['jump', [[0x05, 0, 0, 0]], [0]],
    ['load from a packet', [[0x20, 0, 0, 0]], ALL],
    ['barrier', [[0xc2, 0, 0, 0]], [0]],
  ];
  it.each(cases)('%s', (_, rows, expected) => {
    expect(liveIn([...rows, EXIT])[0]).toEqual(expected);
  });
  it('at the position before, only where they are not written first', () => {
    expect(liveIn([LOAD_MAJOR, [0xbf, 0x20, 0, 0], set(2, 7), [0x0f, 0x20, 0, 0], EXIT])).toEqual([
      [1],
      [2],
      [0],
      [0, 2],
      [0],
    ]);
  });
  it('on either way', () => {
    // r3 is read where r2 is 1, r4 where it is not.
    expect(liveIn([[0x15, 2, 2, 1], [0xbf, 0x40, 0, 0], EXIT, [0xbf, 0x30, 0, 0], EXIT])[0]).toEqual([2, 3, 4]);
  });
  it('in a later round of a loop, and of a loop in it', () => {
    expect(liveIn([[0x15, 2, 2, 0], set(3, 1), [0x05, 0, -3, 0], EXIT])).toEqual([[0, 2], [0, 2], [0, 2], [0]]);
    const nested: Row[] = [
      [0x15, 2, 4, 0],
      [0x15, 3, 1, 0],
      [0x05, 0, -2, 0],
      [0xbf, 0x54, 0, 0],
      [0x05, 0, -5, 0],
      EXIT,
    ];
    expect(liveIn(nested)).toEqual([[0, 2, 3, 5], [0, 2, 3, 5], [0, 2, 3, 5], [0, 2, 3, 5], [0, 2, 3, 5], [0]]);
  });
});

describe('ways', () => {
  it('meet where more than one instruction leads', () => {
    const rows: Row[] = [[0x15, 2, 2, 0], set(0, 0), [0x05, 0, 1, 0], set(0, 1), EXIT];
    expect(joinsIn(rows)).toEqual([4]);
    expect(analyseFlow(programOf(rows)).successors).toEqual([[1, 3], [2], [4], [4], []]);
  });
  it('of a branch to the next instruction are one', () => {
    const rows: Row[] = [[0x15, 2, 0, 0], EXIT];
    expect(joinsIn(rows)).toEqual([]);
    expect(analyseFlow(programOf(rows)).successors).toEqual([[1], []]);
  });
  it('back to the first instruction meet there only if it has a way to it from before', () => {
    expect(analyseFlow(programOf([set(0, 0), [0x15, 2, -2, 0], EXIT])).successors).toEqual([[1], [2, 0], []]);
    expect(analyseFlow(programOf([set(0, 0), [0x05, 0, -2, 0]])).successors).toEqual([[1], [0]]);
    expect(joinsIn([set(0, 0), [0x15, 2, -2, 0], [0x15, 3, -3, 0], EXIT])).toEqual([0]);
  });
  it('go on after calls; end with an exit, a jump by register, the last instruction', () => {
    const rows: Row[] = [[0x85, 0x10, 3, 0], [0x85, 0, 0, 12], [0x0d, 3, 0, 0], EXIT, [0x85, 0x20, 0, 5]];
    expect(analyseFlow(programOf(rows)).successors).toEqual([[1], [2], [], [], []]);
  });
  it('over a 64-bit immediate count it as one position', () => {
    const program = programOf([[0x15, 2, 2, 0], ...wide(0, 1n), EXIT]);
    expect(analyseFlow(program).successors).toEqual([[1, 2], [2], []]);
    expect([0, 1, 2, 3, 4, -1].map((slot) => positionOf(program, slot))).toEqual([0, 1, -1, 2, -1, -1]);
  });
});

describe('the order of evaluation', () => {
  it('is that of the program where nothing leads back', () => {
    const rows: Row[] = [[0x15, 2, 3, 0], [0x15, 3, 2, 0], set(0, 0), [0x05, 0, 1, 0], set(0, 1), EXIT];
    expect(positionsInOrder(rows)).toEqual([0, 1, 2, 3, 4, 5]);
  });
  it('finishes a loop before what follows it, though that stands before it', () => {
    const rows: Row[] = [[0x05, 0, 2, 0], set(0, 1), EXIT, [0x15, 2, -3, 0], [0x05, 0, -2, 0]];
    expect(positionsInOrder(rows)).toEqual([0, 3, 4, 1, 2]);
  });
});
