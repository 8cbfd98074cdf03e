/** Tail calls: which program goes on, and what follows where none does. */
import { describe, it } from 'vitest';
import type { MapContents, Program, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  arrayOf,
  call,
  DENY,
  EXIT,
  expectVerdicts,
  isEqual,
  link,
  LOAD_MAJOR,
  move,
  programOf,
  reference,
  set,
  wide,
  type Linked,
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

describe('what a tail call leaves', () => {
  const MAP = 8;
  interface Target {
    program: Program;
    environment: ProgramEnvironment;
  }
  const table = (entries: ReadonlyMap<string, Uint8Array> | null, type = 'prog_array'): MapContents =>
    mapWith({ id: MAP, type, entries });
  const single = table(new Map([[hexKey(1), words(41)]]));
  const leadingTo = (
    target: Partial<Target>,
    map = single,
    more: Partial<ProgramEnvironment> = {},
  ): ProgramEnvironment =>
    environmentWith({
      maps: new Map([[MAP, map]]),
      programs: new Map([[41, { program: programOf(ALLOW), environment: environmentWith({}), ...target }]]),
      ...more,
    });
  const jump = (index: number): Row[] => [...reference(2, 1, MAP), set(3, index), call(12)];

  it.each([
    ['was not read', table(null), 'tail-call:8'],
    ['is of another kind', table(new Map(), 'array'), 'tail-call:8'],
    ['has a slot that was not read whole', table(new Map([[hexKey(2), words(41).slice(0, 3)]])), 'tail-call:8'],
    ['has a slot without a number', table(new Map([['0100', words(41)]])), 'tail-call:8'],
  ])('is not known where the table %s', (_, map, reason) => {
    const given = { environment: leadingTo({}, map), evaluatorOnly: true };
    expectVerdicts([...jump(1), ...DENY], () => reason, given);
  });
  it('is not known where the table is not, or may be one of two', () => {
    const environment = leadingTo({});
    const other = leadingTo({}, single, {
      maps: new Map([
        [MAP, single],
        [9, { ...single, id: 9 }],
      ]),
    });
    expectVerdicts([...reference(2, 1, 7), set(3, 1), call(12), ...DENY], () => 'tail-call:7', { environment });
    const rows: Row[] = [LOAD_MAJOR, [0x15, 2, 3, 7], ...reference(2, 1, MAP), [0x05, 0, 2, 0], ...reference(2, 1, 9)];
    expectVerdicts([...rows, set(3, 1), call(12), ...DENY], () => 'tail-call:unknown', {
      environment: other,
      evaluatorOnly: true,
    });
  });
  it.each(['yes', 'unknown'] as const)(
    'is not known where an extension may have replaced part of the target: %s',
    (freplaced) => {
      const environment = leadingTo({ environment: environmentWith({ freplaced }) });
      expectVerdicts([...jump(1), ...DENY], () => 'tail-call:8', { environment });
      expectVerdicts([...jump(2), ...DENY], () => false, { environment });
    },
  );
  it('is not known where the target was read with another byte order', () => {
    const environment = leadingTo({ program: programOf(ALLOW, 'big') });
    expectVerdicts([...jump(1), ...DENY], () => 'tail-call:8', { environment, evaluatorOnly: true });
  });
  it('reads index and slot in the byte order of the machine', () => {
    const swapped = table(new Map([[Buffer.from(words(1).reverse()).toString('hex'), words(41).reverse()]]));
    const environment = leadingTo({ program: programOf([LOAD_MAJOR, ...isEqual(2, 7)], 'big') }, swapped);
    expectVerdicts([...jump(1), ...DENY], ({ major }) => major === 7, { environment, order: 'big' });
    expectVerdicts([...jump(0), ...DENY], () => false, { environment, order: 'big' });
  });
  it('the target finds the request, and nothing in other registers or on the stack', () => {
    const before: Row[] = [set(6, 1), set(0, 1), [0x7a, 10, -8, 1], ...jump(1), ...DENY];
    const into = (...rows: Row[]): ProgramEnvironment => leadingTo({ program: programOf(rows) });
    expectVerdicts(before, ({ major }) => major === 7, { environment: into(LOAD_MAJOR, ...isEqual(2, 7)) });
    for (const register of [2, 3, 6])
      expectVerdicts(before, () => 'uninitialised', { environment: into(...isEqual(register, 1)) });
    expectVerdicts(before, () => 'uninitialised', { environment: into([0x79, 0xa6, -8, 0], ...isEqual(6, 1)) });
  });
  it('where it falls through r6 to r9 and the stack are as they were, r0 to r5 are gone', () => {
    const environment = leadingTo({});
    const rows = (...after: Row[]): Row[] => [
      ...[0, 1, 4, 5, 6, 7, 8, 9].map((register) => set(register, 30 + register)),
      [0x7a, 10, -8, 77],
      ...jump(2),
      ...after,
    ];
    for (const register of [6, 7, 8, 9])
      expectVerdicts(rows(...isEqual(register, 30 + register)), () => true, { environment });
    for (const register of [1, 2, 3, 4, 5])
      expectVerdicts(rows(...isEqual(register, 30 + register)), () => 'uninitialised', { environment });
    expectVerdicts(rows(...isEqual(0, 30)), () => 'uninitialised', { environment, evaluatorOnly: true });
    expectVerdicts(rows([0x79, 0xa6, -8, 0], ...isEqual(6, 77)), () => true, { environment });
  });
  it('what was written to maps, and the return value, stay', () => {
    const counter = arrayOf(9, [3]);
    const more = {
      maps: new Map([
        [MAP, single],
        [9, counter],
      ]),
      helpers: new Map([[1, 'bpf_set_retval']]),
    };
    const target = {
      program: programOf([...reference(2, 2, 9), [0x61, 0x22, 0, 0], ...isEqual(2, 4)]),
      environment: environmentWith(more),
    };
    const counts: Row[] = [...reference(2, 2, 9), [0x62, 2, 0, 4]];
    expectVerdicts([...counts, ...jump(1), ...DENY], () => true, { environment: leadingTo(target, single, more) });
    const refused: Row[] = [LOAD_MAJOR, [0x55, 2, 2, 7], set(1, -13), call(1), ...counts, ...jump(1), ...DENY];
    expectVerdicts(refused, ({ major }) => major !== 7, { environment: leadingTo(target, single, more) });
  });
  it('from a function: the caller goes on with its own functions of the kernel', () => {
    const target = {
      program: programOf([call(1), set(0, 5), EXIT]),
      environment: environmentWith({ helpers: new Map([[1, 'bpf_ktime_get_ns']]) }),
    };
    const environment = leadingTo(target, single, { helpers: new Map([[1, 'bpf_get_smp_processor_id']]) });
    const main: Linked[] = [{ calls: 1 }, move(6, 0), call(1), [0x77, 0, 0, 32], [0x0f, 0x60, 0, 0], ...isEqual(0, 5)];
    expectVerdicts(link(main, [...jump(1), set(0, 0), EXIT]), () => true, { environment });
    // The same function of the kernel in the target.
    const time = { ...target, program: programOf([call(1), [0x77, 0, 0, 63], EXIT]) };
    const given = leadingTo(time, single, { helpers: new Map([[1, 'bpf_get_smp_processor_id']]) });
    expectVerdicts(link([{ calls: 1 }, ...isEqual(0, 0)], [...jump(1), set(0, 0), EXIT]), () => 'depends:time', {
      environment: given,
    });
  });
  it('33 of them are made', () => {
    const programs = new Map<number, Target>();
    const own = environmentWith({
      maps: new Map([
        [MAP, single],
        [9, arrayOf(9, [0])],
      ]),
      programs,
    });
    const counts = (...after: Row[]): Row[] => [
      ...reference(4, 2, 9),
      [0x61, 0x46, 0, 0],
      [0x07, 6, 0, 1],
      [0x63, 0x64, 0, 0],
      ...jump(1),
      ...after,
    ];
    const rows = counts(...isEqual(6, 34));
    programs.set(41, { program: programOf(rows), environment: own });
    expectVerdicts(rows, () => true, { environment: own });
  });
});
