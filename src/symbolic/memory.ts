import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { select } from './bitvector.js';
import { selectPointers, type PointerAlternative } from './value.js';
import { bytesOf, NULL_WORD, selectWord, wordFromBytes, type Byte, type Word } from './word.js';

/**
 * Eight bytes of memory at an address divisible by 8.
 * Bits 8k to 8k+7 of `word` are the byte at address + k, so a slot has no byte order; reading and writing numbers gives it one.
 */
export interface Slot {
  readonly word: Word;
  /** For each byte, where it has been written: everywhere that a pointer was stored, and maybe elsewhere. */
  readonly written: readonly Ref[];
  /** Pointers that were stored whole, each with where it holds; elsewhere the bytes count. */
  readonly pointers: readonly PointerAlternative[];
  /** Why a byte that was not written is unknown, as reported: "uninitialised", "depends:map:7", "helper:unresolved". */
  readonly reason: string;
}

const NONE_WRITTEN: readonly Ref[] = new Array<Ref>(8).fill(FALSE);
export const UNINITIALISED = 'uninitialised';
export const ALL_WRITTEN: readonly Ref[] = new Array<Ref>(8).fill(TRUE);

/** Slot number (address divided by 8, rounded down) to contents; what is absent is as it was at the start. Never changed in place. */
export type MemoryObject = ReadonlyMap<number, Slot>;

export function wholeSlot(word: Word, pointers: readonly PointerAlternative[] = []): Slot {
  return { word, written: ALL_WRITTEN, pointers, reason: UNINITIALISED };
}

/** Eight bytes of which nothing is known. */
export function unknownSlot(reason: string): Slot {
  return { word: NULL_WORD, written: NONE_WRITTEN, pointers: [], reason };
}

/** The slot with bytes from `first` on replaced, fewer than eight. */
export function writeBytes(m: BddManager, slot: Slot, first: number, bytes: readonly Byte[]): Slot {
  const count = bytes.length;
  const before = bytesOf(slot.word);
  const word = wordFromBytes([...before.slice(0, first), ...bytes, ...before.slice(first + count)]);
  const written = [...slot.written];
  for (let k = 0; k < count; k++) written[first + k] = TRUE;
  // A pointer that is partly overwritten is no pointer any more, and its other bytes are part of an address: not known.
  if (slot.pointers.length > 0) {
    let pointing: Ref = FALSE;
    for (const alternative of slot.pointers) pointing = m.or(pointing, alternative.guard);
    for (let k = 0; k < 8; k++) {
      if (k < first || k >= first + count) written[k] = m.and(written[k]!, pointing ^ 1);
    }
  }
  return { word, written, pointers: [], reason: slot.reason };
}

export function selectSlot(m: BddManager, condition: Ref, a: Slot, b: Slot): Slot {
  if (a === b) return a;
  return {
    word: selectWord(m, condition, a.word, b.word),
    written: a.written === b.written ? a.written : select(m, condition, a.written, b.written),
    pointers: selectPointers(m, condition, a.pointers, b.pointers),
    reason: a.reason === UNINITIALISED ? b.reason : a.reason,
  };
}

/** a where `condition` holds, b elsewhere; `initial` gives the contents of a slot that was never written. */
export function selectObject(
  m: BddManager,
  condition: Ref,
  a: MemoryObject,
  b: MemoryObject,
  initial: (slot: number) => Slot,
): MemoryObject {
  if (a === b) return a;
  const result = new Map<number, Slot>();
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    result.set(key, selectSlot(m, condition, a.get(key) ?? initial(key), b.get(key) ?? initial(key)));
  }
  return result;
}
