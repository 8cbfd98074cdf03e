import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { select, type BitVector } from './bitvector.js';
import { NULL_WORD, sameWord, selectWord, wordOf, type Word } from './word.js';

/**
 * What a pointer points into. Regions are interned (`Regions`), so that two pointers into the same thing have the same region object.
 * - context: the 12 bytes of struct bpf_cgroup_dev_ctx
 * - stack: the frame at that call depth; offset 0 is its frame pointer, r10
 * - map: the kernel's struct bpf_map, to be passed to helpers
 * - values: the values of a map, laid end to end (`map-image.ts`)
 * - element: the kernel's struct htab_elem around a value; a constant is added to it to reach the value (htab_map_gen_lookup)
 * - percpu: the table of per-cpu pointers of a map's values
 * - function: a function of the running program; offset is its first slot
 * - code: a position in the running program, from a jump table; offset is the slot
 * - cpu: per-cpu variables of the kernel
 * - arguments: arguments after the fifth of the function at that call depth, the sixth at offset 0
 * - key: the key that a callback at that call depth is shown
 * - opaque: memory that a helper gave out and that overlaps none of the others: what is read from it is unknown
 */
export interface Region {
  readonly kind:
    | 'context'
    | 'stack'
    | 'arguments'
    | 'map'
    | 'values'
    | 'element'
    | 'percpu'
    | 'function'
    | 'code'
    | 'opaque'
    | 'cpu'
    | 'key';
  /** Call depth for stack and arguments, map id for map kinds, otherwise 0. */
  readonly id: number;
}

export class Regions {
  readonly #known = new Map<string, Region>();

  get(kind: Region['kind'], id = 0): Region {
    const key = `${kind}:${String(id)}`;
    let region = this.#known.get(key);
    if (region === undefined) {
      region = { kind, id };
      this.#known.set(key, region);
    }
    return region;
  }
}

/** Where `guard` holds, the value is the address `offset` bytes into `region`. */
export interface PointerAlternative {
  readonly guard: Ref;
  readonly region: Region;
  /** 64 bits, two's complement. */
  readonly offset: BitVector;
}

/**
 * A register or stack word: a number, or a pointer, or one or the other depending on the request. Guards of the pointers exclude each
 * other; where none holds the value is the number `word`. Nothing is meant by either outside the path condition of the state it belongs to.
 */
export interface Value {
  readonly word: Word;
  readonly pointers: readonly PointerAlternative[];
}

const NO_POINTERS: readonly PointerAlternative[] = [];

export function scalar(bits: BitVector): Value {
  return { word: wordOf(bits), pointers: NO_POINTERS };
}

export function scalarWord(word: Word): Value {
  return { word, pointers: NO_POINTERS };
}

export function pointer(region: Region, offset: BitVector): Value {
  return { word: NULL_WORD, pointers: [{ guard: TRUE, region, offset }] };
}

/** Whether a region is one piece of memory, so that an offset always means the same place of it; what helpers gave out and what a CPU has goes by one name only. */
export function isOnePiece(region: Region): boolean {
  return region.kind !== 'opaque' && region.kind !== 'cpu';
}

/** Where the value is a number. */
export function isScalarWhere(m: BddManager, value: Value): Ref {
  let pointing: Ref = FALSE;
  for (const alternative of value.pointers) pointing = m.or(pointing, alternative.guard);
  return pointing ^ 1;
}

/** a where `condition` holds, b elsewhere. Pointers into the same region become one alternative with a selected offset. */
export function selectValue(m: BddManager, condition: Ref, a: Value, b: Value): Value {
  if (a === b || condition === TRUE) return a;
  if (condition === FALSE) return b;
  if (a.pointers.length === 0 && b.pointers.length === 0) {
    return sameWord(a.word, b.word) ? a : scalarWord(selectWord(m, condition, a.word, b.word));
  }
  const pointers = selectPointers(m, condition, a.pointers, b.pointers);
  if (isAlwaysPointer(a)) return { word: b.word, pointers };
  if (isAlwaysPointer(b)) return { word: a.word, pointers };
  return { word: selectWord(m, condition, a.word, b.word), pointers };
}

function isAlwaysPointer(value: Value): boolean {
  return value.pointers.length === 1 && value.pointers[0]!.guard === TRUE;
}

export function selectPointers(
  m: BddManager,
  condition: Ref,
  a: readonly PointerAlternative[],
  b: readonly PointerAlternative[],
): readonly PointerAlternative[] {
  if (a === b) return a;
  const result: PointerAlternative[] = [];
  for (const region of new Set([...a, ...b].map((alternative) => alternative.region))) {
    const inA = a.find((alternative) => alternative.region === region);
    const inB = b.find((alternative) => alternative.region === region);
    const guard = m.ite(condition, inA?.guard ?? FALSE, inB?.guard ?? FALSE);
    if (guard === FALSE) continue;
    const offset =
      inA === undefined ? inB!.offset : inB === undefined ? inA.offset : select(m, condition, inA.offset, inB.offset);
    result.push({ guard, region, offset });
  }
  return result;
}

/** The same value with what cannot be under `path` left out; a pointer that is certain there loses its guard. */
export function simplifyUnder(m: BddManager, path: Ref, value: Value): Value {
  const pointers: PointerAlternative[] = [];
  for (const alternative of value.pointers) {
    const within = m.and(path, alternative.guard);
    if (within === path) return pointer(alternative.region, alternative.offset);
    if (within !== FALSE) pointers.push(alternative);
  }
  return pointers.length === value.pointers.length ? value : { word: value.word, pointers };
}
