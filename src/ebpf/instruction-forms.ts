/**
 * The instruction set as data: one row for every form that a translated program may hold, from RFC 9669 and from the kernel's own
 * rewrites (kernel/bpf/verifier.c and kernel/bpf/core.c, Linux 5.10 to 7.2). A field is zero unless its row says otherwise; what no
 * row allows is a decode error. docs/instruction-support.md shows this table and a test keeps the two equal.
 */
import {
  ALU,
  ATOMIC,
  CALL_SOURCE,
  CLASS,
  IMM64_SOURCE,
  JMP,
  MODE,
  SIZE,
  SIZE_BYTES,
  SOURCE,
  TAIL_CALL_IMM,
} from './opcodes.js';
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

const ZERO: Allowed = [0];
const exactly = (value: number): RegisterMask => 1 << value;

const ALU_OPS: readonly { code: number; alu: AluOp; symbol: string; off: number; level: 'v1' | 'v4' }[] = [
  { code: ALU.ADD, alu: 'add', symbol: '+=', off: 0, level: 'v1' },
  { code: ALU.SUB, alu: 'sub', symbol: '-=', off: 0, level: 'v1' },
  { code: ALU.MUL, alu: 'mul', symbol: '*=', off: 0, level: 'v1' },
  { code: ALU.DIV, alu: 'div', symbol: '/=', off: 0, level: 'v1' },
  { code: ALU.DIV, alu: 'sdiv', symbol: 's/=', off: 1, level: 'v4' },
  { code: ALU.OR, alu: 'or', symbol: '|=', off: 0, level: 'v1' },
  { code: ALU.AND, alu: 'and', symbol: '&=', off: 0, level: 'v1' },
  { code: ALU.LSH, alu: 'lsh', symbol: '<<=', off: 0, level: 'v1' },
  { code: ALU.RSH, alu: 'rsh', symbol: '>>=', off: 0, level: 'v1' },
  { code: ALU.MOD, alu: 'mod', symbol: '%=', off: 0, level: 'v1' },
  { code: ALU.MOD, alu: 'smod', symbol: 's%=', off: 1, level: 'v4' },
  { code: ALU.XOR, alu: 'xor', symbol: '^=', off: 0, level: 'v1' },
  { code: ALU.MOV, alu: 'mov', symbol: '=', off: 0, level: 'v1' },
  { code: ALU.ARSH, alu: 'arsh', symbol: 's>>=', off: 0, level: 'v1' },
];

function aluForms(width: Width): InstructionForm[] {
  const base = width === 64 ? CLASS.ALU64 : CLASS.ALU;
  const dst = width === 64 ? 'rD' : 'wD';
  const src = width === 64 ? 'rS' : 'wS';
  const forms: InstructionForm[] = [];
  for (const { code, alu, symbol, off, level } of ALU_OPS) {
    const common = { dst: WRITABLE, off: [off], level };
    forms.push(
      {
        ...common,
        opcode: base | SOURCE.K | code,
        src: UNUSED,
        imm: null,
        meaning: `${dst} ${symbol} imm`,
        effect: { op: 'alu', alu, width, source: 'imm' },
      },
      {
        ...common,
        opcode: base | SOURCE.X | code,
        src: READABLE,
        imm: ZERO,
        meaning: `${dst} ${symbol} ${src}`,
        effect: { op: 'alu', alu, width, source: 'reg' },
      },
    );
  }
  forms.push({
    opcode: base | ALU.NEG,
    dst: WRITABLE,
    src: UNUSED,
    off: ZERO,
    imm: ZERO,
    meaning: `${dst} = -${dst}`,
    level: 'v1',
    effect: { op: 'alu', alu: 'neg', width, source: 'none' },
  });
  return forms;
}

