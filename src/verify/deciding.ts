import { disassembleInstruction } from '../ebpf/disassemble.js';
import type { BranchRecord, Trace } from '../ebpf/interpreter/interpret.js';
import type { Instruction, JmpOp, Operand, Program } from '../ebpf/types.js';

/** A field of the request, as a program looks at it. `access&mask`: the access reduced to some letters. */
export type RequestField =
  | { name: 'type' | 'access' | 'major' | 'minor' | 'access_type' }
  /** Access letters that are also in `mask`. */
  | { name: 'access&mask'; mask: number };

/** Where a program decided: its exit, and the last conditional jump before it, in terms of the request where that can be told. */
export interface DecidingInstruction {
  /** Slot of the exit, numbered as bpftool does. */
  exit: number;
  branch: DecidingBranch | null;
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

/**
 * Puts a trace into the words of the request. Only the explanation depends on this: registers are followed along the executed path through the loads
 * and moves that every known writer uses, and whatever is computed otherwise is simply not named.
 * @param trace of `interpret(..., { recordPath: true })`
 */
export function decidingInstruction(program: Program, trace: Trace): DecidingInstruction {
  const { lastBranch } = trace;
  if (lastBranch === null || trace.programId !== null) return { exit: trace.exit, branch: null };
  const instruction = at(program, lastBranch.index);
  if (instruction?.op !== 'branch') return { exit: trace.exit, branch: null };
  const fields = fieldsBefore(program, trace.path, lastBranch.index);
  return {
    exit: trace.exit,
    branch: {
      slot: lastBranch.index,
      text: disassembleInstruction(instruction, program)
        .replace(/^\([0-9a-f]+\) /, '')
        .replace(/ goto .*$/, ''),
      taken: lastBranch.taken,
      jmp: lastBranch.jmp,
      field: fields.get(instruction.dst) ?? null,
      otherField: 'reg' in instruction.src ? (fields.get(instruction.src.reg) ?? null) : null,
      left: smallNumber(lastBranch.left),
      right: smallNumber(lastBranch.right),
    },
  };
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
    if (instruction !== undefined) follow(instruction, fields, contexts, program.byteOrder);
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
    case 'call-helper':
    case 'call-kfunc':
      for (const register of [0, 1, 2, 3, 4, 5]) {
        fields.delete(register);
        contexts.delete(register);
      }
      return;
    default:
      if ('dst' in instruction && instruction.op !== 'branch') fields.delete(instruction.dst);
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
