/**
 * Bits of an opcode and of the other fields, named as in RFC 9669 section 3 and include/uapi/linux/bpf.h.
 * Only the decoder, the encoder and the disassembler look at them; everything else works on typed instructions.
 */

/** Instruction classes: the low three bits. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** Sizes of loads and stores: bits 3 and 4. */
export const SIZE = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;
export const SIZE_BYTES: ReadonlyMap<number, 1 | 2 | 4 | 8> = new Map([
  [SIZE.B, 1],
  [SIZE.H, 2],
  [SIZE.W, 4],
  [SIZE.DW, 8],
]);

/** Modes of loads and stores: the high three bits. The PROBE modes are the kernel's own (include/linux/filter.h). */
export const MODE = {
  IMM: 0x00,
  ABS: 0x20,
  IND: 0x40,
  PROBE_MEMSX: 0x40,
  MEM: 0x60,
  MEMSX: 0x80,
  ATOMIC: 0xc0,
  PROBE_MEM32SX: 0xc0,
  NOSPEC: 0xc0,
  PROBE_ATOMIC: 0xe0,
} as const;

/** Second operand: an immediate (K) or a register (X). */
export const SOURCE = { K: 0x00, X: 0x08 } as const;

/** Operations of the ALU classes. */
export const ALU = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const;

/** Operations of the jump classes. */
export const JMP = {
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JNE: 0x50,
  JSGT: 0x60,
  JSGE: 0x70,
  CALL: 0x80,
  EXIT: 0x90,
  JLT: 0xa0,
  JLE: 0xb0,
  JSLT: 0xc0,
  JSLE: 0xd0,
} as const;

/** Immediates that tell atomic operations apart (RFC 9669 section 5.3; the last two since Linux 6.15). */
export const ATOMIC = {
  ADD: 0x00,
  FETCH: 0x01,
  OR: 0x40,
  AND: 0x50,
  XOR: 0xa0,
  XCHG: 0xe1,
  CMPXCHG: 0xf1,
  LOAD_ACQ: 0x100,
  STORE_REL: 0x110,
} as const;

/** src_reg of a call (RFC 9669 section 4.3.1). */
export const CALL_SOURCE = { HELPER: 0, LOCAL: 1, KFUNC: 2 } as const;

/** src_reg of a 64-bit immediate load (RFC 9669 section 5.4). */
export const IMM64_SOURCE = {
  VALUE: 0,
  MAP: 1,
  MAP_VALUE: 2,
  VARIABLE: 3,
  FUNCTION: 4,
  MAP_INDEX: 5,
  MAP_INDEX_VALUE: 6,
} as const;

/** Number of the helper bpf_tail_call, which the kernel restores in every dump (kernel/bpf/syscall.c, bpf_insn_prepare_dump). */
export const TAIL_CALL_IMM = 12;

/** Registers 0 to 10 of the instruction set, and the kernel's own: 11 (scratch AX up to Linux 6.18) and 12 (AX in 7.x). */
export const REGISTER_COUNT = 13;
export const FRAME_POINTER = 10;
/** Since Linux 7.x, as the base of loads and stores: arguments after the fifth. */
export const STACK_ARGUMENTS = 11;
