import type { ByteOrder, Size } from '../types.js';
import { madeOf, mergeReasons, partsOf, signExtend, type Part, type Scalar } from './scalar.js';
import { asScalar, reasonsOf, type Value } from './value.js';

/** One byte: eight bits, some perhaps unknown, or one of the eight bytes of a stored address. */
export type Cell =
  | { readonly kind: 'byte'; readonly value: number; readonly unknown: number; readonly reasons: readonly string[] }
  | { readonly kind: 'part'; readonly of: Value; readonly part: number };

export function knownByte(value: number): Cell {
  return { kind: 'byte', value, unknown: 0, reasons: [] };
}

export function unknownByte(reasons: readonly string[]): Cell {
  return { kind: 'byte', value: 0, unknown: 0xff, reasons };
}

/** A run of bytes with any offsets, also negative ones (a stack frame grows down from offset 0). */
export class Memory {
  readonly #cells: Map<number, Cell>;
  /** What a byte holds that this run has not written. */
  #initial: (offset: number) => Cell;

  constructor(initial: (offset: number) => Cell, cells: ReadonlyMap<number, Cell> = new Map<number, Cell>()) {
    this.#initial = initial;
    this.#cells = new Map(cells);
  }

  clone(): Memory {
    return new Memory(this.#initial, this.#cells);
  }

  cell(offset: number): Cell {
    return this.#cells.get(offset) ?? this.#initial(offset);
  }

  setCell(offset: number, cell: Cell): void {
    this.#cells.set(offset, cell);
  }

  /** Every byte becomes unknown. */
  forget(reasons: readonly string[]): void {
    this.#cells.clear();
    this.#initial = (): Cell => unknownByte(reasons);
  }

  /** `size` bytes as one value. An address comes back as it was stored if all its eight bytes are there in order. */
  load(offset: number, size: Size, signed: boolean, byteOrder: ByteOrder): Value {
    const cells = Array.from({ length: size }, (_, i) => this.cell(offset + i));
    const whole = storedAddress(cells);
    if (whole !== null) return whole;
    const number = joinBytes(byteOrder === 'little' ? cells.toReversed() : cells);
    return signed ? signExtend(number, size * 8) : number;
  }

  store(offset: number, size: Size, value: Value, byteOrder: ByteOrder): void {
    if (value.kind !== 'scalar' && size === 8) {
      for (let part = 0; part < 8; part++) this.setCell(offset + part, { kind: 'part', of: value, part });
      return;
    }
    const number = asScalar(value);
    const { value: bits, unknown } = number;
    for (let i = 0; i < size; i++) {
      const shift = BigInt(8 * (byteOrder === 'little' ? i : size - 1 - i));
      const unknownBits = Number((unknown >> shift) & 0xffn);
      this.setCell(offset + i, {
        kind: 'byte',
        value: Number((bits >> shift) & 0xffn),
        unknown: unknownBits,
        reasons: unknownBits === 0 ? [] : madeOf(0n, unknown & (0xffn << shift), partsOf(number)).reasons,
      });
    }
  }
}

function storedAddress(cells: readonly Cell[]): Value | null {
  const first = cells[0];
  if (first?.kind !== 'part' || cells.length !== 8) return null;
  const inOrder = cells.every((cell, i) => cell.kind === 'part' && cell.of === first.of && cell.part === i);
  return inOrder ? first.of : null;
}

/** Most significant byte first. */
function joinBytes(cells: readonly Cell[]): Scalar {
  let value = 0n;
  let unknown = 0n;
  const parts: Part[] = [];
  cells.forEach((cell, i) => {
    const bits = 0xffn << BigInt(8 * (cells.length - 1 - i));
    const [known, open, reasons] =
      cell.kind === 'byte' ? [cell.value, cell.unknown, cell.reasons] : [0, 0xff, reasonsOf(cell.of)];
    value = (value << 8n) | BigInt(known);
    unknown = (unknown << 8n) | BigInt(open);
    parts.push(...reasons.map((reason) => ({ reason, bits })));
  });
  return madeOf(value, unknown, parts);
}

/** Bytes [offset, offset + length) if every bit of them is known, else the reasons why not. */
export function readBytes(
  memory: Memory,
  offset: number,
  length: number,
): Uint8Array | { readonly reasons: readonly string[] } {
  const bytes = new Uint8Array(length);
  let reasons: readonly string[] = [];
  for (let i = 0; i < length; i++) {
    const cell = memory.cell(offset + i);
    if (cell.kind === 'part') reasons = mergeReasons(reasons, reasonsOf(cell.of));
    else if (cell.unknown !== 0) reasons = mergeReasons(reasons, cell.reasons);
    else bytes[i] = cell.value;
  }
  return reasons.length === 0 ? bytes : { reasons };
}
