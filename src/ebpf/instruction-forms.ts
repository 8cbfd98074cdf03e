/**
 * The instruction set as data: one row for every form that a translated program may hold, from RFC 9669 and from the kernel's own
 * rewrites (kernel/bpf/verifier.c and kernel/bpf/core.c, Linux 5.10 to 7.2). A field is zero unless its row says otherwise; what no
 * row allows is a decode error. docs/instruction-support.md shows this table and a test keeps the two equal.
 */
import { ALU_FORMS } from './alu-forms.js';
import type { InstructionForm } from './form.js';
import { JUMP_FORMS } from './jump-forms.js';
import { MEMORY_FORMS } from './memory-forms.js';

export type { Allowed, FormEffect, InstructionForm, RegisterMask } from './form.js';

/** Every form, in the order in which the decoder tries the rows of one opcode. */
export const INSTRUCTION_FORMS: readonly InstructionForm[] = [...ALU_FORMS, ...JUMP_FORMS, ...MEMORY_FORMS];

/** Rows by opcode; an opcode without rows is not in the instruction set. */
export const FORMS_BY_OPCODE: readonly (readonly InstructionForm[])[] = Array.from({ length: 256 }, (_, opcode) =>
  INSTRUCTION_FORMS.filter((form) => form.opcode === opcode).map(inOneShape),
);

/** The same row with its properties in one order for all rows, which lets the decoder read them fast. */
function inOneShape(form: InstructionForm): InstructionForm {
  const { opcode, dst, src, off, imm, next, sameRegister, meaning, level, effect } = form;
  return { opcode, dst, src, off, imm, next, sameRegister, meaning, level, effect } as InstructionForm;
}
