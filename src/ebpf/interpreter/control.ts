import type { Operand, Program } from '../types.js';
import type { Machine } from './machine.js';
import { known } from './scalar.js';
import type { StepResult } from './step-result.js';
import type { Value } from './value.js';

export function operand(machine: Machine, source: Operand): Value {
  return 'reg' in source ? machine.register(source.reg) : known(BigInt(source.imm));
}

export function jump(machine: Machine, slot: number): StepResult {
  const position = positionOf(machine.unit.program, slot);
  if (position === null) return { undecided: ['jump-target'] };
  machine.position = position;
  return 'continue';
}

export function positionOf(program: Program, slot: number): number | null {
  const position = program.positionOfSlot[slot] ?? -1;
  return position < 0 ? null : position;
}
