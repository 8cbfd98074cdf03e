import { DecodeError } from './decode-error.js';
import type { Instruction } from './types.js';

/** Every jump and call leads to an instruction of the program, and control cannot run off its end. */
export function checkFlow(instructions: readonly Instruction[], positionOfSlot: Int32Array): void {
  for (const instruction of instructions) {
    const target = targetOf(instruction);
    if (target !== null) checkTarget(instruction, target, positionOfSlot);
  }
  const last = instructions.at(-1);
  if (last !== undefined && !neverFallsThrough(last)) {
    throw new DecodeError(
      last.index,
      'opcode',
      last.opcode,
      'the last instruction runs off the end of the program (no exit or jump)',
    );
  }
}

/** Where a jump, call or callback leads; null: nowhere, or it is not known. */
function targetOf(instruction: Instruction): number | null {
  const { op } = instruction;
  return op === 'jump' || op === 'branch' || op === 'load-function' || op === 'call' ? instruction.target : null;
}

function checkTarget(from: Instruction, target: number, positionOfSlot: Int32Array): void {
  const what = from.op === 'call' || from.op === 'load-function' ? 'call' : 'jump';
  const position = positionOfSlot[target];
  if (position === undefined) {
    throw new DecodeError(
      from.index,
      'target',
      target,
      `${what} to ${String(target)}, outside the program (0 to ${String(positionOfSlot.length - 1)})`,
    );
  }
  if (position < 0) {
    throw new DecodeError(
      from.index,
      'target',
      target,
      `${what} to ${String(target)}, the second half of a 64-bit immediate load`,
    );
  }
}

/** A call of a kernel function may be the end: bpf_throw does not return, and the kernel removes what follows it. */
function neverFallsThrough(last: Instruction): boolean {
  return last.op === 'exit' || last.op === 'jump' || last.op === 'jump-register' || last.op === 'call-kfunc';
}