const register = { dst: WRITABLE, src: READABLE, imm: ZERO };
const MOVE_FORMS: readonly InstructionForm[] = [
  {
    ...register,
    opcode: 0xbc,
    off: [8, 16],
    meaning: 'wD = (s8/s16) wS',
    level: 'v4',
    effect: { op: 'movsx', width: 32 },
  },
  {
    ...register,
    opcode: 0xbf,
    off: [8, 16, 32],
    meaning: 'rD = (s8/s16/s32) rS',
    level: 'v4',
    effect: { op: 'movsx', width: 64 },
  },
  {
    ...register,
    opcode: 0xbc,
    off: ZERO,
    imm: [1],
    sameRegister: true,
    meaning: 'wD = wD (zero extension inserted for machines that need it)',
    level: 'kernel',
    effect: { op: 'alu', alu: 'mov', width: 32, source: 'reg' },
  },
  {
    ...register,
    opcode: 0xbf,
    off: [-1],
    meaning: 'rD = address of rS on this CPU (unknown)',
    level: 'kernel',
    effect: { op: 'address-conversion', what: 'percpu' },
  },
  {
    ...register,
    opcode: 0xbf,
    off: [1],
    imm: [1, 0x10000],
    meaning: 'rD = rS moved between address spaces (unknown)',
    level: 'kernel',
    effect: { op: 'address-conversion', what: 'address-space' },
  },
];

const swap = { dst: WRITABLE, src: UNUSED, off: ZERO, imm: [16, 32, 64] };
const ENDIAN_FORMS: readonly InstructionForm[] = [
  {
    ...swap,
    opcode: CLASS.ALU | ALU.END | SOURCE.K,
    meaning: 'rD = le16/le32/le64 rD',
    level: 'v1',
    effect: { op: 'endian', to: 'little' },
  },
  {
    ...swap,
    opcode: CLASS.ALU | ALU.END | SOURCE.X,
    meaning: 'rD = be16/be32/be64 rD',
    level: 'v1',
    effect: { op: 'endian', to: 'big' },
  },
  {
    ...swap,
    opcode: CLASS.ALU64 | ALU.END,
    meaning: 'rD = bswap16/bswap32/bswap64 rD',
    level: 'v4',
    effect: { op: 'endian', to: 'swap' },
  },
];

const JMP_OPS: readonly { code: number; jmp: JmpOp; symbol: string; level: 'v1' | 'v2' }[] = [
  { code: JMP.JEQ, jmp: 'eq', symbol: '==', level: 'v1' },
  { code: JMP.JGT, jmp: 'gt', symbol: '>', level: 'v1' },
  { code: JMP.JGE, jmp: 'ge', symbol: '>=', level: 'v1' },
  { code: JMP.JSET, jmp: 'set', symbol: '&', level: 'v1' },
  { code: JMP.JNE, jmp: 'ne', symbol: '!=', level: 'v1' },
  { code: JMP.JSGT, jmp: 'sgt', symbol: 's>', level: 'v1' },
  { code: JMP.JSGE, jmp: 'sge', symbol: 's>=', level: 'v1' },
  { code: JMP.JLT, jmp: 'lt', symbol: '<', level: 'v2' },
  { code: JMP.JLE, jmp: 'le', symbol: '<=', level: 'v2' },
  { code: JMP.JSLT, jmp: 'slt', symbol: 's<', level: 'v2' },
  { code: JMP.JSLE, jmp: 'sle', symbol: 's<=', level: 'v2' },
];

function branchForms(width: Width): InstructionForm[] {
  const base = width === 64 ? CLASS.JMP : CLASS.JMP32;
  const letter = width === 64 ? 'r' : 'w';
  return JMP_OPS.flatMap(({ code, jmp, symbol, level }): InstructionForm[] => {
    const common = { dst: READABLE, off: null, level: width === 64 ? level : 'v3' } as const;
    return [
      {
        ...common,
        opcode: base | SOURCE.K | code,
        src: UNUSED,
        imm: null,
        meaning: `if ${letter}D ${symbol} imm goto pc+1+off`,
        effect: { op: 'branch', jmp, width, source: 'imm' },
      },
      {
        ...common,
        opcode: base | SOURCE.X | code,
        src: READABLE,
        imm: ZERO,
        meaning: `if ${letter}D ${symbol} ${letter}S goto pc+1+off`,
        effect: { op: 'branch', jmp, width, source: 'reg' },
      },
    ];
  });
}

