import { InputError } from '../errors.js';

/** Which part of an instruction is wrong. `target`: where a jump or call leads. `length`: the byte string as a whole. */
export type InstructionField = 'opcode' | 'dst_reg' | 'src_reg' | 'off' | 'imm' | 'next_imm' | 'target' | 'length';

/** The bytes are no translated BPF program. The message names instruction and field. */
export class DecodeError extends InputError {
  override readonly name: string = 'DecodeError';
  /** Slot number of the instruction as bpftool prints it; null when the byte string as a whole is wrong. */
  readonly slot: number | null;
  readonly field: InstructionField;
  /** The value found there; for `length` the number of bytes. */
  readonly value: number;

  constructor(slot: number | null, field: InstructionField, value: number, problem: string) {
    super(slot === null ? `not a BPF program: ${problem}` : `instruction ${String(slot)}: ${problem}`);
    this.slot = slot;
    this.field = field;
    this.value = value;
  }
}
