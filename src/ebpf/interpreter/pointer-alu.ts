import type { AluOp } from '../types.js';
import type { Machine } from './machine.js';
import { arrayPointer } from './maps.js';
import { isScattered } from './per-cpu.js';
import { isKnown, known, mergeReasons } from './scalar.js';
import { pointer, reasonsOf, type Value } from './value.js';

/**
 * 64-bit arithmetic with an address.
 * @returns null where the result is just a number nobody knows.
 */
export function computePointerAlu(machine: Machine, alu: AluOp, left: Value, right: Value): Value | null {
  if (alu === 'add') return right.kind === 'scalar' ? move(machine, left, right, 1) : move(machine, right, left, 1);
  if (alu !== 'sub') return null;
  if (left.kind === 'pointer' && right.kind === 'pointer') {
    if (left.memory !== right.memory || left.offset === null || right.offset === null) return null;
    if (isScattered(left.memory)) return null;
    return known(BigInt(left.offset - right.offset));
  }
  return move(machine, left, right, -1);
}

function move(machine: Machine, address: Value, by: Value, sign: 1 | -1): Value | null {
  if (by.kind !== 'scalar') return null;
  switch (address.kind) {
    case 'pointer': {
      const distance = isKnown(by) && address.offset !== null ? Number(BigInt.asIntN(64, by.value)) : null;
      if (distance !== null) return pointer(address.memory, (address.offset ?? 0) + sign * distance);
      return { ...address, offset: null, reasons: mergeReasons(address.reasons, by.reasons) };
    }
    // The verifier refuses arithmetic on both of these, so it is the kernel's: the inlined lookup of an array adds the offset of the
    // first value in struct bpf_array, that of a hash map the offset of the value in struct htab_elem. The constants vary by release.
    case 'map':
      return isKnown(by) ? arrayPointer(machine, address.mapId, 0) : null;
    case 'element':
      return isKnown(by) ? pointer(address.memory, 0) : null;
    case 'opaque':
      return { ...address, reasons: mergeReasons(address.reasons, reasonsOf(by)) };
    case 'scalar':
    case 'code':
      return null;
  }
}
