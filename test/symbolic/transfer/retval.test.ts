/** bpf_get_retval and bpf_set_retval: what a program finds of those before it, and leaves to the kernel. */
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../../src/bdd/manager.js';
import { Evaluator } from '../../../src/symbolic/evaluate.js';
import { environmentWith, verdictIn } from '../agreement.js';
import {
  ALLOW,
  areEqual,
  call,
  DENY,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  move,
  programOf,
  set,
  wide,
  type Row,
} from './judged.js';

const shift = (register: number, bits: number): Row => [0x77, register, 0, bits];

describe('the return value of the list', () => {
  const environment = environmentWith({
    kernelRelease: '6.12.0',
    helpers: new Map([
      [1, 'bpf_get_retval'],
      [2, 'bpf_set_retval'],
    ]),
  });
  const setTo = (value: bigint): Row[] => [...wide(1, value), call(2)];

  it('is 0 at first, and the first program of a list finds 0', () => {
    expectVerdicts([call(1), ...isEqual(0, 0)], () => true, { environment });
  });
  it.each([0n, 1n, 1n << 32n, -1n, -22n, 0x7fff_ffffn, -0x8000_0000n, 0xdead_beef_ffff_fffen])(
    'is what it is set to: %i',
    (value) => {
      const given = BigInt.asIntN(32, value);
      // A wrong number ends in a denial without an errno of its own, and 0 in an approval.
      expectVerdicts([...setTo(value), call(1), ...wide(6, given), ...setTo(0n), ...ALLOW], () => true, {
        environment,
      });
      const compared: Row[] = [
        ...setTo(value),
        call(1),
        move(7, 0),
        ...setTo(0n),
        ...wide(6, given),
        ...areEqual(6, 7),
      ];
      expectVerdicts(compared, () => true, { environment });
      expectVerdicts([...setTo(value), ...ALLOW], () => given === 0n, { environment });
      expectVerdicts([...setTo(value), ...DENY], () => false, { environment });
    },
  );
  it('of which nothing is known behind a call that the dump does not name', () => {
    const bit = (number: number): Row[] => [move(7, 6), shift(7, number), [0x57, 7, 0, 1]];
    const rows: Row[] = [
      call(0),
      call(1),
      move(6, 0),
      ...setTo(0n),
      ...bit(30),
      move(8, 7),
      ...bit(31),
      ...areEqual(7, 8),
    ];
    expectVerdicts(rows, () => 'helper:unresolved', { environment });
    const signs: Row[] = [
      call(0),
      call(1),
      move(6, 0),
      ...setTo(0n),
      ...bit(31),
      move(8, 7),
      ...bit(63),
      ...areEqual(7, 8),
    ];
    expectVerdicts(signs, () => true, { environment, evaluatorOnly: true });
  });
  it('setting it succeeds', () => {
    expectVerdicts([...setTo(-5n), move(6, 0), ...setTo(0n), ...isEqual(6, 0)], () => true, { environment });
  });
  it('set on one way only', () => {
    const rows: Row[] = [LOAD_MAJOR, set(1, -13), [0x55, 2, 1, 7], call(2), ...ALLOW];
    expectVerdicts(rows, ({ major }) => major !== 7, { environment });
    const read: Row[] = [LOAD_MAJOR, set(1, -13), [0x55, 2, 1, 7], call(2), call(1), move(6, 0), ...setTo(0n)];
    expectVerdicts([...read, ...isEqual(6, -13)], ({ major }) => major === 7, { environment });
  });
  it('comes from the program before, with its sign', () => {
    const evaluator = new Evaluator(new BddManager());
    const outcome = (...rows: Row[]) => evaluator.evaluate(programOf(rows), environment).outcome;
    const before = outcome(...setTo(-13n), ...ALLOW);
    const verdict = (like: number): string => {
      const reader = outcome(call(1), move(6, 0), ...setTo(0n), ...isEqual(6, like));
      const result = evaluator.verdictOf([before, reader]);
      return verdictIn(evaluator.manager, result, { type: 'c', access: 2, major: 1, minor: 3 });
    };
    expect([verdict(-13), verdict(0), verdict(-12)]).toEqual(['allow', 'deny', 'deny']);
  });
});
