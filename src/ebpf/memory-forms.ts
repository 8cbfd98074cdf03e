/** Forms of the classes LD, LDX, ST and STX (RFC 9669 section 5). */
import { exactly, READABLE, UNUSED, WRITABLE, ZERO, type InstructionForm } from './form.js';
import { ATOMIC, CLASS, IMM64_SOURCE, MODE, SIZE, SIZE_BYTES } from './opcodes.js';
import type { AtomicOp, Size } from './types.js';

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

export const MEMORY_FORMS: readonly InstructionForm[] = [
  ...memoryForms(),
  ...atomicForms(),
  ...IMM64_FORMS,
  ...packetForms(),
  ...probeForms(),
];
