import { FALSE, TRUE, type Ref } from '../bdd/manager.js';
import { add } from './arithmetic.js';
import { constant, constantValue, zeroExtend, type BitVector } from './bitvector.js';
import { AddressesError, byAddress } from './by-address.js';
import type { Machine } from './machine.js';
import { loadPointerTable } from './pointer-table.js';
import { readAt, writeAt } from './memory-bytes.js';
import type { MachineState } from './state.js';
import { isScalarWhere, scalar, selectValue, simplifyUnder, type Region, type Value } from './value.js';
import { maskOf, signExtendWord } from './word.js';

/** An address that depends on the request is stored to at most at so many constant ones; among more, all values of maps are unknown afterwards. */
const MOST_STORES = 1 << 12;

/** Reads `size` bytes at base + off as a number (zero- or sign-extended) or as the pointer that was stored there. */
export function load(
  machine: Machine,
  state: MachineState,
  base: Value,
  off: number,
  size: number,
  signed: boolean,
): Value {
  const m = machine.manager;
  const from = simplifyUnder(m, state.path, base);
  let result: Value | null = null;
  for (const { guard, region, offset } of from.pointers) {
    const address = add(m, offset, constant(64, BigInt(off)));
    const loaded = loadAt(machine, state, region, m.and(state.path, guard), address, size);
    result = result === null ? loaded : selectValue(m, guard, loaded, result);
  }
  const unknown = m.and(state.path, isScalarWhere(m, from));
  if (result === null || unknown !== FALSE) {
    // The base is a plain number: an address in kernel memory, of which nothing is known.
    const bits = machine.fresh('kernel-memory', size * 8);
    result = result === null ? scalar(bits) : selectValue(m, unknown, scalar(bits), result);
  }
  if (!signed) return result;
  return { word: signExtendWord(result.word, size * 8, 64), pointers: result.pointers };
}

function loadAt(
  machine: Machine,
  state: MachineState,
  region: Region,
  care: Ref,
  address: BitVector,
  size: number,
): Value {
  if (size === 8) {
    const special = loadPointerTable(machine, region, care, address);
    if (special !== null) return special;
  }
  return byAddress(machine, care, address, (at) => readAt(machine, state, region, care, at, size));
}

/** Stores the low `size` bytes of `value` at base + off. */
export function store(
  machine: Machine,
  state: MachineState,
  base: Value,
  off: number,
  size: number,
  value: Value,
): void {
  const m = machine.manager;
  const to = simplifyUnder(m, state.path, base);
  for (const { guard, region, offset } of to.pointers) {
    const care = m.and(state.path, guard);
    const address = add(m, offset, constant(64, BigInt(off)));
    const places = addresses(machine, care, address);
    if (places === null) {
      // The verifier keeps the store inside the map it began in; frames have no room for so many places.
      if (region.kind !== 'values') throw new AddressesError();
      state.clobbered = m.or(state.clobbered, care);
    }
    for (const [at, where] of places ?? []) {
      writeAt(machine, state, region, at, size, value, where === state.path ? TRUE : where);
    }
  }
  state.clobbered = m.or(state.clobbered, m.and(state.path, isScalarWhere(m, to)));
}

/** The constant addresses that `address` may be, and where; null if they are too many. */
function addresses(machine: Machine, care: Ref, address: BitVector): [number, Ref][] | null {
  const known = constantValue(address);
  if (known !== null) return [[Number(BigInt.asIntN(64, known)), care]];
  const m = machine.manager;
  const found: [number, Ref][] = [];
  const visit = (bit: number, within: Ref, prefix: bigint): void => {
    if (within === FALSE || found.length > MOST_STORES) return;
    if (bit < 0) {
      found.push([Number(BigInt.asIntN(64, prefix)), within]);
      return;
    }
    visit(bit - 1, m.and(within, address[bit]!), (prefix << 1n) | 1n);
    visit(bit - 1, m.difference(within, address[bit]!), prefix << 1n);
  };
  visit(address.length - 1, care, 0n);
  return found.length > MOST_STORES ? null : found;
}

/** Writes bytes given in memory order, as helpers do with buffers. */
export function storeBytes(machine: Machine, state: MachineState, base: Value, bytes: BitVector): void {
  for (let k = 0; k < bytes.length / 8; k++) {
    store(machine, state, base, k, 1, scalar(zeroExtend(bytes.slice(k * 8, k * 8 + 8), 64)));
  }
}

/** Reads a buffer that a helper is given: `count` bytes in memory order. */
export function loadBytes(machine: Machine, state: MachineState, base: Value, count: number): BitVector {
  const bits: Ref[] = [];
  for (let k = 0; k < count; k++)
    bits.push(...load(machine, state, base, k, 1, false).word.need(maskOf(0, 8)).slice(0, 8));
  return bits;
}
