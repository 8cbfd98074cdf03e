/** The instruction table as rows of docs/instruction-support.md. */
import type { Allowed, InstructionForm } from '../../src/ebpf/instruction-forms.js';

function registers(mask: number, unused: string): string {
  const names: Readonly<Record<number, string>> = {
    0b1: unused,
    0b1_1011_1111_1111: 'r0-r9, r11, r12',
    0b1_1111_1111_1111: 'r0-r12',
  };
  return names[mask] ?? String(Math.log2(mask));
}

function values(allowed: Allowed | undefined): string {
  if (allowed === undefined) return '';
  return allowed === null ? 'any' : allowed.join(', ');
}

/** opcode, dst_reg, src_reg, off, imm, next_imm, level, meaning */
export function rowOf(form: InstructionForm): string[] {
  return [
    `0x${form.opcode.toString(16).padStart(2, '0')}`,
    form.sameRegister === true ? 'src_reg' : registers(form.dst, '0'),
    registers(form.src, '0'),
    values(form.off),
    values(form.imm),
    values(form.next),
    form.level,
    `\`${form.meaning.replaceAll('|', '\\|')}\``,
  ];
}
