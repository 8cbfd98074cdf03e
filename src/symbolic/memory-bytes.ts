import { FALSE, TRUE, type Ref } from '../bdd/manager.js';
import { zeroExtend, type BitVector } from './bitvector.js';
import type { Machine } from './machine.js';
import { ALL_WRITTEN, selectSlot, wholeSlot, writeBytes, type MemoryObject, type Slot } from './memory.js';
import { byteSwap } from './shift.js';
import type { MachineState } from './state.js';
import { scalar, scalarWord, type PointerAlternative, type Region, type Value } from './value.js';
import { bytesOf, derive, mapBits, sameBit, selectWord, wordFromBytes, wordOf, type Byte, type Word } from './word.js';

/** Memory whose contents a state holds. */
const HELD: ReadonlySet<Region['kind']> = new Set(['stack', 'arguments', 'values', 'key']);

/** Reads `size` bytes at a constant address: a number in the program's byte order, zero-extended, or the pointer stored there. */
export function readAt(
  machine: Machine,
  state: MachineState,
  region: Region,
  care: Ref,
  at: number,
  size: number,
): Value {
  if (region.kind === 'context') {
    if (at < 0 || at + size > 12) return scalar(machine.fresh('kernel-memory'));
    return scalar(contextField(machine, at, size));
  }
  if (!HELD.has(region.kind)) {
    return scalar(machine.fresh(reasonOutside(region), size * 8));
  }
  if (size === 8 && at % 8 === 0) {
    const slot = readSlot(machine, state, region, at / 8, care, [0, 8]);
    return { word: wordFromBytes(inNumberOrder(machine, bytesOf(slot.word))), pointers: slot.pointers };
  }
  return scalarWord(wordFromBytes(inNumberOrder(machine, readBytes(machine, state, region, care, at, size))));
}

/** Why memory that is not modelled is unknown. */
function reasonOutside(region: Region): string {
  if (region.kind === 'cpu') return 'depends:cpu';
  return region.kind === 'opaque' && region.id !== 0 ? `depends:map:${String(region.id)}` : 'kernel-memory';
}

function contextField(machine: Machine, at: number, size: number): BitVector {
  const bytes = machine.context.slice(at * 8, (at + size) * 8);
  return zeroExtend(machine.littleEndian ? bytes : byteSwap(bytes, bytes.length), 64);
}

/** The bytes slot by slot, in memory order. A pointer's bytes are a number nobody knows. */
function readBytes(machine: Machine, state: MachineState, region: Region, care: Ref, at: number, size: number): Byte[] {
  const bytes: Byte[] = [];
  for (let done = 0; done < size;) {
    const index = Math.floor((at + done) / 8);
    const from = at + done - index * 8;
    const to = Math.min(8, from + size - done);
    const slot = readSlot(machine, state, region, index, care, [from, to]);
    bytes.push(...bytesOf(withoutPointers(machine, care, slot.word, slot.pointers)).slice(from, to));
    done += to - from;
  }
  return bytes;
}

function withoutPointers(machine: Machine, care: Ref, word: Word, pointers: readonly PointerAlternative[]): Word {
  const m = machine.manager;
  let result = word;
  for (const { guard } of pointers) {
    if (m.and(care, guard) === FALSE) continue;
    result = selectWord(m, guard, wordOf(machine.fresh('kernel-memory')), result);
  }
  return result;
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
    const unknown = wholeSlot(wordOf(machine.fresh('kernel-memory')));
    slot = selectSlot(m, state.clobbered, unknown, slot);
  }
  let missing: Ref = FALSE;
  for (let k = from; k < to; k++) missing = m.or(missing, slot.written[k]! ^ 1);
  if (m.and(care, missing) === FALSE) return slot;
  const unknown = unknownBits(machine, region, index, slot.reason);
  const word = derive([{ word: slot.word, demand: sameBit }], (mask) => {
    const bits = slot.word.need(mask);
    return mapBits(mask, (i) => m.ite(slot.written[i >> 3]!, bits[i]!, unknown[i]!));
  });
  const filled: Slot = { ...slot, word, written: ALL_WRITTEN };
  writeSlot(state, region, index, filled);
  return filled;
}

/** Contents of a map that were not read are the same input wherever they are read from, in every program of the list. */
function unknownBits(machine: Machine, region: Region, index: number, reason: string): BitVector {
  if (region.kind !== 'values') return machine.fresh(reason);
  return machine.inputs.word(`${reason}+${String(index)}`, reason);
}

function writeSlot(state: MachineState, region: Region, index: number, slot: Slot): void {
  const object = new Map<number, Slot>(state.memory.get(region) ?? []);
  object.set(index, slot);
  state.memory = new Map<Region, MemoryObject>(state.memory).set(region, object);
}

/** Stores the low `size` bytes of `value` at a constant address, where `where` holds (TRUE: on the whole path). */
export function writeAt(
  machine: Machine,
  state: MachineState,
  region: Region,
  at: number,
  size: number,
  value: Value,
  where: Ref,
): void {
  const m = machine.manager;
  // Other kernel memory overlaps nothing the evaluation looks at: where an address may be that of a value that it does (`forgetMap`), those are clobbered.
  if (!HELD.has(region.kind)) return;
  if (size === 8 && at % 8 === 0) {
    const word = wordFromBytes(inNumberOrder(machine, bytesOf(value.word)));
    replaceSlot(machine, state, region, at / 8, where, () => wholeSlot(word, value.pointers));
    return;
  }
  const number = withoutPointers(machine, TRUE, value.word, value.pointers);
  const bytes = inNumberOrder(machine, bytesOf(number, size));
  for (let done = 0; done < size;) {
    const index = Math.floor((at + done) / 8);
    const from = at + done - index * 8;
    const count = Math.min(8 - from, size - done);
    const part = bytes.slice(done, done + count);
    replaceSlot(machine, state, region, index, where, (before) => writeBytes(m, before, from, part));
    done += count;
  }
}

function replaceSlot(
  machine: Machine,
  state: MachineState,
  region: Region,
  index: number,
  where: Ref,
  change: (before: Slot) => Slot,
): void {
  const before = state.memory.get(region)?.get(index) ?? machine.initialSlot(region, index);
  writeSlot(state, region, index, selectSlot(machine.manager, where, change(before), before));
}

/** Bytes of a number from the lowest, to or from the order in which they stand in memory. */
function inNumberOrder(machine: Machine, bytes: readonly Byte[]): readonly Byte[] {
  return machine.littleEndian ? bytes : [...bytes].reverse();
}
