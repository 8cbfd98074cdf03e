/** How many tail calls are made, and where that is not sure. */
import { describe, it } from 'vitest';
import type { Program, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  arrayOf,
  call,
  DENY,
  EXIT,
  expectVerdicts,
  link,
  LOAD_MAJOR,
  programOf,
  reference,
  set,
  type Row,
} from './judged.js';

describe('the limit of 33, which not all kernels count in the same way', () => {
  const MAP = 8;
  const slots = mapWith({
    id: MAP,
    type: 'prog_array',
    entries: new Map([
      [hexKey(1), words(41)],
      [hexKey(2), words(42)],
    ]),
  });
  const jump = (index: number): Row[] => [...reference(2, 1, MAP), set(3, index), call(12)];
  const times = (count: number, rows: readonly Row[]): Row[] => Array.from({ length: count }, () => rows).flat();
  /** Program 41 allows; program 42 counts down in map 9 and calls itself, then allows. */
  const programs = new Map<number, { program: Program; environment: ProgramEnvironment }>();
  const countingFrom = (count: number): ProgramEnvironment =>
    environmentWith({
      maps: new Map([
        [MAP, slots],
        [9, arrayOf(9, [count])],
      ]),
      programs,
    });
  const countDown: Row[] = [
    ...reference(4, 2, 9),
    [0x61, 0x45, 0, 0],
    [0x07, 5, 0, -1],
    [0x63, 0x54, 0, 0],
    [0x15, 5, 4, 0],
    ...jump(2),
    ...ALLOW,
  ];
  const setTo = (count: number): Row[] => [...reference(4, 2, 9), [0x62, 4, 0, count]];

  it('those to empty slots are counted by older ones', () => {
    const environment = countingFrom(0);
    programs.set(41, { program: programOf(ALLOW), environment });
    expectVerdicts([...times(32, jump(5)), ...jump(1), ...DENY], () => true, { environment });
    expectVerdicts([...times(33, jump(5)), ...jump(1), ...DENY], () => 'tail-call:8', { environment });
    expectVerdicts([...times(33, jump(5)), ...jump(6), ...DENY], () => false, { environment });
    // On one way only: the more counts.
    const some: Row[] = [LOAD_MAJOR, [0x55, 2, 33 * 4, 7], ...times(33, jump(5)), ...jump(1), ...DENY];
    expectVerdicts(some, () => 'tail-call:8', { environment, evaluatorOnly: true });
  });
  it('those that a function made are forgotten by older ones when it returns', () => {
    for (const [first, second, expected] of [
      [1, 32, true],
      [31, 2, true],
      [3, 31, 'tail-call:8'],
      [33, 1, 'tail-call:8'],
      [2, 34, 'tail-call:8'],
    ] as const) {
      const environment = countingFrom(0);
      programs.set(42, { program: programOf(countDown), environment });
      const main = link([...setTo(first), { calls: 1 }, ...setTo(second), { calls: 1 }, EXIT], [...jump(2), ...DENY]);
      expectVerdicts(main, () => expected, { environment });
    }
  });
  it('functions that make none change nothing', () => {
    const environment = countingFrom(0);
    const again = link([{ calls: 1 }, ...countDown.slice(0, -2), ...DENY], [set(0, 0), EXIT]);
    programs.set(42, { program: programOf(again), environment });
    expectVerdicts([...setTo(100), ...jump(2), ...ALLOW], () => false, { environment });
  });
  it('none is made after 33 in one row, whatever comes then', () => {
    const environment = countingFrom(0);
    const again = programOf([...countDown.slice(0, -2), ...jump(1), ...jump(2), ...DENY]);
    programs.set(42, { program: again, environment });
    programs.set(41, { program: programOf(ALLOW), environment });
    expectVerdicts([...setTo(100), ...jump(2), ...DENY], () => false, { environment });
    expectVerdicts([...setTo(33), ...jump(2), ...DENY], () => false, { environment });
  });
});
