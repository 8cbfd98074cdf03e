import { FALSE, TRUE, type Ref } from '../bdd/manager.js';
import { select, zeroExtend, type BitVector } from './bitvector.js';
import type { Machine } from './machine.js';
import { ALL_WRITTEN, selectSlot, wholeSlot, writeBytes, type MemoryObject, type Slot } from './memory.js';
import { byteSwap } from './shift.js';
import type { MachineState } from './state.js';
import { scalar, scalarWord, type PointerAlternative, type Region, type Value } from './value.js';
import { derive, wordOf, type Word } from './word.js';

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
    return scalar(fromMemoryOrder(machine, machine.context.slice(at * 8, (at + size) * 8)));
  }
  if (region.kind !== 'stack' && region.kind !== 'values') {
    const reason = region.kind === 'opaque' && region.id !== 0 ? `depends:map:${String(region.id)}` : 'kernel-memory';
    return scalar(zeroExtend(machine.fresh(reason, size * 8), 64));
  }
  if (size === 8 && at % 8 === 0) {
    const slot = readSlot(machine, state, region, at / 8, care, [0, 8]);
    return { word: derive([slot.word], () => fromMemoryOrder(machine, slot.word.bits)), pointers: slot.pointers };
  }
  const parts = readParts(machine, state, region, care, at, size);
  return scalarWord(
    derive(
      parts.map(({ word }) => word),
      () =>
        fromMemoryOrder(
          machine,
          parts.flatMap((part) => part.bits()),
        ),
    ),
  );
}

interface Part {
  readonly word: Word;
  readonly bits: () => BitVector;
}

/** The bytes slot by slot, in memory order. A pointer's bytes are a number nobody knows. */
function readParts(machine: Machine, state: MachineState, region: Region, care: Ref, at: number, size: number): Part[] {
  const parts: Part[] = [];
  for (let done = 0; done < size;) {
    const index = Math.floor((at + done) / 8);
    const from = at + done - index * 8;
    const to = Math.min(8, from + size - done);
    const slot = readSlot(machine, state, region, index, care, [from, to]);
    const word = withoutPointers(machine, care, slot.word, slot.pointers);
    parts.push({ word, bits: () => word.bits.slice(from * 8, to * 8) });
    done += to - from;
  }
  return parts;
}

function withoutPointers(machine: Machine, care: Ref, word: Word, pointers: readonly PointerAlternative[]): Word {
  const m = machine.manager;
  let result = word;
  for (const { guard } of pointers) {
    if (m.and(care, guard) === FALSE) continue;
    const [before, unknown] = [result, machine.fresh('kernel-memory')];
    result = derive([before], () => select(m, guard, unknown, before.bits));
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
  let pointing: Ref = FALSE;
  for (const { guard } of slot.pointers) pointing = m.or(pointing, guard);
  let missing: Ref = FALSE;
  for (let k = from; k < to; k++) missing = m.or(missing, slot.written[k]! ^ 1);
  missing = m.difference(m.and(care, missing), pointing);
  if (missing === FALSE) return slot;
  const unknown = unknownBits(machine, region, index, slot.reason);
  const word = derive([slot.word], () =>
    slot.word.bits.map((bit, i) => m.ite(slot.written[i >> 3]!, bit, unknown[i]!)),
  );
  const filled: Slot = { ...slot, word, written: ALL_WRITTEN };
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
  if (region.kind === 'opaque') {
    // A map whose keys the program has changed may still be looked at through pointers from before.
    const changed = state.changedMaps.get(region.id) ?? FALSE;
    state.clobbered = m.or(state.clobbered, m.and(where, changed));
  }
  // Other kernel memory overlaps nothing the evaluation looks at.
  if (region.kind !== 'stack' && region.kind !== 'values') return;
  if (size === 8 && at % 8 === 0) {
    const word = derive([value.word], () => toMemoryOrder(machine, value.word.bits, 8));
    replaceSlot(machine, state, region, at / 8, where, () => wholeSlot(word, value.pointers));
    return;
  }
  const number = withoutPointers(machine, TRUE, value.word, value.pointers);
  for (let done = 0; done < size;) {
    const index = Math.floor((at + done) / 8);
    const from = at + done - index * 8;
    const count = Math.min(8 - from, size - done);
    const first = done * 8;
    const bytes = derive([number], () => toMemoryOrder(machine, number.bits, size).slice(first));
    replaceSlot(machine, state, region, index, where, (before) => writeBytes(m, before, from, count, bytes));
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

function fromMemoryOrder(machine: Machine, bytes: BitVector): BitVector {
  return zeroExtend(machine.littleEndian ? bytes : byteSwap(bytes, bytes.length), 64);
}

function toMemoryOrder(machine: Machine, bits: BitVector, size: number): BitVector {
  const low = bits.slice(0, size * 8);
  return machine.littleEndian ? low : byteSwap(low, low.length);
}
