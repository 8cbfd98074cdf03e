import type { Instruction, JmpOp, Width } from '../types.js';
import { compareScalars } from './compare.js';
import { jump, operand } from './control.js';
import type { Machine } from './machine.js';
import { isScattered } from './per-cpu.js';
import { isKnown, mergeReasons, truncate } from './scalar.js';
import type { StepResult } from './step-result.js';
import { asScalar, type Value } from './value.js';

type Branch = Instruction & { op: 'branch' };

/** A conditional jump; where the condition is not known, both ways. */
export function branch(machine: Machine, instruction: Branch): StepResult {
  const left = machine.register(instruction.dst);
  const right = operand(machine, instruction.src);
  const taken = compareValues(instruction.jmp, instruction.width, left, right);
  if (taken !== null) return follow(machine, instruction, left, right, taken);
  const other = machine.clone();
  follow(machine, instruction, left, right, false);
  follow(other, instruction, left, right, true);
  const [a, b] = [left, right].map((value) => truncate(asScalar(value), instruction.width).reasons);
  return { fork: [machine, other], reasons: mergeReasons(a!, b!) };
}

function follow(machine: Machine, instruction: Branch, left: Value, right: Value, taken: boolean): StepResult {
  const { index, jmp, width } = instruction;
  machine.lastBranch = { index, jmp, width, taken, left: shown(left, width), right: shown(right, width) };
  return taken ? jump(machine, instruction.target) : 'continue';
}

function shown(value: Value, width: Width): bigint | null {
  if (value.kind !== 'scalar') return null;
  const number = truncate(value, width);
  return isKnown(number) ? number.value : null;
}

function compareValues(jmp: JmpOp, width: Width, left: Value, right: Value): boolean | null {
  if (left.kind === 'scalar' && right.kind === 'scalar') return compareScalars(jmp, width, left, right);
  if (width === 32) return null;
  if (isNull(right) && isAddress(left)) return againstNull(jmp);
  if (left.kind === 'pointer' && right.kind === 'pointer') return comparePointers(jmp, left, right);
  return null;
}

function isNull(value: Value): boolean {
  return value.kind === 'scalar' && isKnown(value) && value.value === 0n;
}

/** An address that is certainly one. */
function isAddress(value: Value): boolean {
  return value.kind !== 'scalar' && value.kind !== 'opaque';
}

function againstNull(jmp: JmpOp): boolean | null {
  if (jmp === 'eq' || jmp === 'le') return false;
  if (jmp === 'ne' || jmp === 'gt' || jmp === 'ge') return true;
  return jmp === 'lt' ? false : null;
}

/** Addresses in one memory are in the order of their offsets. */
function comparePointers(
  jmp: JmpOp,
  left: Value & { kind: 'pointer' },
  right: Value & { kind: 'pointer' },
): boolean | null {
  if (left.memory !== right.memory || left.offset === null || right.offset === null) return null;
  if (jmp !== 'eq' && jmp !== 'ne' && isScattered(left.memory)) return null;
  const difference = left.offset - right.offset;
  switch (jmp) {
    case 'eq':
      return difference === 0;
    case 'ne':
      return difference !== 0;
    case 'gt':
      return difference > 0;
    case 'ge':
      return difference >= 0;
    case 'lt':
      return difference < 0;
    case 'le':
      return difference <= 0;
    case 'set':
    case 'sgt':
    case 'sge':
    case 'slt':
    case 'sle':
      return null;
  }
}
