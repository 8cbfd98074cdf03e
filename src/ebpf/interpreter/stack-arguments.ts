/**
 * Arguments after the fifth, since Linux 7.x (LLVM's pull request 189060 describes the convention): the caller stores number 5 + k at r11 - 8k, the callee
 * loads it from r11 + 8k. Each function has one memory for what it passes on.
 */
import { STACK_ARGUMENTS } from '../opcodes.js';
import type { Size } from '../types.js';
import type { Machine } from './machine.js';
import { unknownScalar } from './scalar.js';
import type { StepResult } from './step-result.js';
import type { Value } from './value.js';

const UNSUPPORTED = ['unsupported:stack argument'];

/** Whether a base register is the one for stack arguments: r11, never written to. */
export function addressesArguments(machine: Machine, base: number): boolean {
  return base === STACK_ARGUMENTS && !machine.isWritten(base);
}

export function loadArgument(machine: Machine, off: number, size: Size): Value {
  const passed = isPlace(off, size) ? machine.passedArguments : undefined;
  return passed?.load(off, 8, false, machine.unit.program.byteOrder) ?? unknownScalar(UNSUPPORTED);
}

export function storeArgument(machine: Machine, off: number, size: Size, value: Value): StepResult {
  if (!isPlace(-off, size)) return { undecided: UNSUPPORTED };
  machine.argumentsToPass().store(-off, 8, value, machine.unit.program.byteOrder);
  return 'continue';
}

function isPlace(distance: number, size: Size): boolean {
  return size === 8 && distance > 0 && distance % 8 === 0;
}
