/** Forms of the classes ALU and ALU64 (RFC 9669 sections 4.1 and 4.2). */
import { READABLE, UNUSED, WRITABLE, ZERO, type InstructionForm } from './form.js';
import { ALU, CLASS, SOURCE } from './opcodes.js';
import type { AluOp, Width } from './types.js';

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

export const ALU_FORMS: readonly InstructionForm[] = [...aluForms(32), ...aluForms(64), ...MOVE_FORMS, ...ENDIAN_FORMS];
