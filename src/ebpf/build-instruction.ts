import type { InstructionForm } from './instruction-forms.js';
import { REGISTER_COUNT } from './opcodes.js';
import type { Instruction, Operand, RawFields } from './types.js';

/** The fields of one slot as they stand in the bytes. */
export interface SlotFields {
  opcode: number;
  dst: number;
  src: number;
  off: number;
  imm: number;
  next: number;
}

/** The typed instruction for fields that `form` allows. `slots` is the length of the program. */
export function build(index: number, form: InstructionForm, fields: SlotFields, slots: number): Instruction {
  const { effect, opcode } = form;
  const { dst, src, off, imm } = fields;
  switch (effect.op) {
    case 'alu':
      return {
        op: 'alu',
        index,
        opcode,
        alu: effect.alu,
        width: effect.width,
        dst,
        src: operand(effect.source, fields),
      };
    case 'branch': {
      const target = index + 1 + off;
      return {
        op: 'branch',
        index,
        opcode,
        jmp: effect.jmp,
        width: effect.width,
        dst,
        src: operand(effect.source, fields),
        target,
      };
    }
    case 'load':
      return { op: 'load', index, opcode, size: effect.size, signed: effect.signed, dst, base: src, off };
    case 'store':
      return { op: 'store', index, opcode, size: effect.size, base: dst, off, src: operand(effect.source, fields) };
    case 'jump':
      return { op: 'jump', index, opcode, target: index + 1 + (effect.field === 'off' ? off : imm) };
    case 'exit':
      return { op: 'exit', index, opcode };
    case 'movsx':
      return { op: 'movsx', index, opcode, width: effect.width, bits: off as 8 | 16 | 32, dst, src };
    case 'endian':
      return { op: 'endian', index, opcode, to: effect.to, bits: imm as 16 | 32 | 64, dst };
    case 'atomic': {
      const { atomic, fetch, size } = effect;
      return { op: 'atomic', index, opcode, atomic, fetch, size, base: dst, off, src };
    }
    case 'call':
      return { op: 'call', index, opcode, target: callTarget(index, off, slots), imm };
    case 'call-helper':
      return { op: 'call-helper', index, opcode, imm };
    case 'call-kfunc':
      return { op: 'call-kfunc', index, opcode, imm, off };
    case 'tail-call':
      return { op: 'tail-call', index, opcode };
    case 'jump-register':
      return { op: 'jump-register', index, opcode, reg: dst };
    case 'nospec':
      return { op: 'nospec', index, opcode };
    case 'address-conversion':
      return { op: 'address-conversion', index, opcode, dst, src, imm, what: effect.what };
    case 'load-imm64':
    case 'load-map':
    case 'load-map-value':
    case 'load-function':
      return buildWide(index, opcode, effect.op, fields);
    case 'unsupported': {
      const result = { r0: 0, dst, src, none: null }[effect.result];
      const raw: RawFields = { dst, src, off, imm, next: fields.next };
      return { op: 'unsupported', index, opcode, mnemonic: effect.mnemonic, result, fields: raw };
    }
  }
}

type WideOp = 'load-imm64' | 'load-map' | 'load-map-value' | 'load-function';

function buildWide(index: number, opcode: number, op: WideOp, fields: SlotFields): Instruction {
  const { dst, imm, next } = fields;
  switch (op) {
    case 'load-imm64':
      return { op, index, opcode, dst, value: (BigInt(next >>> 0) << 32n) | BigInt(imm >>> 0) };
    case 'load-map':
      return { op, index, opcode, dst, mapId: imm >>> 0 };
    case 'load-map-value':
      return { op, index, opcode, dst, mapId: imm >>> 0, offset: next >>> 0 };
    case 'load-function':
      return { op, index, opcode, dst, target: index + 1 + imm, subprogram: next };
  }
}

/** Shared, since programs name the same few registers again and again. */
const REGISTER_OPERANDS: readonly Operand[] = Array.from({ length: REGISTER_COUNT }, (_, reg) => ({ reg }));

function operand(source: 'reg' | 'imm' | 'none', fields: RawFields): Operand {
  return source === 'reg' ? (REGISTER_OPERANDS[fields.src] ?? { reg: fields.src }) : { imm: fields.imm };
}

/**
 * The kernel writes a call's distance into the 16 bits of `off` (kernel/bpf/verifier.c, jit_subprogs; bpf_patch_call_args). In a program
 * longer than 32768 slots the upper bits may be lost, so the target is known only if a single slot agrees with the lower ones. Linux 7.x
 * writes 0 for a long call; a call of the very next instruction cannot be, since a subprogram never ends in a call.
 */
function callTarget(index: number, off: number, slots: number): number | null {
  if (off === 0) return null;
  const near = index + 1 + off;
  if (slots <= 0x8000) return near;
  const first = ((near % 0x10000) + 0x10000) % 0x10000;
  return first + 0x10000 < slots ? null : first;
}
