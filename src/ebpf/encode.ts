import { InputError } from '../errors.js';
import { ATOMIC, CALL_SOURCE, IMM64_SOURCE, TAIL_CALL_IMM } from './opcodes.js';
import type { AluOp, AtomicOp, ByteOrder, Instruction, Operand, RawFields } from './types.js';

/**
 * The bytes of a translated program, the inverse of `decode`. Instructions have to stand in slot order; `index` of the first is 0.
 *
 * What typed instructions do not keep is written in its usual form: the mark of an inserted zero extension (imm 1 of `wD = wD`) as 0, and
 * the distance of a call whose target is null as 0.
 *
 * @throws InputError where a field does not fit (a jump further than 16 bits reach, a slot number out of order).
 */
export function encode(instructions: readonly Instruction[], byteOrder: ByteOrder): Uint8Array {
  const slots: Slot[] = [];
  for (const instruction of instructions) {
    if (instruction.index !== slots.length) {
      throw new InputError(`instruction ${String(instruction.index)} stands at slot ${String(slots.length)}`);
    }
    const fields = fieldsOf(instruction);
    slots.push({ ...fields, opcode: instruction.opcode });
    if (isWide(instruction)) slots.push({ opcode: 0, dst: 0, src: 0, off: 0, imm: fields.next, next: 0 });
  }
  return writeSlots(slots, byteOrder);
}

interface Slot extends RawFields {
  readonly opcode: number;
}

const NO_FIELDS: RawFields = { dst: 0, src: 0, off: 0, imm: 0, next: 0 };

export function isWide(instruction: Instruction): boolean {
  return instruction.opcode === 0x18;
}

function fieldsOf(instruction: Instruction): RawFields {
  switch (instruction.op) {
    case 'alu': {
      const off = instruction.alu === 'sdiv' || instruction.alu === 'smod' ? 1 : 0;
      const { dst, src } = instruction;
      return instruction.alu === 'neg' ? { ...NO_FIELDS, dst } : { ...NO_FIELDS, dst, off, ...operandFields(src) };
    }
    case 'movsx':
      return { ...NO_FIELDS, dst: instruction.dst, src: instruction.src, off: instruction.bits };
    case 'endian':
      return { ...NO_FIELDS, dst: instruction.dst, imm: instruction.bits };
    case 'jump':
      return instruction.opcode === 0x06
        ? { ...NO_FIELDS, imm: instruction.target - instruction.index - 1 }
        : { ...NO_FIELDS, off: distance(instruction, instruction.target) };
    case 'branch': {
      const { dst, src, target } = instruction;
      return { ...NO_FIELDS, dst, off: distance(instruction, target), ...operandFields(src) };
    }
    case 'load': {
      const { opcode, dst, base, off } = instruction;
      return { ...NO_FIELDS, dst, src: base, off, imm: isAtomicOpcode(opcode) ? ATOMIC.LOAD_ACQ : 0 };
    }
    case 'store': {
      const { opcode, base, off, src } = instruction;
      const order = isAtomicOpcode(opcode) ? { imm: ATOMIC.STORE_REL } : {};
      return { ...NO_FIELDS, dst: base, off, ...operandFields(src), ...order };
    }
    case 'atomic': {
      const { base, off, src, atomic, fetch } = instruction;
      return { ...NO_FIELDS, dst: base, src, off, imm: atomicImmediate(atomic, fetch) };
    }
    case 'load-imm64': {
      const { dst, value } = instruction;
      const imm = Number(BigInt.asIntN(32, value));
      return { ...NO_FIELDS, dst, src: IMM64_SOURCE.VALUE, imm, next: Number(BigInt.asIntN(32, value >> 32n)) };
    }
    case 'load-map':
      return { ...NO_FIELDS, dst: instruction.dst, src: IMM64_SOURCE.MAP, imm: instruction.mapId | 0 };
    case 'load-map-value': {
      const { dst, mapId, offset } = instruction;
      return { ...NO_FIELDS, dst, src: IMM64_SOURCE.MAP_VALUE, imm: mapId | 0, next: offset | 0 };
    }
    case 'load-function': {
      const { dst, index, target, subprogram } = instruction;
      return { ...NO_FIELDS, dst, src: IMM64_SOURCE.FUNCTION, imm: target - index - 1, next: subprogram };
    }
    case 'call': {
      const off = instruction.target === null ? 0 : distance(instruction, instruction.target);
      return { ...NO_FIELDS, src: CALL_SOURCE.LOCAL, off, imm: instruction.imm };
    }
    case 'call-helper':
      return { ...NO_FIELDS, imm: instruction.imm };
    case 'call-kfunc':
      return { ...NO_FIELDS, src: CALL_SOURCE.KFUNC, off: instruction.off, imm: instruction.imm };
    case 'tail-call':
      return { ...NO_FIELDS, imm: TAIL_CALL_IMM };
    case 'jump-register':
      return { ...NO_FIELDS, dst: instruction.reg };
    case 'address-conversion': {
      const { dst, src, imm, what } = instruction;
      return { ...NO_FIELDS, dst, src, off: what === 'percpu' ? -1 : 1, imm };
    }
    case 'unsupported':
      return instruction.fields;
    case 'exit':
    case 'nospec':
      return NO_FIELDS;
  }
}

function operandFields(source: Operand): { src: number } | { imm: number } {
  return 'reg' in source ? { src: source.reg } : { imm: source.imm };
}

const isAtomicOpcode = (opcode: number): boolean => opcode >> 5 === 6;

function atomicImmediate(atomic: AtomicOp, fetch: boolean): number {
  if (atomic === 'xchg') return ATOMIC.XCHG;
  if (atomic === 'cmpxchg') return ATOMIC.CMPXCHG;
  const code: Readonly<Partial<Record<AluOp, number>>> = {
    add: ATOMIC.ADD,
    or: ATOMIC.OR,
    and: ATOMIC.AND,
    xor: ATOMIC.XOR,
  };
  return (code[atomic] ?? 0) | (fetch ? ATOMIC.FETCH : 0);
}

function distance(instruction: Instruction, target: number): number {
  const off = target - instruction.index - 1;
  // A call in a long program keeps the low 16 bits only, as the kernel writes it.
  if (instruction.op === 'call') return (off << 16) >> 16;
  if (off < -0x8000 || off > 0x7fff) {
    throw new InputError(`instruction ${String(instruction.index)}: ${String(off)} slots are too far for a jump`);
  }
  return off;
}

function writeSlots(slots: readonly Slot[], byteOrder: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(slots.length * 8);
  const view = new DataView(bytes.buffer);
  const little = byteOrder === 'little';
  slots.forEach(({ opcode, dst, src, off, imm }, slot) => {
    view.setUint8(slot * 8, opcode);
    view.setUint8(slot * 8 + 1, little ? (src << 4) | dst : (dst << 4) | src);
    view.setInt16(slot * 8 + 2, off, little);
    view.setInt32(slot * 8 + 4, imm, little);
  });
  return bytes;
}
