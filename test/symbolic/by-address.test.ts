/** What lies at an address that depends on the request: one leaf for each address that can occur, chosen by the bits of the address. */
import { expect, it } from 'vitest';
import { BddBudgetError, BddManager, FALSE, TRUE } from '../../src/bdd/manager.js';
import { constant, type BitVector } from '../../src/symbolic/bitvector.js';
import { byAddress } from '../../src/symbolic/by-address.js';
import { Inputs } from '../../src/symbolic/inputs.js';
import { Machine } from '../../src/symbolic/machine.js';
import { scalar } from '../../src/symbolic/value.js';
import { ALL_BITS } from '../../src/symbolic/word.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { numberUnder, underAssignment } from './expressions.js';
import { ALLOW, programOf } from './transfer/judged.js';

function machineOf(m: BddManager): Machine {
  return new Machine(m, new Inputs(m), programOf(ALLOW), NO_ENVIRONMENT, 'test');
}

it.each([8, 64])('of %i bits', (width) => {
  const m = new BddManager();
  const machine = machineOf(m);
  const [a, b, c] = [m.variable(0), m.variable(1), m.variable(2)];
  // Bits 0, 3 and 5 as the variables say, bit 1 where two of them do, those from the seventh where one does (a sign), the others as in 0x44.
  const address: BitVector = constant(width, 0x44n).map((bit, i) =>
    i === 0 ? a : i === 3 ? b : i === 5 ? c : i === 1 ? m.and(a, b) : i >= 7 ? c : bit,
  );
  for (const care of [TRUE, a, b ^ 1, m.or(b, c)]) {
    const asked: number[] = [];
    const value = byAddress(machine, care, address, (at) => {
      asked.push(at);
      return scalar(constant(64, BigInt(at) * 3n));
    });
    const wanted = [0, 1, 2, 3, 4, 5, 6, 7].filter((each) => m.evaluate(care, underAssignment(each)));
    const numbers = wanted.map((each) => BigInt.asIntN(64, numberUnder(m, address, each)));
    expect([...new Set(asked)].sort((x, y) => x - y)).toEqual([...new Set(numbers.map(Number))].sort((x, y) => x - y));
    expect(asked).toHaveLength(new Set(asked).size);
    const bits = value.word.need(ALL_BITS);
    expect(wanted.map((each) => numberUnder(m, bits, each))).toEqual(
      numbers.map((number) => BigInt.asUintN(64, number * 3n)),
    );
  }
});

it('one of 2^17 at most', () => {
  const m = new BddManager();
  const machine = machineOf(m);
  const address = Array.from({ length: 64 }, (_, i) => (i < 18 ? m.variable(18 - i) : FALSE));
  const zero = scalar(constant(64, 0n));
  let leaves = 0;
  const looking = (): unknown =>
    byAddress(machine, TRUE, address, () => {
      leaves++;
      return zero;
    });
  expect(looking).toThrow(BddBudgetError);
  expect(leaves).toBe(1 << 17);
});
