import type { Operand } from '../../ebpf/types.js';
import { constant } from '../bitvector.js';
import type { Machine } from '../machine.js';
import { FRAME_POINTER, type MachineState } from '../state.js';
import { pointer, scalar, type Value } from '../value.js';

/** A register's value; one that was never written is unknown, and the same unknown when it is read again. */
export function readRegister(machine: Machine, state: MachineState, register: number): Value {
  if (register === FRAME_POINTER) return pointer(machine.regions.get('stack', state.frames.length), constant(64, 0n));
  const value = state.registers[register];
  if (value !== undefined) return value;
  const unknown = scalar(machine.fresh('uninitialised'));
  state.registers[register] = unknown;
  return unknown;
}

/** Immediates are sign-extended to 64 bits (RFC 9669 section 4.1). */
export function operandValue(machine: Machine, state: MachineState, operand: Operand): Value {
  return 'reg' in operand ? readRegister(machine, state, operand.reg) : scalar(constant(64, BigInt(operand.imm)));
}
