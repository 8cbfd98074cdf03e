import type { Instruction } from '../types.js';
import { loadFrom, storeTo, updateAtomically } from './access.js';
import { computeAlu, computeEndian, computeMovsx } from './alu.js';
import { branch } from './branch.js';
import { jump, operand } from './control.js';
import { callHelper } from './helper-calls.js';
import { callKfunc } from './kfuncs.js';
import { callLocal, leaveFunction } from './functions.js';
import type { Machine } from './machine.js';
import { arrayPointer } from './maps.js';
import { computePointerAlu } from './pointer-alu.js';
import { known, unknownScalar, ZERO } from './scalar.js';
import { addressesArguments, loadArgument, storeArgument } from './stack-arguments.js';
import type { StepResult } from './step-result.js';
import { tailCall } from './tail-calls.js';
import { asScalar, type Value } from './value.js';

/** Executes the instruction at the machine's position. */
export function step(machine: Machine): StepResult {
  const instruction = machine.unit.program.instructions[machine.position];
  if (instruction === undefined) return { undecided: ['end-of-program'] };
  machine.position++;
  if (machine.options.recordPath === true) machine.path.push(instruction.index);
  return execute(machine, instruction);
}

/** One case for each kind of instruction; none does more than name its parts. */
function execute(machine: Machine, instruction: Instruction): StepResult {
  switch (instruction.op) {
    case 'alu':
      return set(machine, instruction.dst, alu(machine, instruction));
    case 'movsx': {
      const source = asScalar(machine.register(instruction.src));
      return set(machine, instruction.dst, computeMovsx(instruction.width, instruction.bits, source));
    }
    case 'endian': {
      const { to, bits, dst } = instruction;
      return set(
        machine,
        dst,
        computeEndian(to, bits, machine.unit.program.byteOrder, asScalar(machine.register(dst))),
      );
    }
    case 'load': {
      const { base, off, size, signed, dst } = instruction;
      if (addressesArguments(machine, base)) return set(machine, dst, loadArgument(machine, off, size));
      return set(machine, dst, loadFrom(machine, machine.register(base), off, size, signed));
    }
    case 'store': {
      const { base, off, size, src } = instruction;
      if (addressesArguments(machine, base)) return storeArgument(machine, off, size, operand(machine, src));
      storeTo(machine, machine.register(base), off, size, operand(machine, src));
      return 'continue';
    }
    case 'atomic':
      return atomic(machine, instruction);
    case 'load-imm64':
      return set(machine, instruction.dst, known(instruction.value));
    case 'load-map':
      return set(machine, instruction.dst, { kind: 'map', mapId: instruction.mapId });
    case 'load-map-value':
      return set(machine, instruction.dst, arrayPointer(machine, instruction.mapId, instruction.offset));
    case 'load-function':
      return set(machine, instruction.dst, { kind: 'code', slot: instruction.target });
    case 'address-conversion': {
      const source = machine.register(instruction.src);
      // The pointer of a per-cpu map, which the run has followed to what all CPUs have there.
      if (instruction.what === 'percpu' && source.kind === 'pointer') return set(machine, instruction.dst, source);
      const reason = instruction.what === 'percpu' ? 'depends:cpu' : 'kernel-memory';
      return set(machine, instruction.dst, unknownScalar([reason]));
    }
    case 'jump':
      return jump(machine, instruction.target);
    case 'branch':
      return branch(machine, instruction);
    case 'jump-register': {
      const to = machine.register(instruction.reg);
      return to.kind === 'code' ? jump(machine, to.slot) : { undecided: ['jump-target'] };
    }
    case 'call':
      return callLocal(machine, instruction.target);
    case 'call-helper':
      return callHelper(machine, instruction);
    case 'call-kfunc':
      return callKfunc(machine, instruction.imm);
    case 'tail-call':
      return tailCall(machine);
    case 'exit':
      return leaveFunction(machine, instruction.index);
    case 'nospec':
      return 'continue';
    case 'unsupported':
      return unsupported(machine, instruction);
  }
}

function set(machine: Machine, register: number, value: Value): StepResult {
  machine.setRegister(register, value);
  return 'continue';
}

function alu(machine: Machine, instruction: Instruction & { op: 'alu' }): Value {
  const { alu: op, width, dst, src } = instruction;
  const sameRegister = 'reg' in src && src.reg === dst;
  // The kernel clears registers this way that were never written (division guards, constant blinding).
  if (sameRegister && (op === 'xor' || op === 'sub')) return ZERO;
  const left = machine.register(dst);
  const right = operand(machine, src);
  if (width === 64 && op === 'mov') return right;
  if (width === 64 && (left.kind !== 'scalar' || right.kind !== 'scalar')) {
    const result = computePointerAlu(machine, op, left, right);
    if (result !== null) return result;
  }
  return computeAlu(op, width, asScalar(left), asScalar(right));
}

function atomic(machine: Machine, instruction: Instruction & { op: 'atomic' }): StepResult {
  const { atomic: op, fetch, size, base, off, src } = instruction;
  const former = updateAtomically(machine, op, size, machine.register(base), off, machine.register(src));
  return fetch ? set(machine, op === 'cmpxchg' ? 0 : src, former) : 'continue';
}

function unsupported(machine: Machine, instruction: Instruction & { op: 'unsupported' }): StepResult {
  const value = unknownScalar([`unsupported:${instruction.mnemonic}`]);
  if (instruction.result === null) return 'continue';
  return set(machine, instruction.result, value);
}
