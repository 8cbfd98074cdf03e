import { FALSE, type Ref } from '../bdd/manager.js';
import { add } from './arithmetic.js';
import { constantValue, ZERO64, type BitVector } from './bitvector.js';
import type { Machine } from './machine.js';
import { byAddress } from './by-address.js';
import { byteSwap } from './shift.js';
import { pointer, scalar, type Region, type Value } from './value.js';
import { ALL_BITS } from './word.js';

/** Loads of 8 bytes from tables of kernel pointers that inlined map lookups and jump tables read; null where `region` is no such table. */
export function loadPointerTable(machine: Machine, region: Region, care: Ref, address: BitVector): Value | null {
  if (region.kind === 'percpu')
    return pointer(machine.regions.get('values', region.id), perCpuOffset(machine, region, address));
  if (region.kind !== 'values') return null;
  const type = machine.map(region.id)?.type ?? '';
  if (type.endsWith('_of_maps')) return byAddress(machine, care, address, (at) => innerMap(machine, region, at));
  if (type === 'insn_array') return byAddress(machine, care, address, (at) => jumpTarget(machine, region, at));
  return null;
}

/**
 * A per-cpu array has a table of 8-byte pointers to its elements (kernel/bpf/arraymap.c); an element of a per-cpu hash holds one pointer in
 * the place of its value (kernel/bpf/hashtab.c).
 */
function perCpuOffset(machine: Machine, region: Region, address: BitVector): BitVector {
  const m = machine.manager;
  const image = machine.image(region.id);
  if (image?.isArray !== true) return address;
  const index = [...address.slice(3), FALSE, FALSE, FALSE];
  let offset: BitVector = ZERO64;
  for (let bit = 0; bit < 32; bit++) {
    if (((image.stride >>> bit) & 1) === 1)
      offset = add(m, offset, [...new Array<Ref>(bit).fill(FALSE), ...index].slice(0, 64));
  }
  return offset;
}

/** An entry of a map of maps; user space reads it as the inner map's id, 0 where there is none. */
function innerMap(machine: Machine, region: Region, at: number): Value {
  const slot = machine.initialSlot(region, Math.floor(at / 8));
  const bits = slot.word.need(ALL_BITS).slice(0, 32);
  const id = constantValue(machine.littleEndian ? bits : byteSwap(bits, 32));
  const read = at % 8 === 0 && slot.written[3] !== FALSE;
  if (!read || id === null) return scalar(machine.fresh(`depends:map:${String(region.id)}`));
  return id === 0n ? scalar(ZERO64) : pointer(machine.regions.get('map', Number(id)), ZERO64);
}

/** An entry of a jump table (kernel/bpf/bpf_insn_array.c): 8 bytes per entry, leading to the instruction that is `xlated_off` in its value. */
function jumpTarget(machine: Machine, region: Region, at: number): Value {
  const key = new DataView(new ArrayBuffer(4));
  key.setUint32(0, Math.floor(at / 8), machine.littleEndian);
  const value = machine.map(region.id)?.entries?.get(Buffer.from(key.buffer).toString('hex'));
  if (value === undefined || value.length < 8 || at % 8 !== 0)
    return scalar(machine.fresh(`depends:map:${String(region.id)}`));
  const slot = new DataView(value.buffer, value.byteOffset).getUint32(4, machine.littleEndian);
  return pointer(machine.regions.get('code', slot), ZERO64);
}
