import { BddBudgetError, FALSE, type Ref } from '../bdd/manager.js';
import type { BitVector } from './bitvector.js';
import type { Machine } from './machine.js';
import { selectValue, type Value } from './value.js';

/** One instruction's address may be one of too many. */
export class AddressesError extends BddBudgetError {
  constructor() {
    super('steps');
  }
}

/** An address that depends on the request is taken apart into at most so many constant ones. */
const MOST_LOADS = 1 << 17;

/** The value at a symbolic address: a decision tree over the address bits that are not constant, with only those addresses that can occur. */
export function byAddress(machine: Machine, care: Ref, address: BitVector, leaf: (at: number) => Value): Value {
  const m = machine.manager;
  let leaves = 0;
  const visit = (bit: number, within: Ref, prefix: bigint): Value => {
    if (bit < 0) {
      if (++leaves > MOST_LOADS) throw new AddressesError();
      return leaf(Number(BigInt.asIntN(64, prefix)));
    }
    const here = address[bit]!;
    const one = m.and(within, here);
    const [ifZero, ifOne] = [prefix << 1n, (prefix << 1n) | 1n];
    if (one === FALSE) return visit(bit - 1, within, ifZero);
    if (one === within) return visit(bit - 1, within, ifOne);
    const high = visit(bit - 1, one, ifOne);
    return selectValue(m, here, high, visit(bit - 1, m.difference(within, here), ifZero));
  };
  return visit(address.length - 1, care, 0n);
}
