import { unknownScalar, type Scalar } from './scalar.js';

/** Address of a byte of a memory that the interpreter models. */
export interface Pointer {
  readonly kind: 'pointer';
  /** Name of the memory: "context", "stack:0", "array:7", ... */
  readonly memory: string;
  /** null: somewhere in that memory, it depends on `reasons` where. */
  readonly offset: number | null;
  readonly reasons: readonly string[];
}

/** The map itself, as helpers take it. */
export interface MapPointer {
  readonly kind: 'map';
  readonly mapId: number;
}

/** What __htab_map_lookup_elem returns: the kernel's hash element, whose value the program reaches by adding a constant. */
export interface ElementPointer {
  readonly kind: 'element';
  /** The memory of the element's value. */
  readonly memory: string;
}

/** An address (or NULL) that is not modelled; what is read there is unknown for `reasons`. */
export interface OpaquePointer {
  readonly kind: 'opaque';
  /** Which map's values it may point into: one, any, or none that the program could also reach otherwise. */
  readonly points: number | 'any-map' | 'elsewhere';
  readonly reasons: readonly string[];
}

/** Address of an instruction: a callback, or the target of an indirect jump. */
export interface CodePointer {
  readonly kind: 'code';
  readonly slot: number;
}

export type Value = Scalar | Pointer | MapPointer | ElementPointer | OpaquePointer | CodePointer;

/** The number that a value is when it is used as a number: addresses are not known. */
export function asScalar(value: Value): Scalar {
  if (value.kind === 'scalar') return value;
  return unknownScalar(reasonsOf(value));
}

/** Why a value, used as a number, is not known; empty for a known number. */
export function reasonsOf(value: Value): readonly string[] {
  switch (value.kind) {
    case 'scalar':
    case 'opaque':
      return value.reasons;
    case 'pointer':
      return value.reasons.length > 0 ? value.reasons : ['address'];
    case 'map':
    case 'element':
    case 'code':
      return ['address'];
  }
}

/** Why what is at an address is not known: a plain number may be the address of anything in the kernel. */
export function addressReasons(value: Value): readonly string[] {
  const reasons = reasonsOf(value);
  return reasons.length > 0 ? reasons : ['kernel-memory'];
}

export function pointer(memory: string, offset: number): Pointer {
  return { kind: 'pointer', memory, offset, reasons: [] };
}
