import { disassembleInstruction } from '../ebpf/disassemble.js';
import type { BranchRecord, Trace } from '../ebpf/interpreter/interpret.js';
import type { Instruction, JmpOp, Operand, Program } from '../ebpf/types.js';
import type { DeviceRequest } from '../policy/types.js';
import type { Turning } from './turning.js';

/** A field of the request, as a program looks at it. `access&mask`: the access reduced to some letters. */
export type RequestField =
  | { name: 'type' | 'access' | 'major' | 'minor' | 'access_type' }
  /** Access letters that are also in `mask`. */
  | { name: 'access&mask'; mask: number };

/** Where a program decided: its exit, and the last conditional jump before it, in terms of the request where that can be told. */
export interface DecidingInstruction {
  /** Slot of the exit, numbered as bpftool does. */
  exit: number;
  /** Program that ended the run, where a tail call led to another one; `exit` is in that one, and its jumps are not told. */
  tailProgram: number | null;
  branch: DecidingBranch | null;
  /** What of the request turned the way, where `branch` names no field or is not all; null: not worked out. */
  turning: Turning | null;
}

/** The last conditional jump before the exit. `slot` is numbered as bpftool does; `taken`: whether it jumped. */
export interface DecidingBranch {
  slot: number;
  /** `if r4 != 0x88`: the disassembly without opcode and target. */
  text: string;
  taken: boolean;
  jmp: JmpOp;
  /** What the left operand was, and its value; null where it is nothing of the request. */
  field: RequestField | null;
  /** Same for the right operand, if it is a register. */
  otherField: RequestField | null;
  left: number | null;
  right: number | null;
}

/** Whether only the evaluator can say what of the request decided: no field is named, or the result was computed behind the last jump. */
export function needsTurning(program: Program, trace: Trace, { branch, tailProgram }: DecidingInstruction): boolean {
  if (tailProgram !== null) return false;
  if (branch?.left == null || branch.right === null) return true;
  const { field, otherField } = branch;
  if (field === null || field.name === 'access_type') return true;
  if (otherField !== null && field.name !== 'access&mask') return true;
  const behind = trace.path.slice(trace.path.lastIndexOf(branch.slot) + 1).map((slot) => at(program, slot));
  const last = behind.findLast((each) => each !== undefined && writesResult(each));
  const isConstant = last?.op === 'alu' && last.alu === 'mov' && 'imm' in last.src;
  return last === undefined ? !setByConstant(program, trace, branch.slot) : !isConstant;
}

function setByConstant(program: Program, trace: Trace, slot: number): boolean {
  const before = trace.path.slice(0, trace.path.lastIndexOf(slot)).map((each) => at(program, each));
  const last = before.findLast((each) => each !== undefined && writesResult(each));
  return last?.op === 'alu' && last.alu === 'mov' && 'imm' in last.src;
}

function writesResult(instruction: Instruction): boolean {
  if (instruction.op === 'call' || instruction.op === 'call-helper' || instruction.op === 'call-kfunc') return true;
  return 'dst' in instruction && instruction.dst === 0 && instruction.op !== 'branch';
}

/**
 * Puts a trace into the words of the request. Only the explanation depends on this: registers are followed along the executed path through the loads
 * and moves that every known writer uses, and whatever is computed otherwise is simply not named.
 * @param trace of `interpret(..., { recordPath: true })`
 */
export function decidingInstruction(program: Program, trace: Trace, request: DeviceRequest): DecidingInstruction {
  const { lastBranch } = trace;
  const without = { exit: trace.exit, tailProgram: trace.programId, branch: null, turning: null };
  if (lastBranch === null || trace.programId !== null) return without;
  const instruction = at(program, lastBranch.index);
  if (instruction?.op !== 'branch') return without;
  const fields = fieldsBefore(program, trace.path, lastBranch.index);
  const named = (register: number, value: number | null): RequestField | null => {
    const field = fields.get(register) ?? null;
    // The registers were followed by the look of the instructions: a name stands only if the value is that of the field.
    return field !== null && value === valueOf(field, request) ? field : null;
  };
  const [left, right] = [smallNumber(lastBranch.left), smallNumber(lastBranch.right)];
  return {
    ...without,
    branch: {
      slot: lastBranch.index,
      text: disassembleInstruction(instruction, program)
        .replace(/^\([0-9a-f]+\) /, '')
        .replace(/ goto .*$/, ''),
      taken: lastBranch.taken,
      jmp: lastBranch.jmp,
      field: named(instruction.dst, left),
      otherField: 'reg' in instruction.src ? named(instruction.src.reg, right) : null,
      left,
      right,
    },
  };
}

