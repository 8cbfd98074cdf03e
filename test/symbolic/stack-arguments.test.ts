/** Arguments after the fifth (Linux 7.x): evaluator and interpreter against the arithmetic that the programs do. test/kernels asks the kernel itself. */
import { describe, expect, it } from 'vitest';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { assemble, type Row } from '../kernel/assemble.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { compareBoth, environmentWith, programOf, type Answers } from './agreement.js';

const EXIT: Row = [0x95, 0, 0, 0];
const loadMajor: Row = [0x61, 0x12, 4, 0];
const loadMinor: Row = [0x61, 0x13, 8, 0];
const pass = (register: number, number: number): Row => [0x7b, 0x0b | (register << 4), -8 * number, 0];
const passed = (register: number, number: number): Row => [0x79, 0xb0 | register, 8 * number, 0];
const isEqual = (immediate: number): Row[] => [[0xb7, 0, 0, 0], [0x55, 2, 1, immediate], [0xb7, 0, 0, 1], EXIT];
/** As in dumps: the distance is in the offset. */
const call = (distance: number): Row => [0x85, 0x10, distance, 1];

const char = (major: number, minor: number): DeviceRequest => ({ type: 'c', access: 2, major, minor });
const program = (...rows: Row[]): Program => programOf([assemble(...rows)]);

function answersOf(rows: readonly Row[], environment: ProgramEnvironment = NO_ENVIRONMENT): Answers {
  const answers = compareBoth(program(...rows), environment);
  expect(answers.disagreements).toEqual([]);
  return answers;
}

describe('arguments on the stack', () => {
  it('are the callee’s in the order in which the caller numbers them', () => {
    const difference: Row[] = [passed(2, 1), passed(3, 2), [0x1f, 0x32, 0, 0]];
    const { verdict, counts } = answersOf([
      loadMajor,
      loadMinor,
      pass(2, 1),
      pass(3, 2),
      call(1),
      EXIT,
      ...difference,
      ...isEqual(3),
    ]);
    expect([...counts.keys()].sort()).toEqual(['allow', 'deny']);
    expect([verdict(char(8, 5)), verdict(char(5, 8)), verdict(char(8, 4))]).toEqual(['allow', 'deny', 'deny']);
  });

  it('are another function’s own where it passes some on', () => {
    const { verdict, counts } = answersOf([
      loadMajor,
      loadMinor,
      pass(2, 1),
      pass(3, 2),
      call(1),
      EXIT,
      // middle: allow if what it gives back of the minor, plus the major, is 9
      passed(6, 1),
      passed(2, 2),
      pass(2, 1),
      call(6),
      [0xbf, 0x02, 0, 0],
      [0x0f, 0x62, 0, 0],
      ...isEqual(9),
      passed(0, 1),
      EXIT,
    ]);
    expect([...counts.keys()].filter((verdict) => verdict.startsWith('undecided'))).toEqual([]);
    expect([verdict(char(5, 4)), verdict(char(5, 5))]).toEqual(['allow', 'deny']);
  });

  it('differ with the way to the call', () => {
    const { verdict, counts } = answersOf([
      loadMajor,
      [0x7a, 0x0b, -8, 1],
      [0x55, 2, 1, 7],
      [0x7a, 0x0b, -8, 2],
      call(1),
      EXIT,
      passed(2, 1),
      ...isEqual(2),
    ]);
    expect([...counts.keys()].sort()).toEqual(['allow', 'deny']);
    expect([verdict(char(7, 0)), verdict(char(6, 0))]).toEqual(['allow', 'deny']);
  });

  it('are not known where they were not passed to this call', () => {
    const twice: Row[] = [loadMajor, pass(2, 1), call(3), call(2), EXIT, [0x95, 0, 0, 0], passed(2, 1), ...isEqual(5)];
    expect([...answersOf(twice).counts.keys()]).toEqual(['undecided: uninitialised']);
  });

  it('are not followed into functions of the kernel', () => {
    const environment = environmentWith({ helpers: new Map([[77, 'bpf_some_function']]) });
    const toKernel: Row[] = [loadMajor, pass(2, 1), [0x85, 0x20, 0, 77], ...isEqual(5)];
    expect([...answersOf(toKernel, environment).counts.keys()]).toEqual(['undecided: kfunc:bpf_some_function']);
    expect(answersOf([loadMajor, [0x85, 0x20, 0, 77], ...isEqual(5)], environment).counts.size).toBeGreaterThan(0);
  });

  it.each([
    ['four bytes', [0x61, 0xb2, 8, 0]],
    ['between two', [0x79, 0xb2, 12, 0]],
    ['below r11', [0x79, 0xb2, -8, 0]],
    ['at r11', [0x79, 0xb2, 0, 0]],
  ] as [string, Row][])('that are read oddly are not known: %s', (_, row) => {
    const { counts } = answersOf([loadMajor, pass(2, 1), call(1), EXIT, row, ...isEqual(5)]);
    expect([...counts.keys()]).toEqual(['undecided: unsupported:stack argument']);
  });

  it.each([
    ['four bytes', [0x63, 0x2b, -8, 0]],
    ['above r11', [0x7b, 0x2b, 8, 0]],
    ['at r11', [0x7b, 0x2b, 0, 0]],
  ] as [string, Row][])('that are stored oddly end what is known: %s', (_, row) => {
    const { counts } = answersOf([loadMajor, row, ...isEqual(5)]);
    expect([...counts.keys()]).toEqual(['undecided: unsupported:stack argument']);
  });

  it('leave r11 alone where the kernel uses it for itself', () => {
    // Up to Linux 6.18: r11 is written before it is used, here as a copy of the frame pointer.
    const rows: Row[] = [loadMajor, [0xbf, 0xab, 0, 0], [0x7b, 0x2b, -8, 0], [0x79, 0xa2, -8, 0], ...isEqual(5)];
    const result = interpret(program(...rows), NO_ENVIRONMENT, char(5, 0));
    expect(result).toMatchObject({ outcome: 'return', r0: 1n });
    expect(answersOf(rows).verdict(char(6, 0))).toBe('deny');
  });
});
