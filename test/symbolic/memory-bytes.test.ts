/** What is unknown in memory, where, and what of it is the same unknown when it is read again. */
import { describe, expect, it } from 'vitest';
import { BddManager, TRUE } from '../../src/bdd/manager.js';
import type { MapContents } from '../../src/ebpf/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { environmentWith, mapWith } from './agreement.js';
import { hexKey, words } from './program-bytes.js';
import {
  ALLOW,
  areEqual,
  DENY,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  programOf,
  reference,
  wide,
  type Row,
} from './transfer/judged.js';

const load = (size: 1 | 4 | 8, to: number, base: number, off: number): Row => [
  { 1: 0x71, 4: 0x61, 8: 0x79 }[size],
  to | (base << 4),
  off,
  0,
];
const IS_BLOCK: Row[] = [
  [0x61, 0x16, 0, 0],
  [0x57, 6, 0, 0xffff],
  [0x55, 6, 2, 1],
];

describe('bytes of the stack that were not written', () => {
  it('are unknown for those that come to them, whoever that is', () => {
    // Block devices do not read them; then character devices do not; then those of one major, of an odd minor, of one access.
    const read: Row[] = [load(8, 4, 10, -8), ...isEqual(4, 0)];
    expectVerdicts([...IS_BLOCK, ...ALLOW, ...read], ({ type }) => (type === 'b' ? true : 'uninitialised'));
    expectVerdicts([...IS_BLOCK.slice(0, 2), [0x15, 6, 2, 1], ...ALLOW, ...read], ({ type }) =>
      type === 'c' ? true : 'uninitialised',
    );
    expectVerdicts([LOAD_MAJOR, [0x55, 2, 2, 7], ...ALLOW, ...read], ({ major }) =>
      major === 7 ? true : 'uninitialised',
    );
    expectVerdicts([LOAD_MINOR, [0x45, 3, 2, 1], ...ALLOW, ...read], ({ minor }) =>
      minor % 2 === 0 ? true : 'uninitialised',
    );
  });
  it('are unknown where they were not written only', () => {
    // Byte k is written for the requests whose major has bit k.
    const some: Row[] = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((k): Row[] => [
      [0x45, 2, 1, 1 << k],
      [0x05, 0, 1, 0],
      [0x72, 10, k - 8, 9],
    ]);
    for (let k = 0; k < 8; k++)
      expectVerdicts([LOAD_MAJOR, ...some, load(1, 4, 10, k - 8), ...isEqual(4, 9)], ({ major }) =>
        ((major >> k) & 1) === 1 ? true : 'uninitialised',
      );
    expectVerdicts(
      [LOAD_MAJOR, ...some, load(8, 4, 10, -8), ...wide(5, 0x0909_0909_0909_0909n), ...areEqual(4, 5)],
      ({ major }) => ((major & 255) === 255 ? true : 'uninitialised'),
    );
  });
  it('are the same when they are read again, in parts and whole', () => {
    const parts: Row[] = [load(4, 4, 10, -8), load(4, 5, 10, -4), [0x67, 5, 0, 32], [0x4f, 0x54, 0, 0]];
    expectVerdicts([...parts, load(8, 6, 10, -8), ...areEqual(4, 6)], () => true, { evaluatorOnly: true });
    const whole: Row[] = [load(8, 6, 10, -8), [0x57, 6, 0, 255], load(1, 4, 10, -8), ...areEqual(4, 6)];
    expectVerdicts(whole, () => true, { evaluatorOnly: true });
    // Others are others.
    expectVerdicts([load(8, 6, 10, -8), load(8, 4, 10, -16), ...areEqual(4, 6)], () => 'uninitialised');
  });
});

describe('values of a map that was not read', () => {
  const unread: MapContents = mapWith({ id: 7, type: 'array', maxEntries: 4, entries: null });
  const environment = environmentWith({ maps: new Map([[7, unread]]) });
  const value = (off: number): Row[] => [...reference(4, 2, 7), load(4, 5, 4, off)];

  it('are the same in every program of a list, each by its own place', () => {
    const judge = (...programs: (readonly Row[])[]) => {
      const evaluator = new Evaluator(new BddManager());
      const outcomes = programs.map((rows) => evaluator.evaluate(programOf(rows), environment).outcome);
      return evaluator.verdictOf(outcomes);
    };
    const [isFive, isSix] = [isEqual(5, 5), isEqual(5, 6)];
    expect(judge([...value(0), ...isFive], [...value(0), ...isSix]).denied).toBe(TRUE);
    expect(judge([...value(0), ...isFive], [...value(8), ...isSix]).undecided).toEqual([
      { region: TRUE, reason: 'depends:map:7' },
    ]);
    // A byte of the stack is another in each.
    const stack: Row = load(4, 5, 10, -8);
    expect(judge([stack, ...isFive], [stack, ...isSix]).undecided).toEqual([{ region: TRUE, reason: 'uninitialised' }]);
  });
  it('are known where the program wrote them', () => {
    const written: Row[] = [LOAD_MINOR, ...reference(4, 2, 7), [0x6b, 0x34, 0, 0]];
    expectVerdicts([...written, [0x69, 0x45, 0, 0], ...isEqual(5, 255)], ({ minor }) => (minor & 0xffff) === 255, {
      environment,
    });
    expectVerdicts(
      [...written, load(4, 5, 4, 0), ...isEqual(5, 255)],
      ({ minor }) => ((minor & 0xffff) === 255 ? 'depends:map:7' : false),
      { environment },
    );
  });
});

describe('values of maps after a store to an address that is a plain number', () => {
  const map = mapWith({
    id: 7,
    type: 'array',
    maxEntries: 2,
    entries: new Map([
      [hexKey(0), words(30)],
      [hexKey(1), words(31)],
    ]),
  });
  const environment = environmentWith({ maps: new Map([[7, map]]) });
  /** For major 7 something is stored somewhere. */
  const begin: Row[] = [
    LOAD_MAJOR,
    ...wide(5, 0xffff_ffff_8123_4560n),
    [0x55, 2, 1, 7],
    [0x62, 5, 0, 1],
    ...reference(4, 2, 7),
  ];

  it('are unknown for the requests that come there', () => {
    expectVerdicts(
      [...begin, load(4, 5, 4, 8), ...isEqual(5, 31)],
      ({ major }) => (major === 7 ? 'kernel-memory' : true),
      {
        environment,
      },
    );
    // Where the others alone ask, all is known.
    expectVerdicts([...begin, [0x55, 2, 2, 7], ...ALLOW, load(4, 5, 4, 8), ...isEqual(5, 31)], () => true, {
      environment,
    });
  });
  it('the stack is not', () => {
    expectVerdicts([[0x7a, 10, -8, 5], ...begin, load(4, 5, 10, -8), ...isEqual(5, 5)], () => true, { environment });
  });
  it('what is stored there and read again is not known: it may be the same place', () => {
    expectVerdicts(
      [...begin, [0x62, 4, 0, 9], load(4, 5, 4, 0), [0x15, 5, 2, 9], ...DENY, ...ALLOW],
      ({ major }) => (major === 7 ? 'kernel-memory' : true),
      {
        environment,
        evaluatorOnly: true,
      },
    );
  });
});