const none = { dst: UNUSED, src: UNUSED, off: ZERO, imm: ZERO };
const FLOW_FORMS: readonly InstructionForm[] = [
  { ...none, opcode: 0x05, off: null, meaning: 'goto pc+1+off', level: 'v1', effect: { op: 'jump', field: 'off' } },
  { ...none, opcode: 0x06, imm: null, meaning: 'goto pc+1+imm', level: 'v4', effect: { op: 'jump', field: 'imm' } },
  {
    ...none,
    opcode: 0x0d,
    dst: READABLE,
    meaning: 'goto the instruction rD points at',
    level: 'kernel',
    effect: { op: 'jump-register' },
  },
  {
    ...none,
    opcode: 0x85,
    src: exactly(CALL_SOURCE.HELPER),
    imm: [TAIL_CALL_IMM],
    meaning: 'tail call: run the program in slot r3 of map r2',
    level: 'v1',
    effect: { op: 'tail-call' },
  },
  {
    ...none,
    opcode: 0x85,
    src: exactly(CALL_SOURCE.HELPER),
    imm: null,
    meaning: 'call the kernel function at imm from __bpf_call_base (0: hidden)',
    level: 'v1',
    effect: { op: 'call-helper' },
  },
  {
    ...none,
    opcode: 0x85,
    src: exactly(CALL_SOURCE.LOCAL),
    off: null,
    imm: null,
    meaning: 'call the subprogram at pc+1+off',
    level: 'v3',
    effect: { op: 'call' },
  },
  {
    ...none,
    opcode: 0x85,
    src: exactly(CALL_SOURCE.KFUNC),
    off: null,
    imm: null,
    meaning: 'call the kernel function imm of the type data off',
    level: 'v3',
    effect: { op: 'call-kfunc' },
  },
  { ...none, opcode: 0x95, meaning: 'exit', level: 'v1', effect: { op: 'exit' } },
  { ...none, opcode: 0xc2, meaning: 'nospec (speculation barrier)', level: 'kernel', effect: { op: 'nospec' } },
];

function sizeName(size: Size): string {
  return `u${String(size * 8)}`;
}

function memoryForms(): InstructionForm[] {
  const forms: InstructionForm[] = [];
  for (const [bits, size] of SIZE_BYTES) {
    const memory = `*(${sizeName(size)} *)`;
    const any = { off: null, level: 'v1' } as const;
    forms.push(
      {
        ...any,
        opcode: CLASS.LDX | MODE.MEM | bits,
        dst: WRITABLE,
        src: READABLE,
        imm: ZERO,
        meaning: `rD = ${memory}(rS + off)`,
        effect: { op: 'load', size, signed: false },
      },
      {
        ...any,
        opcode: CLASS.ST | MODE.MEM | bits,
        dst: READABLE,
        src: UNUSED,
        imm: null,
        meaning: `${memory}(rD + off) = imm`,
        effect: { op: 'store', size, source: 'imm' },
      },
      {
        ...any,
        opcode: CLASS.STX | MODE.MEM | bits,
        dst: READABLE,
        src: READABLE,
        imm: ZERO,
        meaning: `${memory}(rD + off) = rS`,
        effect: { op: 'store', size, source: 'reg' },
      },
      {
        off: null,
        level: 'v4',
        opcode: CLASS.STX | MODE.ATOMIC | bits,
        dst: WRITABLE,
        src: READABLE,
        imm: [ATOMIC.LOAD_ACQ],
        meaning: `rD = load_acquire(${memory}(rS + off))`,
        effect: { op: 'load', size, signed: false },
      },
      {
        off: null,
        level: 'v4',
        opcode: CLASS.STX | MODE.ATOMIC | bits,
        dst: READABLE,
        src: READABLE,
        imm: [ATOMIC.STORE_REL],
        meaning: `store_release(${memory}(rD + off), rS)`,
        effect: { op: 'store', size, source: 'reg' },
      },
    );
    if (size === 8) continue;
    forms.push({
      opcode: CLASS.LDX | MODE.MEMSX | bits,
      dst: WRITABLE,
      src: READABLE,
      off: null,
      imm: ZERO,
      meaning: `rD = *(s${String(size * 8)} *)(rS + off)`,
      level: 'v4',
      effect: { op: 'load', size, signed: true },
    });
  }
  return forms;
}

