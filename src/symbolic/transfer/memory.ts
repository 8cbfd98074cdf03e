import { FALSE, type Ref } from '../../bdd/manager.js';
import type { Instruction } from '../../ebpf/types.js';
import { constant, equal } from '../bitvector.js';
import type { Machine } from '../machine.js';
import { load, store } from '../memory-access.js';
import type { MachineState } from '../state.js';
import { pointer, scalar, scalarWord, selectValue, type Value } from '../value.js';
import { ALL_BITS } from '../word.js';
import { aluOn, numberOf, wordIn } from './alu.js';
import { operandValue, readRegister } from './registers.js';
import { addressesArguments, loadArgument, storeArgument } from './stack-arguments.js';

export function transferLoad(machine: Machine, state: MachineState, instruction: Instruction & { op: 'load' }): void {
  const { dst, base, off, size, signed } = instruction;
  if (addressesArguments(state, base)) {
    state.registers[dst] = loadArgument(machine, state, off, size);
    return;
  }
  state.registers[dst] = load(machine, state, readRegister(machine, state, base), off, size, signed);
}

export function transferStore(machine: Machine, state: MachineState, instruction: Instruction & { op: 'store' }): void {
  const value = operandValue(machine, state, instruction.src);
  if (addressesArguments(state, instruction.base)) {
    storeArgument(machine, state, instruction.off, instruction.size, value);
    return;
  }
  store(machine, state, readRegister(machine, state, instruction.base), instruction.off, instruction.size, value);
}

/** RFC 9669 section 5.3. A 32-bit operation leaves zero-extended results in registers. */
export function transferAtomic(
  machine: Machine,
  state: MachineState,
  instruction: Instruction & { op: 'atomic' },
): void {
  const m = machine.manager;
  const { atomic, fetch, size, off, src } = instruction;
  const base = readRegister(machine, state, instruction.base);
  const old = load(machine, state, base, off, size, false);
  const source = readRegister(machine, state, src);
  if (atomic === 'xchg') {
    store(machine, state, base, off, size, source);
    state.registers[src] = old;
    return;
  }
  const [before, operand] = [wordIn(machine, state, old), wordIn(machine, state, source)];
  if (atomic === 'cmpxchg') {
    const expected = numberOf(machine, state, readRegister(machine, state, 0));
    const same = equal(m, before.need(ALL_BITS).slice(0, size * 8), expected);
    store(machine, state, base, off, size, selectValue(m, same, scalarWord(operand), scalarWord(before)));
    state.registers[0] = scalarWord(before);
    return;
  }
  store(machine, state, base, off, size, scalarWord(aluOn(machine, state, atomic, 64, before, operand)));
  if (fetch) state.registers[src] = scalarWord(before);
}

/** Immediate loads of 64 bits: numbers, maps, values of maps, functions. */
export function loadedImmediate(
  machine: Machine,
  instruction: Instruction & { op: 'load-imm64' | 'load-map' | 'load-map-value' | 'load-function' },
): Value {
  switch (instruction.op) {
    case 'load-imm64':
      return scalar(constant(64, instruction.value));
    case 'load-map':
      return pointer(machine.regions.get('map', instruction.mapId), constant(64, 0n));
    case 'load-map-value':
      return pointer(machine.regions.get('values', instruction.mapId), constant(64, BigInt(instruction.offset)));
    case 'load-function':
      return pointer(machine.regions.get('function', instruction.target), constant(64, 0n));
  }
}

/** Where a value is certainly a pointer into one region of a kind, at offset 0; null if it is anything else anywhere on the path. */
export function soleRegion(machine: Machine, path: Ref, value: Value, kind: string): number | null {
  const m = machine.manager;
  const here = value.pointers.filter(({ guard }) => m.and(path, guard) !== FALSE);
  const only = here[0];
  if (here.length !== 1 || only?.region.kind !== kind || !m.isSubset(path, only.guard)) return null;
  return only.region.id;
}
