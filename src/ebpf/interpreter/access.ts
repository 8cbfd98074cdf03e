/** Loads, stores and atomic operations through a register. */
import type { AtomicOp, Size } from '../types.js';
import { computeAlu } from './alu.js';
import { compareScalars } from './compare.js';
import type { Machine } from './machine.js';
import { mapReason } from './map-state.js';
import { forgetAllMaps, forgetMap, isFreed, mapOfMemory } from './maps.js';
import { known, mergeReasons, signExtend, truncate, unknownScalar, type Scalar } from './scalar.js';
import { addressReasons, asScalar, type Value } from './value.js';

export function loadFrom(machine: Machine, base: Value, off: number, size: Size, signed: boolean): Value {
  const memory = base.kind === 'pointer' ? machine.memories.get(base.memory) : undefined;
  if (base.kind === 'pointer' && base.offset !== null && memory !== undefined) {
    return memory.load(base.offset + off, size, signed, machine.unit.program.byteOrder);
  }
  // Only the inlined lookup of LRU maps reads the element itself: the "referenced" mark, which it sets where it is not set. Nothing
  // that a program can see depends on it.
  if (base.kind === 'element') return known(1n);
  const number = truncate(unknownScalar(addressReasons(base)), size * 8);
  return signed ? signExtend(number, size * 8) : number;
}

export function storeTo(machine: Machine, base: Value, off: number, size: Size, value: Value): void {
  switch (base.kind) {
    case 'pointer': {
      const memory = machine.memories.get(base.memory);
      if (base.offset === null) memory?.forget(addressReasons(base));
      else memory?.store(base.offset + off, size, value, machine.unit.program.byteOrder);
      const mapId = mapOfMemory(base.memory);
      if (mapId !== null && isFreed(machine, base.memory)) forgetMap(machine, mapId, [mapReason(mapId)]);
      return;
    }
    case 'opaque':
      if (base.points === 'any-map') forgetAllMaps(machine, base.reasons);
      else if (base.points !== 'elsewhere') forgetMap(machine, base.points, base.reasons);
      return;
    case 'scalar':
      // Never the stack: an address of the stack stays one, wherever it is kept.
      forgetAllMaps(machine, addressReasons(base));
      return;
    case 'element':
    case 'map':
    case 'code':
      return;
  }
}

/**
 * RFC 9669 section 5.3; one thread, so nothing comes between reading and writing.
 * @returns the former value, zero-extended.
 */
export function updateAtomically(
  machine: Machine,
  atomic: AtomicOp,
  size: 4 | 8,
  base: Value,
  off: number,
  operand: Value,
): Value {
  const former = loadFrom(machine, base, off, size, false);
  storeTo(machine, base, off, size, replacement(machine, atomic, size, former, operand));
  return former;
}

function replacement(machine: Machine, atomic: AtomicOp, size: 4 | 8, former: Value, operand: Value): Value {
  const width = size === 8 ? 64 : 32;
  if (atomic === 'xchg') return operand;
  if (atomic !== 'cmpxchg') return computeAlu(atomic, width, asScalar(former), asScalar(operand));
  const expected = asScalar(machine.register(0));
  const equal = compareScalars('eq', width, asScalar(former), expected);
  if (equal !== null) return equal ? operand : former;
  return unknownScalar(unionOf(asScalar(former), expected, asScalar(operand)));
}

function unionOf(...scalars: readonly Scalar[]): readonly string[] {
  return scalars.reduce<readonly string[]>((all, scalar) => mergeReasons(all, scalar.reasons), []);
}