function valueOf(field: RequestField, { type, access, major, minor }: DeviceRequest): number {
  const typeNumber = type === 'c' ? CHARACTER : BLOCK;
  switch (field.name) {
    case 'type':
      return typeNumber;
    case 'access_type':
      return access * 2 ** ACCESS_SHIFT + typeNumber;
    case 'access&mask':
      return access & field.mask;
    default:
      return { access, major, minor }[field.name];
  }
}

function smallNumber(value: BranchRecord['left']): number | null {
  return value === null || value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value);
}

function at(program: Program, slot: number): Instruction | undefined {
  return program.instructions[program.positionOfSlot[slot] ?? -1];
}

type Fields = Map<number, RequestField>;

/** Which registers hold which field just before a slot is executed for the last time. The context pointer arrives in r1. */
function fieldsBefore(program: Program, path: readonly number[], slot: number): Fields {
  const fields: Fields = new Map();
  const contexts = new Set([1]);
  for (const each of path.slice(0, path.lastIndexOf(slot))) {
    const instruction = at(program, each);
    if (instruction === undefined) continue;
    if (instruction.op === 'exit') {
      // Back from a function: the caller has its own r6 to r9 again, of which nothing is kept here.
      fields.clear();
      contexts.clear();
    } else follow(instruction, fields, contexts, program.byteOrder);
  }
  return fields;
}

function follow(
  instruction: Instruction,
  fields: Fields,
  contexts: Set<number>,
  byteOrder: Program['byteOrder'],
): void {
  switch (instruction.op) {
    case 'load':
      set(
        fields,
        instruction.dst,
        contexts.has(instruction.base) && !instruction.signed
          ? loadedField(instruction.off, instruction.size, byteOrder)
          : null,
      );
      contexts.delete(instruction.dst);
      return;
    case 'alu': {
      const isMove = instruction.alu === 'mov' && 'reg' in instruction.src;
      if (isMove && contexts.has((instruction.src as { reg: number }).reg)) contexts.add(instruction.dst);
      else if (instruction.alu === 'mov' || contexts.has(instruction.dst)) contexts.delete(instruction.dst);
      set(
        fields,
        instruction.dst,
        computedField(instruction.alu, fields.get(instruction.dst), instruction.src, fields),
      );
      return;
    }
    case 'call':
      // Its arguments are where they were; what is called has its own r6 to r9.
      for (const register of [0, 6, 7, 8, 9]) {
        fields.delete(register);
        contexts.delete(register);
      }
      return;
    case 'call-helper':
    case 'call-kfunc':
      for (const register of [0, 1, 2, 3, 4, 5]) {
        fields.delete(register);
        contexts.delete(register);
      }
      return;
    default:
      if ('dst' in instruction && instruction.op !== 'branch') {
        fields.delete(instruction.dst);
        contexts.delete(instruction.dst);
      }
  }
}

function set(fields: Fields, register: number, field: RequestField | null): void {
  if (field === null) fields.delete(register);
  else fields.set(register, field);
}

/** struct bpf_cgroup_dev_ctx: access_type (access << 16 | type), major, minor; include/uapi/linux/bpf.h. */
function loadedField(off: number, size: number, byteOrder: Program['byteOrder']): RequestField | null {
  if (size === 4 && off === 0) return { name: 'access_type' };
  if (size === 4 && off === 4) return { name: 'major' };
  if (size === 4 && off === 8) return { name: 'minor' };
  const [low, high] = byteOrder === 'little' ? [0, 2] : [2, 0];
  if (size === 2 && off === low) return { name: 'type' };
  if (size === 2 && off === high) return { name: 'access' };
  return null;
}

const BLOCK = 1;
const CHARACTER = 2;
const TYPE_MASK = 0xffff;
const ACCESS_SHIFT = 16;
const ALL_LETTERS = 7;

function computedField(
  alu: string,
  before: RequestField | undefined,
  src: Operand,
  fields: Fields,
): RequestField | null {
  if (alu === 'mov') return 'reg' in src ? (fields.get(src.reg) ?? null) : null;
  if (before === undefined || 'reg' in src) return null;
  if (alu === 'and' && before.name === 'access_type' && src.imm === TYPE_MASK) return { name: 'type' };
  if (alu === 'rsh' && before.name === 'access_type' && src.imm === ACCESS_SHIFT) return { name: 'access' };
  if (alu === 'and' && before.name === 'access' && src.imm >= 0 && src.imm <= ALL_LETTERS)
    return { name: 'access&mask', mask: src.imm };
  return null;
}
