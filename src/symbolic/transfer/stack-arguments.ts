/**
 * Arguments after the fifth, since Linux 7.x (LLVM's pull request 189060 describes the convention): the caller stores number 5 + k at r11 - 8k, the callee
 * loads it from r11 + 8k. The verifier wants all loads before the first store and call ("r11 load must be before any r11 store or call insn", Linux 7.2).
 * Elsewhere r11 is the kernel's scratch register, which no program addresses memory by.
 */
import { TRUE } from '../../bdd/manager.js';
import { STACK_ARGUMENTS } from '../../ebpf/opcodes.js';
import type { Machine } from '../machine.js';
import { readAt, writeAt } from '../memory-bytes.js';
import type { MachineState } from '../state.js';
import { scalar, type Region, type Value } from '../value.js';

const UNSUPPORTED = 'unsupported:stack argument';

/** Whether a base register is the one for stack arguments: r11, never written to. */
export function addressesArguments(state: MachineState, base: number): boolean {
  return base === STACK_ARGUMENTS && state.registers[base] === undefined;
}

export function loadArgument(machine: Machine, state: MachineState, off: number, size: number): Value {
  if (!isPlace(off, size)) return scalar(machine.fresh(UNSUPPORTED));
  const region = machine.regions.get('arguments', state.frames.length);
  return readAt(machine, state, region, state.path, off - 8, 8);
}

export function storeArgument(machine: Machine, state: MachineState, off: number, size: number, value: Value): void {
  if (isPlace(-off, size)) writeAt(machine, state, outgoing(machine, state), -off - 8, 8, value, TRUE);
  else machine.giveUp(state, TRUE, UNSUPPORTED);
}

export function hasOutgoing(machine: Machine, state: MachineState): boolean {
  return state.memory.has(outgoing(machine, state));
}

/** What the running function passes on, to a function one call deeper. */
export function outgoing(machine: Machine, state: MachineState): Region {
  return machine.regions.get('arguments', state.frames.length + 1);
}

function isPlace(distance: number, size: number): boolean {
  return size === 8 && distance > 0 && distance % 8 === 0;
}
