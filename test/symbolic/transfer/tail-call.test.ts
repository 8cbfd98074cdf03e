/** Tail calls: which program goes on, and what follows where none does. */
import { describe, it } from 'vitest';
import type { Program, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  call,
  DENY,
  EXIT,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  move,
  programOf,
  reference,
  set,
  wide,
  type Row,
} from './judged.js';

const toFunction = (distance: number): Row => [0x85, 0x10, distance, 0];

describe('tail calls', () => {
  const target = { program: programOf([LOAD_MAJOR, ...isEqual(2, 7)]), environment: environmentWith({}) };
  const slots = mapWith({
    id: 8,
    type: 'prog_array',
    maxEntries: 8,
    entries: new Map([
      [hexKey(1), words(41)],
      [hexKey(3), words(42)],
      [hexKey(5), words(0)],
    ]),
  });
  const withTargets: ProgramEnvironment = environmentWith({
    maps: new Map([[8, slots]]),
    programs: new Map([[41, target]]),
  });
  const to = (index: readonly Row[]): Row[] => [...reference(2, 1, 8), ...index, call(12)];
  const byMinor: Row[] = [move(3, 6)];
  const begin: Row[] = [[0x61, 0x16, 8, 0]];

  it('go on there, fall through where there is nothing, and are not known where the program was not read', () => {
    expectVerdicts([...begin, ...to(byMinor), ...ALLOW], ({ major, minor }) => (minor === 1 ? major === 7 : true), {
      environment: withTargets,
      evaluatorOnly: false,
    });
    expectVerdicts([...begin, ...to([set(3, 3)]), ...ALLOW], () => 'tail-call:8', { environment: withTargets });
    expectVerdicts([...begin, ...to([set(3, 5)]), ...ALLOW], () => true, { environment: withTargets });
  });
  it('look at 32 bits of the index', () => {
    expectVerdicts([...to(wide(3, (9n << 32n) | 1n)), ...ALLOW], ({ major }) => major === 7, {
      environment: withTargets,
    });
  });
  it('from a function come back to its caller', () => {
    const rows: Row[] = [
      [0x61, 0x16, 8, 0],
      set(7, 5),
      move(2, 6),
      toFunction(9),
      [0x55, 7, 6, 5],
      [0xa7, 0, 0, 1],
      EXIT,
    ];
    const callee: Row[] = [move(3, 2), ...reference(2, 1, 8), call(12), set(0, 0), EXIT];
    const all: Row[] = [...rows, ...DENY, ...DENY, ...DENY.slice(0, 0), [0x05, 0, 0, 0], ...callee];
    // The callee begins behind the filling.
    all[3] = toFunction(all.length - callee.length - 4);
    expectVerdicts(all, ({ major, minor }) => !(minor === 1 && major === 7), { environment: withTargets });
  });
  it('are counted apart on ways that meet after different numbers of them', () => {
    // Program 43 counts in a map how often it runs and calls itself as long as there are calls left; major 7 comes to it through program 41.
    const counter = mapWith({ id: 9, type: 'array', maxEntries: 1, entries: new Map([[hexKey(0), words(0)]]) });
    const loop = mapWith({
      ...slots,
      entries: new Map([
        [hexKey(1), words(41)],
        [hexKey(2), words(43)],
      ]),
    });
    const maps = new Map([
      [8, loop],
      [9, counter],
    ]);
    const counted: Row[] = [...reference(4, 2, 9), [0x61, 0x45, 0, 0], [0x07, 5, 0, 1], [0x63, 0x54, 0, 0], move(6, 5)];
    const again = programOf([...counted, ...to([set(3, 2)]), ...isEqual(6, 33)]);
    const programs = new Map<number, { program: Program; environment: ProgramEnvironment }>();
    const all = environmentWith({ maps, programs });
    programs.set(41, { program: programOf([...to([set(3, 2)]), ...DENY]), environment: all });
    programs.set(43, { program: again, environment: all });
    const callee: Row[] = [[0x61, 0x12, 4, 0], [0x55, 2, 4, 7], ...to([set(3, 1)]), ...to([set(3, 2)]), ...DENY];
    expectVerdicts([toFunction(1), EXIT, ...callee], ({ major }) => major !== 7, { environment: all });
  });
});
