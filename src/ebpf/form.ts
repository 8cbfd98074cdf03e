import type { AluOp, AtomicOp, JmpOp, Size, Width } from './types.js';

/** What the decoder makes of a form: the `op` of the typed instruction and the parts that the opcode fixes. */
export type FormEffect =
  | { readonly op: 'alu'; readonly alu: AluOp; readonly width: Width; readonly source: 'reg' | 'imm' | 'none' }
  | { readonly op: 'movsx'; readonly width: Width }
  | { readonly op: 'endian'; readonly to: 'little' | 'big' | 'swap' }
  | { readonly op: 'jump'; readonly field: 'off' | 'imm' }
  | { readonly op: 'branch'; readonly jmp: JmpOp; readonly width: Width; readonly source: 'reg' | 'imm' }
  | { readonly op: 'load'; readonly size: Size; readonly signed: boolean }
  | { readonly op: 'store'; readonly size: Size; readonly source: 'reg' | 'imm' }
  | { readonly op: 'atomic'; readonly atomic: AtomicOp; readonly fetch: boolean; readonly size: 4 | 8 }
  | { readonly op: 'load-imm64' | 'load-map' | 'load-map-value' | 'load-function' }
  | { readonly op: 'call' | 'call-helper' | 'call-kfunc' | 'tail-call' | 'jump-register' | 'exit' | 'nospec' }
  | { readonly op: 'address-conversion'; readonly what: 'percpu' | 'address-space' }
  | { readonly op: 'unsupported'; readonly mnemonic: string; readonly result: 'r0' | 'dst' | 'src' | 'none' };

/** Bit n set: the 4-bit register field may be n. */
export type RegisterMask = number;
/** Only 0: the field is not used. */
export const UNUSED: RegisterMask = 1;
/** Registers an instruction may write: r10, the frame pointer, is read-only. r11 and r12 are the kernel's scratch registers. */
export const WRITABLE: RegisterMask = 0b1_1011_1111_1111;
/** Registers an instruction may read. */
export const READABLE: RegisterMask = 0b1_1111_1111_1111;

/** null: any value. */
export type Allowed = readonly number[] | null;

export interface InstructionForm {
  readonly opcode: number;
  readonly dst: RegisterMask;
  readonly src: RegisterMask;
  readonly off: Allowed;
  readonly imm: Allowed;
  /** Immediate of the second slot of a 64-bit immediate load; absent for instructions of one slot. */
  readonly next?: Allowed;
  /** dst_reg and src_reg have to be the same register. */
  readonly sameRegister?: true;
  /** Meaning, in the notation of the disassembly. */
  readonly meaning: string;
  /** "v1" to "v4": instruction set level; "kernel": put there by the kernel itself, not part of RFC 9669. */
  readonly level: 'v1' | 'v2' | 'v3' | 'v4' | 'kernel';
  readonly effect: FormEffect;
}

/** A field that is not used. */
export const ZERO: Allowed = [0];
export const exactly = (value: number): RegisterMask => 1 << value;
