import type { AluOp, Instruction, JmpOp, Operand, Program, Size } from './types.js';
import { TAIL_CALL_IMM } from './opcodes.js';

/**
 * Which listing to print. "linux": the kernel's present disassembler (kernel/bpf/disasm.c of Linux 7.2), which newer bpftool uses.
 * "bpftool-7.1": bpftool 7.1.0 (Debian 12), which knows no instruction set v4: it leaves out sign extension and signed division and prints
 * BUG_... for what it does not know. All other instructions read the same in both.
 */
export type Dialect = 'linux' | 'bpftool-7.1';

/** How to write a listing. Default: as the Linux kernel's own disassembler writes it (kernel/bpf/disasm.c), without names. */
export interface DisassembleOptions {
  readonly dialect?: Dialect;
  /** Name of the kernel function at a call's immediate (from __bpf_call_base); undefined: not known. */
  readonly functionName?: (imm: number) => string | undefined;
  /** Symbol of the n-th subprogram ("bpf_prog_6deef7357e7b4530_f"); undefined: not known, or not compiled. */
  readonly subprogramName?: (subprogram: number) => string | undefined;
}

/** One line of a listing. */
export interface Line {
  /** Slot number. */
  readonly index: number;
  /** "(b7) r0 = 1": what `bpftool prog dump xlated` prints behind the number. */
  readonly text: string;
}

/** The listing of a program, one line for each instruction, as `bpftool prog dump xlated` prints it without type data. */
export function disassemble(program: Program, options: DisassembleOptions = {}): Line[] {
  return program.instructions.map((instruction) => ({
    index: instruction.index,
    text: disassembleInstruction(instruction, program, options),
  }));
}

/** "   0: (b7) r0 = 1" */
export function formatLine(line: Line): string {
  return `${String(line.index).padStart(4)}: ${line.text}`;
}

export function disassembleInstruction(
  instruction: Instruction,
  program: Program,
  options: DisassembleOptions = {},
): string {
  const code = instruction.opcode.toString(16).padStart(2, '0');
  if (options.dialect === 'bpftool-7.1') {
    const old = printAsBpftool71(instruction, code);
    if (old !== null) return old;
  }
  return `(${code}) ${print(instruction, program, options)}`;
}

const ALU_SYMBOL: Readonly<Record<AluOp, string>> = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: 's/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  neg: 'neg',
  mod: '%=',
  smod: 's%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
};
const JMP_SYMBOL: Readonly<Record<JmpOp, string>> = {
  eq: '==',
  gt: '>',
  ge: '>=',
  set: '&',
  ne: '!=',
  sgt: 's>',
  sge: 's>=',
  lt: '<',
  le: '<=',
  slt: 's<',
  sle: 's<=',
};

function print(instruction: Instruction, program: Program, options: DisassembleOptions): string {
  switch (instruction.op) {
    case 'alu':
      return printAlu(instruction, ALU_SYMBOL[instruction.alu]);
    case 'movsx': {
      const { width, bits, dst, src } = instruction;
      return `${letter(width)}${String(dst)} = (s${String(bits)})${letter(width)}${String(src)}`;
    }
    case 'endian': {
      const name = { little: 'le', big: 'be', swap: 'bswap' }[instruction.to];
      return `r${String(instruction.dst)} = ${name}${String(instruction.bits)} r${String(instruction.dst)}`;
    }
    case 'jump':
      return `${instruction.opcode === 0x06 ? 'gotol' : 'goto'} pc${distance(instruction, instruction.target)}`;
    case 'branch': {
      const { width, dst, jmp, src, target } = instruction;
      const right = 'reg' in src ? `${letter(width)}${String(src.reg)}` : `0x${(src.imm >>> 0).toString(16)}`;
      return `if ${letter(width)}${String(dst)} ${JMP_SYMBOL[jmp]} ${right} goto pc${distance(instruction, target)}`;
    }
    case 'load':
      return printLoad(instruction);
    case 'store':
      return printStore(instruction);
    case 'atomic':
      return printAtomic(instruction);
    case 'load-imm64':
      return `r${String(instruction.dst)} = 0x${instruction.value.toString(16)}`;
    case 'load-map':
      return `r${String(instruction.dst)} = map[id:${String(instruction.mapId)}]`;
    case 'load-map-value':
      return `r${String(instruction.dst)} = map[id:${String(instruction.mapId)}][0]+${String(instruction.offset)}`;
    case 'load-function':
      return `r${String(instruction.dst)} = subprog[${distance(instruction, instruction.target)}]`;
    case 'call':
      return printCall(instruction, program, options);
    case 'call-helper':
    case 'call-kfunc':
      return `call ${functionName(instruction, options)}#${String(instruction.imm)}`;
    case 'tail-call':
      return `call bpf_tail_call#${String(TAIL_CALL_IMM)}`;
    case 'jump-register':
      return `gotox r${String(instruction.reg)}`;
    case 'exit':
      return 'exit';
    case 'nospec':
      return 'nospec';
    case 'address-conversion':
      return printConversion(instruction);
    case 'unsupported':
      return printUnsupported(instruction);
  }
}

