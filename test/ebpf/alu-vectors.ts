/** The golden vectors of test/fixtures/ebpf/alu-vectors.txt as instructions with operands and results. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { slot, type Fields } from './bytes.js';

export interface AluVector {
  readonly name: string;
  /** The one instruction: dst r0, src r1 where it takes a register. Jumps skip the two instructions behind them. */
  readonly bytes: Uint8Array;
  readonly dst: bigint;
  readonly src: bigint;
  /** The new value of the destination, or whether the jump is taken. */
  readonly expected: bigint | boolean;
}

const ALU_CODES: Readonly<Record<string, [code: number, off: number]>> = {
  ADD: [0x00, 0],
  MUL: [0x20, 0],
  DIV: [0x30, 0],
  SDIV: [0x30, 1],
  OR: [0x40, 0],
  AND: [0x50, 0],
  LSH: [0x60, 0],
  RSH: [0x70, 0],
  NEG: [0x80, 0],
  MOD: [0x90, 0],
  SMOD: [0x90, 1],
  MOV: [0xb0, 0],
  ARSH: [0xc0, 0],
};
const JMP_CODES: Readonly<Record<string, number>> = {
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JSGT: 0x60,
  JLT: 0xa0,
};
const END_OPCODES: Readonly<Record<string, number>> = { 'END le': 0xd4, 'END be': 0xdc, BSWAP: 0xd7 };
/** Length of a jump in the vectors. */
const SKIP = 2;

/** "LSH64 by reg 67", "AND64 imm 0xffff0000 sign-ext", "END be16", "MOVSX16->32 (zero-ext)", "JEQ32 imm -1 vs 0xffffffff" */
function instruction(name: string): Uint8Array {
  const movsx = /^MOVSX(\d+)->(\d+)/.exec(name);
  if (movsx !== null) return slot(movsx[2] === '64' ? 0xbf : 0xbc, { src: 1, off: Number(movsx[1]) });
  const end = /^(END le|END be|BSWAP)(\d+)/.exec(name);
  if (end !== null) return slot(END_OPCODES[end[1] ?? ''] ?? 0, { imm: Number(end[2]) });
  const match = /^([A-Z]+)(32|64)(?: imm (-?(?:0x)?[0-9a-f]+))?/.exec(name);
  const [, operation = '', width, imm] = match ?? [];
  const fields: Fields = imm === undefined ? { src: 1 } : { imm: Number(imm) | 0 };
  const source = imm === undefined ? 0x08 : 0;
  const jump = JMP_CODES[operation];
  if (jump !== undefined) return slot(jump | source | (width === '64' ? 5 : 6), { ...fields, off: SKIP });
  const alu = ALU_CODES[operation];
  if (alu === undefined) throw new Error(`no instruction for vector "${name}"`);
  const base = width === '64' ? 7 : 4;
  if (operation === 'NEG') return slot(base | alu[0]);
  return slot(alu[0] | source | base, { ...fields, off: alu[1] });
}

export function readAluVectors(): AluVector[] {
  const text = readFileSync(join(import.meta.dirname, '../fixtures/ebpf/alu-vectors.txt'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): AluVector => {
      const match = /^(.*?)\s+a=([0-9a-f]+) b=([0-9a-f]+) -> (.*)$/.exec(line);
      if (match === null) throw new Error(`no vector: ${line}`);
      const [, name = '', a = '', b = '', result = ''] = match;
      const expected = result.endsWith('taken') ? result === 'taken' : BigInt(`0x${result}`);
      const src = BigInt(`0x${b}`);
      return { name, bytes: instruction(name), dst: BigInt(`0x${a}`), src, expected };
    });
}
