/** Programs as bytes, written without the encoder under test. */
import type { ByteOrder } from '../../src/ebpf/types.js';

export interface Fields {
  readonly dst?: number;
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
}

/** One 8-byte instruction. */
export function slot(
  opcode: number,
  { dst = 0, src = 0, off = 0, imm = 0 }: Fields = {},
  order: ByteOrder = 'little',
): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  bytes[0] = opcode;
  bytes[1] = order === 'little' ? (src << 4) | dst : (dst << 4) | src;
  view.setInt16(2, off, order === 'little');
  view.setInt32(4, imm, order === 'little');
  return bytes;
}

/** [opcode, dst | src << 4, offset, immediate], as RFC 9669 numbers them; a 64-bit immediate load is two rows. */
export type Row = readonly [opcode: number, registers: number, offset: number, immediate: number];

/** Instructions from rows. */
export function bytesOf(rows: readonly Row[], order: ByteOrder = 'little'): Uint8Array {
  return join(
    ...rows.map(([opcode, registers, off, imm]) =>
      slot(opcode, { dst: registers & 15, src: registers >> 4, off, imm }, order),
    ),
  );
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** dst = 64-bit constant. */
export function imm64(dst: number, value: bigint, order: ByteOrder = 'little'): Uint8Array {
  return join(
    slot(0x18, { dst, imm: Number(BigInt.asIntN(32, value)) }, order),
    slot(0, { imm: Number(BigInt.asIntN(32, value >> 32n)) }, order),
  );
}

export const EXIT: Uint8Array = slot(0x95);
export const mov = (dst: number, imm: number): Uint8Array => slot(0xb7, { dst, imm });
