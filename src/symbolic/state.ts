import type { BddManager, Ref } from '../bdd/manager.js';
import { select, type BitVector } from './bitvector.js';
import { selectObject, type MemoryObject, type Slot } from './memory.js';
import { selectValue, type Region, type Value } from './value.js';

/** Registers 0 to 10 and the kernel's scratch registers 11 and 12. */
export const REGISTER_COUNT = 13;
export const FRAME_POINTER = 10;

/** A register that was never written is undefined. */
export type Registers = (Value | undefined)[];

/** What a running function returns to. */
export interface Frame {
  /** Caller's position after the call. */
  readonly resume: number;
  /** Program (index in the evaluation) that the caller runs. */
  readonly callerProgram: number;
  /** Tail calls made before the call. */
  readonly tailCalls: number;
  /** Where the call was made, as part of a place's order (`place.ts`). */
  readonly place: readonly number[];
  /** r6 to r9 of the caller: a callee must preserve them, so the JIT and interpreter give them back. */
  readonly saved: readonly (Value | undefined)[];
  /** Set when a helper called the function back in a loop (bpf_loop). */
  readonly loop: CallbackLoop | null;
}

export interface CallbackLoop {
  readonly iteration: number;
  readonly limit: BitVector;
  readonly target: number;
  readonly context: Value;
  /** The map whose elements the callback is shown (bpf_for_each_map_elem). */
  readonly mapId: number | null;
}

/**
 * All machine states that reach one place, as one: every part is a function of the request (and of the inputs), meaningful where `path`
 * holds. States are changed only by the code that owns them; a shared part (frames, memory objects, values) is never changed in place.
 */
export interface MachineState {
  /** Which requests (and inputs) come here. */
  path: Ref;
  registers: Registers;
  /** Index of the running program (`Machine.programs`); tail calls change it. */
  program: number;
  /** Tail calls made so far. */
  tailCalls: number;
  /** Fewest and most that some kernel counts of them: not those of functions that have returned; also those that found no program. */
  fewestTailCalls: number;
  mostTailCalls: number;
  /** Innermost last; empty in the main function. */
  frames: readonly Frame[];
  /** Only regions that were written to. */
  memory: ReadonlyMap<Region, MemoryObject>;
  /** The run's `retval` (32 bits) if the program has changed it; null: as it was at entry. */
  retval: BitVector | null;
  /** What the program has put into and deleted from hash maps, oldest first. */
  mapWrites: ReadonlyMap<number, readonly MapWrite[]>;
  /** Maps whose set of keys a helper may have changed in a way that is not known, and where. */
  changedMaps: ReadonlyMap<number, Ref>;
  /** Where something that is not modelled may have written to the values of any map. */
  clobbered: Ref;
}

/** A change of one key of a hash map, where `where` holds; what it put there lies at `offset` in the map's values, null: it was deleted. */
export interface MapWrite {
  readonly where: Ref;
  readonly key: BitVector;
  readonly offset: number | null;
  /** Where the key was there before: its element is free now, and the next that is put may be it. */
  readonly frees: Ref;
}

export function copyState(state: MachineState): MachineState {
  return { ...state, registers: [...state.registers] };
}

/** Gives the contents of a slot that nothing was stored to. */
export type InitialSlot = (region: Region, slot: number) => Slot;

/**
 * The union of two states at the same place with disjoint paths: everything that differs becomes "if a's path then a's, else b's".
 * A register written on one side only keeps that side's value: the verifier lets no program read it on the other.
 */
export function mergeStates(
  m: BddManager,
  a: MachineState,
  b: MachineState,
  initial: InitialSlot,
  retvalAtEntry: () => BitVector,
): MachineState {
  const condition = a.path;
  const registers = a.registers.map((value, i) => mergeOptional(m, condition, value, b.registers[i]));
  return {
    path: m.or(a.path, b.path),
    registers,
    program: a.program,
    tailCalls: a.tailCalls,
    fewestTailCalls: Math.min(a.fewestTailCalls, b.fewestTailCalls),
    mostTailCalls: Math.max(a.mostTailCalls, b.mostTailCalls),
    frames:
      a.frames === b.frames ? a.frames : a.frames.map((frame, i) => mergeFrames(m, condition, frame, b.frames[i]!)),
    memory: mergeMemory(m, condition, a.memory, b.memory, initial),
    retval:
      a.retval === b.retval ? a.retval : select(m, condition, a.retval ?? retvalAtEntry(), b.retval ?? retvalAtEntry()),
    mapWrites: mergeWrites(a.mapWrites, b.mapWrites),
    changedMaps: mergeConditions(m, condition, a.changedMaps, b.changedMaps),
    clobbered: m.ite(condition, a.clobbered, b.clobbered),
  };
}

function mergeOptional(m: BddManager, condition: Ref, a: Value | undefined, b: Value | undefined): Value | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return selectValue(m, condition, a, b);
}

function mergeFrames(m: BddManager, condition: Ref, a: Frame, b: Frame): Frame {
  if (a === b) return a;
  const loop =
    a.loop === null || b.loop === null
      ? null
      : {
          ...a.loop,
          limit: select(m, condition, a.loop.limit, b.loop.limit),
          context: selectValue(m, condition, a.loop.context, b.loop.context),
        };
  return { ...a, saved: a.saved.map((value, i) => mergeOptional(m, condition, value, b.saved[i])), loop };
}

function mergeMemory(
  m: BddManager,
  condition: Ref,
  a: ReadonlyMap<Region, MemoryObject>,
  b: ReadonlyMap<Region, MemoryObject>,
  initial: InitialSlot,
): ReadonlyMap<Region, MemoryObject> {
  if (a === b) return a;
  const untouched: MemoryObject = new Map();
  const result = new Map<Region, MemoryObject>();
  for (const region of new Set([...a.keys(), ...b.keys()])) {
    const [inA, inB] = [a.get(region) ?? untouched, b.get(region) ?? untouched];
    result.set(
      region,
      selectObject(m, condition, inA, inB, (slot) => initial(region, slot)),
    );
  }
  return result;
}

/** One after the other: what was written since the paths parted happened on disjoint paths, so that neither touches the other. */
function mergeWrites(
  a: ReadonlyMap<number, readonly MapWrite[]>,
  b: ReadonlyMap<number, readonly MapWrite[]>,
): ReadonlyMap<number, readonly MapWrite[]> {
  if (a === b) return a;
  const result = new Map(a);
  for (const [id, writes] of b) {
    const others = result.get(id) ?? [];
    if (others !== writes) result.set(id, [...others, ...writes.filter((write) => !others.includes(write))]);
  }
  return result;
}

function mergeConditions(
  m: BddManager,
  condition: Ref,
  a: ReadonlyMap<number, Ref>,
  b: ReadonlyMap<number, Ref>,
): ReadonlyMap<number, Ref> {
  if (a === b) return a;
  const result = new Map<number, Ref>();
  for (const id of new Set([...a.keys(), ...b.keys()]))
    result.set(id, m.ite(condition, a.get(id) ?? 1, b.get(id) ?? 1));
  return result;
}
