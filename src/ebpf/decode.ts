import { build, type SlotFields } from './build-instruction.js';
import { checkFlow } from './check-flow.js';
import { DecodeError, type InstructionField } from './decode-error.js';
import { FORMS_BY_OPCODE, type InstructionForm } from './instruction-forms.js';
import type { ByteOrder, Instruction, Program } from './types.js';

const INSTRUCTION_BYTES = 8;
/** The kernel loads a million instructions at most (BPF_COMPLEXITY_LIMIT_INSNS); its own rewrites can multiply that by a small number. */
export const MAX_SLOTS: number = 8 * 1024 * 1024;

/**
 * Reads a translated program (`bpftool prog dump xlated file F`, or xlated_prog_insns of BPF_OBJ_GET_INFO_BY_FD).
 *
 * @param bytes The program, 8 bytes an instruction; kept by reference and not to be changed afterwards.
 * @param byteOrder Byte order of the machine that the program runs on. It also decides which half of the register byte is dst_reg.
 * @returns Typed instructions in slot order.
 * @throws DecodeError naming instruction and field: unknown opcode, reserved bits set, a jump out of the program or into the second half
 *   of a 64-bit immediate load, control running off the end; or the length is wrong.
 */
export function decode(bytes: Uint8Array, byteOrder: ByteOrder): Program {
  const slots = checkLength(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = byteOrder === 'little';
  const instructions: Instruction[] = [];
  const positionOfSlot = new Int32Array(slots);
  const fields: SlotFields = { opcode: 0, dst: 0, src: 0, off: 0, imm: 0, next: 0 };
  for (let slot = 0; slot < slots; slot++) {
    readFields(view, slot, little, fields);
    const form = matchForm(slot, fields);
    positionOfSlot[slot] = instructions.length;
    if (form.next === undefined) {
      instructions.push(build(slot, form, fields, slots));
      continue;
    }
    fields.next = readSecondSlot(view, slot, slots, little);
    if (form.next !== null && !form.next.includes(fields.next)) {
      throw fieldError(slot, fields.opcode, 'next_imm', fields.next);
    }
    instructions.push(build(slot, form, fields, slots));
    slot++;
    positionOfSlot[slot] = -1;
  }
  checkFlow(instructions, positionOfSlot);
  return { byteOrder, bytes, instructions, positionOfSlot };
}

function checkLength(bytes: Uint8Array): number {
  const length = bytes.byteLength;
  if (length === 0) throw new DecodeError(null, 'length', 0, 'there are no instructions');
  if (length % INSTRUCTION_BYTES !== 0) {
    const whole = Math.floor(length / INSTRUCTION_BYTES);
    throw new DecodeError(
      null,
      'length',
      length,
      `${String(length)} bytes are no multiple of 8 (instruction ${String(whole)} is cut off after ${String(length % INSTRUCTION_BYTES)} bytes)`,
    );
  }
  const slots = length / INSTRUCTION_BYTES;
  if (slots > MAX_SLOTS) throw new DecodeError(null, 'length', length, `more than ${String(MAX_SLOTS)} instructions`);
  return slots;
}

/** RFC 9669 section 3.1: opcode, registers (dst_reg in the low half on little-endian machines, in the high half on big-endian ones), off, imm. */
function readFields(view: DataView, slot: number, little: boolean, into: SlotFields): void {
  const at = slot * INSTRUCTION_BYTES;
  const registers = view.getUint8(at + 1);
  into.next = 0;
  into.opcode = view.getUint8(at);
  into.dst = little ? registers & 15 : registers >> 4;
  into.src = little ? registers >> 4 : registers & 15;
  into.off = view.getInt16(at + 2, little);
  into.imm = view.getInt32(at + 4, little);
}

/** The second slot of a 64-bit immediate load holds the upper half of the immediate and nothing else (RFC 9669 section 3.2). */
function readSecondSlot(view: DataView, slot: number, slots: number, little: boolean): number {
  if (slot + 1 >= slots) {
    throw new DecodeError(
      slot,
      'length',
      slots * INSTRUCTION_BYTES,
      'a 64-bit immediate load is cut off after its first half',
    );
  }
  const second: SlotFields = { opcode: 0, dst: 0, src: 0, off: 0, imm: 0, next: 0 };
  readFields(view, slot + 1, little, second);
  if (second.opcode !== 0)
    throw fieldError(
      slot + 1,
      second.opcode,
      'opcode',
      second.opcode,
      'the second half of a 64-bit immediate load has an opcode',
    );
  if (second.dst !== 0) throw fieldError(slot + 1, 0, 'dst_reg', second.dst);
  if (second.src !== 0) throw fieldError(slot + 1, 0, 'src_reg', second.src);
  if (second.off !== 0) throw fieldError(slot + 1, 0, 'off', second.off);
  return second.imm;
}

function matchForm(slot: number, fields: SlotFields): InstructionForm {
  const forms = FORMS_BY_OPCODE[fields.opcode] ?? [];
  for (const form of forms) if (firstMismatch(form, fields) === null) return form;
  if (forms.length === 0)
    throw fieldError(slot, fields.opcode, 'opcode', fields.opcode, `unknown opcode ${hex(fields.opcode)}`);
  throw mismatchError(slot, forms, fields);
}

/** Order in which fields tell the forms of one opcode apart; the error names the field that the closest form gets stuck at. */
const MATCH_ORDER: readonly InstructionField[] = ['src_reg', 'off', 'imm', 'dst_reg'];

function firstMismatch(form: InstructionForm, fields: SlotFields): InstructionField | null {
  if (((form.src >> fields.src) & 1) === 0) return 'src_reg';
  if (form.off !== null && !form.off.includes(fields.off)) return 'off';
  if (form.imm !== null && !form.imm.includes(fields.imm)) return 'imm';
  if (((form.dst >> fields.dst) & 1) === 0) return 'dst_reg';
  if (form.sameRegister === true && fields.src !== fields.dst) return 'dst_reg';
  return null;
}

function mismatchError(slot: number, forms: readonly InstructionForm[], fields: SlotFields): DecodeError {
  let closest: InstructionField = 'src_reg';
  for (const form of forms) {
    const mismatch: InstructionField = firstMismatch(form, fields) ?? closest;
    if (MATCH_ORDER.indexOf(mismatch) > MATCH_ORDER.indexOf(closest)) closest = mismatch;
  }
  const value = { src_reg: fields.src, off: fields.off, imm: fields.imm, dst_reg: fields.dst }[closest as 'imm'];
  return fieldError(slot, fields.opcode, closest, value);
}

function fieldError(
  slot: number,
  opcode: number,
  field: InstructionField,
  value: number,
  problem?: string,
): DecodeError {
  const text = problem ?? `${field} = ${String(value)} is not allowed with opcode ${hex(opcode)}`;
  return new DecodeError(slot, field, value, text);
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
