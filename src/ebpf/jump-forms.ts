/** Forms of the classes JMP and JMP32 (RFC 9669 section 4.3), and the speculation barrier. */
import { exactly, READABLE, UNUSED, ZERO, type InstructionForm } from './form.js';
import { CALL_SOURCE, CLASS, JMP, SOURCE, TAIL_CALL_IMM } from './opcodes.js';
import type { JmpOp, Width } from './types.js';

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

export const JUMP_FORMS: readonly InstructionForm[] = [...branchForms(64), ...branchForms(32), ...FLOW_FORMS];
