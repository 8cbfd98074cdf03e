import { BddBudgetError, FALSE, TRUE, type Ref } from '../bdd/manager.js';
import { add } from './arithmetic.js';
import { constant, constantValue, select, signExtend, zeroExtend, type BitVector } from './bitvector.js';
import type { Machine } from './machine.js';
import { loadPointerTable } from './pointer-table.js';
import { selectSlot, wholeSlot, writeBytes, type MemoryObject, type Slot } from './memory.js';
import { byteSwap } from './shift.js';
import type { MachineState } from './state.js';
import { isScalarWhere, scalar, selectValue, simplifyUnder, type Region, type Value } from './value.js';

/** An address that depends on the request is taken apart into at most so many constant ones. */
const MOST_LOADS = 1 << 17;
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
    const bits = zeroExtend(machine.fresh('kernel-memory', size * 8), 64);
    result = result === null ? scalar(bits) : selectValue(m, unknown, scalar(bits), result);
  }
  return signed ? { ...result, bits: signExtend(result.bits.slice(0, size * 8), 64) } : result;
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
  return byAddress(machine, care, address, (at) => loadConstant(machine, state, region, care, at, size));
}

/** The value at a symbolic address: a decision tree over the address bits that are not constant, with only those addresses that can occur. */
export function byAddress(machine: Machine, care: Ref, address: BitVector, leaf: (at: number) => Value): Value {
  const m = machine.manager;
  let leaves = 0;
  const visit = (bit: number, within: Ref, prefix: bigint): Value => {
    if (bit < 0) {
      if (++leaves > MOST_LOADS) throw new BddBudgetError('steps');
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

function loadConstant(
  machine: Machine,
  state: MachineState,
  region: Region,
  care: Ref,
  at: number,
  size: number,
): Value {
  if (region.kind === 'context') {
    if (at < 0 || at + size > 12) return scalar(machine.fresh('kernel-memory'));
    return scalar(fromMemoryOrder(machine, machine.context.slice(at * 8, (at + size) * 8)));
  }
  if (region.kind !== 'stack' && region.kind !== 'values') {
    const reason = region.kind === 'opaque' && region.id !== 0 ? `depends:map:${String(region.id)}` : 'kernel-memory';
    return scalar(zeroExtend(machine.fresh(reason, size * 8), 64));
  }
  const first = Math.floor(at / 8);
  const inside = at - first * 8;
  if (size === 8 && inside === 0) {
    const slot = readSlot(machine, state, region, first, care, [0, 8]);
    return { bits: fromMemoryOrder(machine, slot.bits), pointers: slot.pointers };
  }
  return scalar(fromMemoryOrder(machine, readBytes(machine, state, region, care, at, size)));
}

/** `count` bytes from a constant address in memory order, byte k at bit 8k. A pointer's bytes are unknown. */
export function readBytes(
  machine: Machine,
  state: MachineState,
  region: Region,
  care: Ref,
  at: number,
  count: number,
): BitVector {
  const m = machine.manager;
  const bits: Ref[] = [];
  for (let done = 0; done < count;) {
    const index = Math.floor((at + done) / 8);
    const from = at + done - index * 8;
    const to = Math.min(8, from + count - done);
    const slot = readSlot(machine, state, region, index, care, [from, to]);
    let bytes: BitVector = slot.bits.slice(from * 8, to * 8);
    for (const { guard } of slot.pointers) {
      if (m.and(care, guard) !== FALSE)
        bytes = select(m, guard, machine.fresh('kernel-memory').slice(0, bytes.length), bytes);
    }
    bits.push(...bytes);
    done += to - from;
  }
  return bits;
}

/** A slot whose bytes `range` are all known or replaced by unknown inputs, which stay the same when they are read again. */
function readSlot(
  machine: Machine,
  state: MachineState,
  region: Region,
  index: number,
  care: Ref,
  [from, to]: readonly [number, number],
): Slot {
  const m = machine.manager;
  let slot = state.memory.get(region)?.get(index) ?? machine.initialSlot(region, index);
  if (region.kind === 'values' && m.and(care, state.clobbered) !== FALSE) {
    const unknown = wholeSlot(machine.fresh('kernel-memory'));
    slot = selectSlot(m, state.clobbered, unknown, slot);
  }
  let pointing: Ref = FALSE;
  for (const { guard } of slot.pointers) pointing = m.or(pointing, guard);
  let missing: Ref = FALSE;
  for (let k = from; k < to; k++) missing = m.or(missing, slot.written[k]! ^ 1);
  missing = m.difference(m.and(care, missing), pointing);
  if (missing === FALSE) return slot;
  const unknown = unknownBits(machine, region, index, slot.reason);
  const bits = slot.bits.map((bit, i) => m.ite(slot.written[i >> 3]!, bit, unknown[i]!));
  const filled: Slot = { ...slot, bits, written: wholeSlot(bits).written };
  writeSlot(state, region, index, filled);
  return filled;
}

/** Contents of a map that were not read are the same input wherever they are read from, in every program of the list. */
function unknownBits(machine: Machine, region: Region, index: number, reason: string): BitVector {
  if (region.kind !== 'values' || !reason.startsWith('depends:map:')) return machine.fresh(reason);
  return machine.inputs.word(`${reason}+${String(index)}`, reason);
}

function writeSlot(state: MachineState, region: Region, index: number, slot: Slot): void {
  const object = new Map<number, Slot>(state.memory.get(region) ?? []);
  object.set(index, slot);
  state.memory = new Map<Region, MemoryObject>(state.memory).set(region, object);
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
    for (const [at, where] of addresses(machine, care, address)) {
      storeConstant(machine, state, region, at, size, value, where === state.path ? TRUE : where);
    }
  }
  state.clobbered = m.or(state.clobbered, m.and(state.path, isScalarWhere(m, to)));
}

function addresses(machine: Machine, care: Ref, address: BitVector): [number, Ref][] {
  const known = constantValue(address);
  if (known !== null) return [[Number(BigInt.asIntN(64, known)), care]];
  const m = machine.manager;
  const found: [number, Ref][] = [];
  const visit = (bit: number, within: Ref, prefix: bigint): void => {
    if (within === FALSE) return;
    if (bit < 0) {
      if (found.length >= MOST_STORES) throw new BddBudgetError('steps');
      found.push([Number(BigInt.asIntN(64, prefix)), within]);
      return;
    }
    visit(bit - 1, m.and(within, address[bit]!), (prefix << 1n) | 1n);
    visit(bit - 1, m.difference(within, address[bit]!), prefix << 1n);
  };
  visit(address.length - 1, care, 0n);
  return found;
}

function storeConstant(
  machine: Machine,
  state: MachineState,
  region: Region,
  at: number,
  size: number,
  value: Value,
  where: Ref,
): void {
  const m = machine.manager;
  if (region.kind === 'opaque') {
    // A map whose keys the program has changed may still be looked at through pointers from before.
    const changed = state.changedMaps.get(region.id) ?? FALSE;
    state.clobbered = m.or(state.clobbered, m.and(where, changed));
  }
  // Other kernel memory overlaps nothing the evaluation looks at.
  if (region.kind !== 'stack' && region.kind !== 'values') return;
  const bytes = toMemoryOrder(machine, value.bits, size);
  const whole = size === 8 && at % 8 === 0;
  for (let done = 0; done < size;) {
    const index = Math.floor((at + done) / 8);
    const from = at + done - index * 8;
    const count = Math.min(8 - from, size - done);
    const before = state.memory.get(region)?.get(index) ?? machine.initialSlot(region, index);
    const part = bytes.slice(done * 8, (done + count) * 8);
    const written = whole
      ? wholeSlot(bytes, value.pointers)
      : writeBytes(m, before, from, withoutPointers(machine, value, part));
    writeSlot(state, region, index, selectSlot(m, where, written, before));
    done += count;
  }
}

/** Part of an address is a number nobody knows. */
function withoutPointers(machine: Machine, value: Value, bytes: BitVector): BitVector {
  let result = bytes;
  for (const { guard } of value.pointers) {
    result = select(machine.manager, guard, machine.fresh('kernel-memory').slice(0, bytes.length), result);
  }
  return result;
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
  for (let k = 0; k < count; k++) bits.push(...load(machine, state, base, k, 1, false).bits.slice(0, 8));
  return bits;
}

function fromMemoryOrder(machine: Machine, bytes: BitVector): BitVector {
  return zeroExtend(machine.littleEndian ? bytes : byteSwap(bytes, bytes.length), 64);
}

function toMemoryOrder(machine: Machine, bits: BitVector, size: number): BitVector {
  const low = bits.slice(0, size * 8);
  return machine.littleEndian ? low : byteSwap(low, low.length);
}
