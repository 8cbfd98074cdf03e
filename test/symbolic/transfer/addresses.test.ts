/** Addresses: kept in memory, and of places that depend on the request. */
import { describe, it } from 'vitest';
import { environmentWith, mapWith } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';
import {
  ALLOW,
  DENY,
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

describe('pointers in memory', () => {
  const kept: Row[] = [store(8, 1, -8)];
  const throughIt: Row[] = [load(8, 4, -8), [0x61, 0x42, 4, 0], ...isEqual(2, 7)];

  it('come back whole', () => {
    for (const order of ['little', 'big'] as const)
      expectVerdicts([...kept, ...throughIt], ({ major }) => major === 7, { order });
  });
  it('are none any more where a part was overwritten, and their other bytes are no number', () => {
    for (const size of [1, 2, 4]) {
      for (const off of [-8, -4]) {
        const rows: Row[] = [...kept, set(5, 0), store(size, 5, off)];
        expectVerdicts([...rows, ...throughIt], () => 'kernel-memory', { evaluatorOnly: true });
        expectVerdicts([...rows, load(size, 4, off), ...isEqual(4, 0)], () => true);
        const other = off === -8 ? -8 + size : -8;
        expectVerdicts([...rows, load(1, 4, other), ...isEqual(4, 0)], () => 'uninitialised', { evaluatorOnly: true });
      }
    }
    const whole: Row[] = [...kept, set(5, 0), store(8, 5, -8), load(8, 4, -8)];
    expectVerdicts([...whole, ...isEqual(4, 0)], () => true);
  });
  it('are numbers for some requests only', () => {
    // fp - 8 holds the context for major 7, else the minor; one byte is overwritten.
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, store(8, 3, -8), [0x55, 2, 1, 7], store(8, 1, -8)];
    expectVerdicts([...rows, load(4, 4, -8), ...isEqual(4, 255)], ({ major, minor }) =>
      major === 7 ? 'kernel-memory' : minor === 255,
    );
    expectVerdicts([...rows, load(1, 4, -7), ...isEqual(4, 1)], ({ major, minor }) =>
      major === 7 ? 'kernel-memory' : ((minor >> 8) & 255) === 1,
    );
    const partly: Row[] = [...rows, set(5, 3), store(1, 5, -8)];
    expectVerdicts(
      [...partly, load(4, 4, -8), ...isEqual(4, 259)],
      ({ major, minor }) => (major === 7 ? 'uninitialised' : (minor | 255) === 511),
      { evaluatorOnly: true },
    );
    expectVerdicts([...partly, load(1, 4, -8), ...isEqual(4, 3)], () => true);
    expectVerdicts(
      [...rows, load(8, 4, -8), [0x15, 4, 2, 0], ...DENY, ...ALLOW],
      ({ major, minor }) => major !== 7 && minor === 0,
    );
  });
  it('that were stored in less than eight bytes are numbers that nobody knows', () => {
    expectVerdicts(
      [set(5, 0), store(8, 5, -8), store(4, 1, -8), load(4, 4, -8), ...isEqual(4, 0)],
      () => 'kernel-memory',
      { evaluatorOnly: true },
    );
    expectVerdicts([set(5, 0), store(8, 5, -8), store(4, 1, -8), load(4, 4, -4), ...isEqual(4, 0)], () => true);
    expectVerdicts([set(5, 0), store(8, 5, -8), store(8, 1, -12), load(4, 4, -4), ...isEqual(4, 0)], () => true, {
      evaluatorOnly: true,
    });
  });
});

describe('addresses that depend on the request', () => {
  const table = mapWith({
    id: 7,
    type: 'array',
    maxEntries: 4,
    entries: new Map([10, 20, 30, 40].map((value, i) => [hexKey(i), words(value)])),
  });
  const environment = environmentWith({ maps: new Map([[7, table]]) });
  const index: Row[] = [LOAD_MAJOR, LOAD_MINOR, [0x57, 3, 0, 3], [0x67, 3, 0, 3]];

  it('are read from', () => {
    const rows: Row[] = [...index, ...reference(4, 2, 7), [0x0f, 0x34, 0, 0], [0x61, 0x45, 0, 0]];
    expectVerdicts([...rows, ...isEqual(5, 30)], ({ minor }) => (minor & 3) === 2, { environment });
    expectVerdicts(
      [...rows.slice(0, -1), [0x61, 0x45, 8, 0], ...isEqual(5, 30)],
      ({ minor }) => ((minor & 3) === 3 ? 'depends:map:7' : (minor & 3) === 1),
      { environment, evaluatorOnly: true },
    );
  });
  it('are written to, at one of the places only', () => {
    const rows: Row[] = [
      ...index,
      ...reference(4, 2, 7),
      move(5, 4),
      [0x0f, 0x34, 0, 0],
      [0x63, 0x24, 8, 0],
      [0x61, 0x56, 16, 0],
    ];
    expectVerdicts([...rows, ...isEqual(6, 7)], ({ major, minor }) => (minor & 3) === 1 && major === 7, {
      environment,
    });
    expectVerdicts([...rows, ...isEqual(6, 30)], ({ minor }) => (minor & 3) !== 1, { environment });
  });
  it('lie below the frame pointer', () => {
    const rows: Row[] = [
      LOAD_MINOR,
      set(4, 9),
      store(8, 4, -16),
      store(8, 4, -8),
      [0x57, 3, 0, 1],
      [0x67, 3, 0, 3],
      move(5, 10),
      [0x1f, 0x35, 0, 0],
      set(6, 5),
      [0x7b, 0x65, -8, 0],
    ];
    expectVerdicts([...rows, load(8, 4, -16), ...isEqual(4, 5)], ({ minor }) => (minor & 1) === 1);
    expectVerdicts([...rows, load(8, 4, -8), ...isEqual(4, 5)], ({ minor }) => (minor & 1) === 0);
    expectVerdicts([...rows, [0x79, 0x54, -8, 0], ...isEqual(4, 5)], () => true);
  });
  it('are addresses for some requests only', () => {
    // r4 = major 7: the map's values, else a number from the program
    const rows: Row[] = [LOAD_MAJOR, ...wide(4, 0x1234_5678_9abcn), [0x55, 2, 2, 7], ...reference(4, 2, 7)];
    expectVerdicts(
      [...rows, [0x61, 0x45, 0, 0], ...isEqual(5, 10)],
      ({ major }) => (major === 7 ? true : 'kernel-memory'),
      { environment },
    );
    const written: Row[] = [...rows, [0x62, 4, 0, 99], ...reference(6, 2, 7), [0x61, 0x65, 0, 0]];
    expectVerdicts([...written, ...isEqual(5, 99)], ({ major }) => (major === 7 ? true : 'kernel-memory'), {
      environment,
    });
    // The stack is not what a plain number leads to.
    const stack: Row[] = [[0x7a, 10, -8, 5], ...rows, [0x62, 4, 0, 99], load(8, 5, -8)];
    expectVerdicts([...stack, ...isEqual(5, 5)], () => true, { environment });
  });
  it('a value behind the end of the map is not known', () => {
    for (const off of [-8, 32])
      expectVerdicts([...reference(4, 2, 7), [0x61, 0x45, off, 0], ...isEqual(5, 1)], () => 'depends:map:7', {
        environment,
        evaluatorOnly: true,
      });
  });
});