const ATOMIC_OPS: readonly { imm: number; atomic: AtomicOp; fetch: boolean; meaning: string; level: 'v1' | 'v3' }[] = [
  { imm: ATOMIC.ADD, atomic: 'add', fetch: false, meaning: 'lock M += rS', level: 'v1' },
  { imm: ATOMIC.OR, atomic: 'or', fetch: false, meaning: 'lock M |= rS', level: 'v3' },
  { imm: ATOMIC.AND, atomic: 'and', fetch: false, meaning: 'lock M &= rS', level: 'v3' },
  { imm: ATOMIC.XOR, atomic: 'xor', fetch: false, meaning: 'lock M ^= rS', level: 'v3' },
  { imm: ATOMIC.ADD | ATOMIC.FETCH, atomic: 'add', fetch: true, meaning: 'rS = fetch_add(M, rS)', level: 'v3' },
  { imm: ATOMIC.OR | ATOMIC.FETCH, atomic: 'or', fetch: true, meaning: 'rS = fetch_or(M, rS)', level: 'v3' },
  { imm: ATOMIC.AND | ATOMIC.FETCH, atomic: 'and', fetch: true, meaning: 'rS = fetch_and(M, rS)', level: 'v3' },
  { imm: ATOMIC.XOR | ATOMIC.FETCH, atomic: 'xor', fetch: true, meaning: 'rS = fetch_xor(M, rS)', level: 'v3' },
  { imm: ATOMIC.XCHG, atomic: 'xchg', fetch: true, meaning: 'rS = xchg(M, rS)', level: 'v3' },
  { imm: ATOMIC.CMPXCHG, atomic: 'cmpxchg', fetch: true, meaning: 'r0 = cmpxchg(M, r0, rS)', level: 'v3' },
];

function atomicForms(): InstructionForm[] {
  return ([4, 8] as const).flatMap((size) =>
    ATOMIC_OPS.map(({ imm, atomic, fetch, meaning, level }): InstructionForm => {
      const memory = `*(${sizeName(size)} *)(rD + off)`;
      return {
        opcode: CLASS.STX | MODE.ATOMIC | (size === 4 ? SIZE.W : SIZE.DW),
        dst: READABLE,
        src: fetch && atomic !== 'cmpxchg' ? WRITABLE : READABLE,
        off: null,
        imm: [imm],
        meaning: meaning.replace('M', memory),
        level,
        effect: { op: 'atomic', atomic, fetch, size },
      };
    }),
  );
}

const wide = { opcode: 0x18, dst: WRITABLE, off: ZERO, imm: null };
function unusedInDumps(src: number, mnemonic: string): InstructionForm {
  return {
    ...wide,
    src: exactly(src),
    next: null,
    meaning: `rD = ${mnemonic} (only before loading; result unknown)`,
    level: 'v1',
    effect: { op: 'unsupported', mnemonic, result: 'dst' },
  };
}
const IMM64_FORMS: readonly InstructionForm[] = [
  {
    ...wide,
    src: exactly(IMM64_SOURCE.VALUE),
    next: null,
    meaning: 'rD = imm64 (a constant, or an address in the kernel)',
    level: 'v1',
    effect: { op: 'load-imm64' },
  },
  {
    ...wide,
    src: exactly(IMM64_SOURCE.MAP),
    next: ZERO,
    meaning: 'rD = map with id imm',
    level: 'v1',
    effect: { op: 'load-map' },
  },
  {
    ...wide,
    src: exactly(IMM64_SOURCE.MAP_VALUE),
    next: null,
    meaning: 'rD = address of the value of the map with id imm, plus next_imm',
    level: 'v1',
    effect: { op: 'load-map-value' },
  },
  {
    ...wide,
    src: exactly(IMM64_SOURCE.FUNCTION),
    next: null,
    meaning: 'rD = address of the subprogram at pc+1+imm (number next_imm)',
    level: 'v1',
    effect: { op: 'load-function' },
  },
  unusedInDumps(IMM64_SOURCE.VARIABLE, 'kernel variable'),
  unusedInDumps(IMM64_SOURCE.MAP_INDEX, 'map by index'),
  unusedInDumps(IMM64_SOURCE.MAP_INDEX_VALUE, 'map value by index'),
];