function letter(width: 32 | 64): string {
  return width === 64 ? 'r' : 'w';
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${String(value)}`;
}

function distance(instruction: Instruction, target: number): string {
  return signed(target - instruction.index - 1);
}

function memory(type: 'u' | 's', size: Size, base: number, off: number): string {
  return `*(${type}${String(size * 8)} *)(r${String(base)} ${signed(off)})`;
}

function printAlu(instruction: Instruction & { op: 'alu' }, symbol: string): string {
  const { alu, width, dst, src } = instruction;
  const name = `${letter(width)}${String(dst)}`;
  if (alu === 'neg') return `${name} = -${name}`;
  return `${name} ${symbol} ${printOperand(src, width)}`;
}

function printOperand(source: Operand, width: 32 | 64): string {
  return 'reg' in source ? `${letter(width)}${String(source.reg)}` : String(source.imm);
}

const isAcquireOrRelease = (opcode: number): boolean => opcode >> 5 === 6;

function printLoad({ opcode, signed: extends_, size, dst, base, off }: Instruction & { op: 'load' }): string {
  const from = memory(extends_ ? 's' : 'u', size, base, off);
  return isAcquireOrRelease(opcode) ? `r${String(dst)} = load_acquire(${from.slice(1)})` : `r${String(dst)} = ${from}`;
}

function printStore({ opcode, size, base, off, src }: Instruction & { op: 'store' }): string {
  const to = memory('u', size, base, off);
  const value = printOperand(src, 64);
  return isAcquireOrRelease(opcode) ? `store_release(${to.slice(1)}, ${value})` : `${to} = ${value}`;
}

function printAtomic({ atomic, fetch, size, base, off, src }: Instruction & { op: 'atomic' }): string {
  const where = memory('u', size, base, off);
  if (!fetch) return `lock ${where} ${ALU_SYMBOL[atomic as AluOp]} r${String(src)}`;
  const name = `atomic${size === 8 ? '64' : ''}`;
  if (atomic === 'cmpxchg') return `r0 = ${name}_cmpxchg(${where.slice(1)}, r0, r${String(src)})`;
  const operation = atomic === 'xchg' ? 'xchg' : `fetch_${atomic}`;
  return `r${String(src)} = ${name}_${operation}(${where.slice(1)}, r${String(src)})`;
}

function printCall(instruction: Instruction & { op: 'call' }, program: Program, options: DisassembleOptions): string {
  const { bytes, byteOrder } = program;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const off = view.getInt16(instruction.index * 8 + 2, byteOrder === 'little');
  const name = options.subprogramName?.(instruction.imm);
  return `call pc${signed(off)}${name === undefined ? '' : `#${name}`}`;
}

/** Helper number 0 is called "unspec" in the kernel's list, and stands in every call whose function the dump hides. */
function functionName({ op, imm }: Instruction & { imm: number }, options: DisassembleOptions): string {
  const name = options.functionName?.(imm);
  if (name !== undefined) return name;
  if (op === 'call-kfunc') return 'kernel-function';
  return imm === 0 ? 'bpf_unspec' : 'unknown';
}

function printConversion({ what, dst, src, imm }: Instruction & { op: 'address-conversion' }): string {
  if (what === 'percpu') return `r${String(dst)} = &(void __percpu *)(r${String(src)})`;
  return `r${String(dst)} = addr_space_cast(r${String(src)}, ${String(imm >>> 16)}, ${String(imm & 0xffff)})`;
}

/** Forms that no listing shows for device programs; printed so that they can be told apart. */
function printUnsupported({ mnemonic, fields }: Instruction & { op: 'unsupported' }): string {
  const { dst, src, off, imm } = fields;
  return `${mnemonic} (dst ${String(dst)}, src ${String(src)}, off ${String(off)}, imm ${String(imm)})`;
}

/** The lines of bpftool 7.1.0 that differ; null where it prints what the kernel prints now. */
function printAsBpftool71(instruction: Instruction, code: string): string | null {
  const { op, opcode } = instruction;
  if (op === 'alu') {
    if (instruction.alu === 'sdiv') return `(${code}) ${printAlu(instruction, '/=')}`;
    return instruction.alu === 'smod' ? `(${code}) ${printAlu(instruction, '%=')}` : null;
  }
  if (op === 'movsx' || op === 'address-conversion') {
    const name = op === 'movsx' ? letter(instruction.width) : 'r';
    return `(${code}) ${name}${String(instruction.dst)} = ${name}${String(instruction.src)}`;
  }
  if (op === 'endian') return instruction.to === 'swap' ? `BUG_alu64_${code}` : null;
  if ((op === 'load' || op === 'store') && isAcquireOrRelease(opcode)) return `BUG_${code}`;
  if (op === 'load') return instruction.signed ? `BUG_ldx_${code}` : null;
  if (op === 'jump-register') return `(${code}) if r${String(instruction.reg)} jmp r0 goto pc+0`;
  if (op !== 'jump' || opcode !== 0x06) return null;
  const imm = (instruction.target - instruction.index - 1) >>> 0;
  return `(${code}) if w0 jmp 0x${imm.toString(16)} goto pc+0`;
}
