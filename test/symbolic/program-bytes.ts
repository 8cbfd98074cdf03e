/** A few more instruction forms for hand-written programs; opcodes and fields as in RFC 9669 and as the kernel dumps them. */
import { join, slot } from '../ebpf/bytes.js';
import type { ByteOrder } from '../../src/ebpf/types.js';

/** Opcodes by what bpftool prints. */
export const OP = {
  movReg: 0xbf,
  mov: 0xb7,
  addReg: 0x0f,
  add: 0x07,
  jeq: 0x15,
  jne: 0x55,
  jgt: 0x25,
  jge: 0x35,
  ja: 0x05,
  ldw: 0x61,
  ldh: 0x69,
  ldb: 0x71,
  lddw: 0x79,
  stw: 0x62,
  stxw: 0x63,
  stxh: 0x6b,
  stxb: 0x73,
  stxdw: 0x7b,
  call: 0x85,
} as const;

/** ld_imm64 with src 1 (map), 2 (map value at an offset) or 4 (function). */
export function reference(dst: number, src: 1 | 2 | 4, imm: number, next = 0, order: ByteOrder = 'little'): Uint8Array {
  return join(slot(0x18, { dst, src, imm }, order), slot(0, { imm: next }, order));
}
export const helper = (imm: number): Uint8Array => slot(OP.call, { imm });
export const functionCall = (distance: number): Uint8Array => slot(OP.call, { src: 1, off: distance });
export const tailCallInstruction: Uint8Array = helper(12);

/** Little-endian 32-bit numbers as bytes, and as the hex of a map's key. */
export function words(...numbers: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}
export function hexKey(...numbers: number[]): string {
  return Buffer.from(words(...numbers)).toString('hex');
}

/** A number as bytes in a byte order (the bytes of a big-endian one end with the lowest), and as the hex of a map's key. */
export function numberIn(order: ByteOrder, size: number, value: bigint): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
  return order === 'little' ? bytes : bytes.reverse();
}
export function hexIn(order: ByteOrder, size: number, value: bigint): string {
  return Buffer.from(numberIn(order, size, value)).toString('hex');
}