function packetForms(): InstructionForm[] {
  return ([SIZE.W, SIZE.H, SIZE.B] as const).flatMap((bits): InstructionForm[] => {
    const size = sizeName(SIZE_BYTES.get(bits) ?? 4);
    const common = { dst: UNUSED, off: ZERO, imm: null, level: 'v1' } as const;
    return [
      {
        ...common,
        opcode: CLASS.LD | MODE.ABS | bits,
        src: UNUSED,
        meaning: `r0 = *(${size} *)packet[imm] (legacy; result unknown)`,
        effect: { op: 'unsupported', mnemonic: 'packet load', result: 'r0' },
      },
      {
        ...common,
        opcode: CLASS.LD | MODE.IND | bits,
        src: READABLE,
        meaning: `r0 = *(${size} *)packet[rS + imm] (legacy; result unknown)`,
        effect: { op: 'unsupported', mnemonic: 'packet load', result: 'r0' },
      },
    ];
  });
}

/** Loads and atomics that the kernel rewrites and does not restore in the dump (bpf_insn_prepare_dump in Linux 7.2). */
function probeForms(): InstructionForm[] {
  const loads = ([SIZE.W, SIZE.H, SIZE.B] as const).flatMap((bits) => {
    const size = `s${String((SIZE_BYTES.get(bits) ?? 4) * 8)}`;
    return [
      { mode: MODE.PROBE_MEMSX, where: 'kernel memory' },
      { mode: MODE.PROBE_MEM32SX, where: 'arena' },
    ].map(({ mode, where }): InstructionForm => ({
      opcode: CLASS.LDX | mode | bits,
      dst: WRITABLE,
      src: READABLE,
      off: null,
      imm: ZERO,
      meaning: `rD = *(${size} *)(rS + off) in ${where} (result unknown)`,
      level: 'kernel',
      effect: { op: 'unsupported', mnemonic: `${where} load`, result: 'dst' },
    }));
  });
  const atomics = ([SIZE.W, SIZE.DW] as const).flatMap((bits) =>
    ATOMIC_OPS.map(({ imm, atomic, fetch, meaning }): InstructionForm => {
      const memory = `*(${sizeName(SIZE_BYTES.get(bits) ?? 8)} *)(rD + off)`;
      return {
        opcode: CLASS.STX | MODE.PROBE_ATOMIC | bits,
        dst: READABLE,
        src: fetch && atomic !== 'cmpxchg' ? WRITABLE : READABLE,
        off: null,
        imm: [imm],
        meaning: `${meaning.replace('M', memory)} in arena (result unknown)`,
        level: 'kernel',
        effect: {
          op: 'unsupported',
          mnemonic: 'arena atomic',
          result: atomic === 'cmpxchg' ? 'r0' : fetch ? 'src' : 'none',
        },
      };
    }),
  );
  return [...loads, ...atomics];
}

/** Every form, in the order in which the decoder tries the rows of one opcode. */
export const INSTRUCTION_FORMS: readonly InstructionForm[] = [
  ...aluForms(32),
  ...aluForms(64),
  ...MOVE_FORMS,
  ...ENDIAN_FORMS,
  ...branchForms(64),
  ...branchForms(32),
  ...FLOW_FORMS,
  ...memoryForms(),
  ...atomicForms(),
  ...IMM64_FORMS,
  ...packetForms(),
  ...probeForms(),
];

/** Rows by opcode; an opcode without rows is not in the instruction set. */
export const FORMS_BY_OPCODE: readonly (readonly InstructionForm[])[] = Array.from({ length: 256 }, (_, opcode) =>
  INSTRUCTION_FORMS.filter((form) => form.opcode === opcode),
);
