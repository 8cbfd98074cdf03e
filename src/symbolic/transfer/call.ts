import { FALSE, TRUE, type Ref } from '../../bdd/manager.js';
import type { Instruction } from '../../ebpf/types.js';
import { constant, equal, isZero, lessUnsigned, type BitVector } from '../bitvector.js';
import { REQUEST_VARIABLES } from '../../policy/variables.js';
import type { Engine } from '../engine.js';
import { positionOf } from '../flow.js';
import type { Machine } from '../machine.js';
import { storeBytes } from '../memory-access.js';
import { calleePlace, placeOf } from '../place.js';
import { copyState, type CallbackLoop, type Frame, type MachineState } from '../state.js';
import { byteSwap } from '../shift.js';
import { pointer, scalar, type Region, type Value } from '../value.js';
import { numberOf } from './alu.js';
import { asReturned } from './helper.js';
import { soleRegion } from './memory.js';
import { readRegister } from './registers.js';
import { outgoing } from './stack-arguments.js';

/** MAX_CALL_FRAMES, include/linux/bpf_verifier.h: the main function and seven calls. */
const MOST_FRAMES = 8;
/** BPF_MAX_LOOPS, include/linux/bpf.h. */
const MOST_LOOPS = 8n * 1024n * 1024n;
const E2BIG = 7n;
const EINVAL = 22n;

/** bpf-to-bpf call: the callee has its own stack and returns r0; the caller keeps r6 to r9. */
export function callFunction(
  engine: Engine,
  state: MachineState,
  call: Instruction & { op: 'call' },
  position: number,
): void {
  const { machine } = engine;
  if (call.target === null) {
    // Whatever function it is, it may call anything a program may call.
    machine.giveUp(state, TRUE, 'call-target');
    return;
  }
  enter(engine, state, position, call.target, null);
}

function enter(engine: Engine, state: MachineState, position: number, target: number, loop: CallbackLoop | null): void {
  const { machine } = engine;
  if (state.frames.length + 1 >= MOST_FRAMES) {
    machine.giveUp(state, TRUE, 'unsupported:call depth');
    return;
  }
  const frame: Frame = {
    resume: position + 1,
    callerProgram: state.program,
    tailCalls: state.tailCalls,
    place: calleePlace(placeOf(machine, state, position), loop?.iteration ?? 0, target),
    saved: state.registers.slice(6, 10),
    loop,
  };
  state.frames = [...state.frames, frame];
  engine.goTo(state, positionOf(machine.programs[state.program]!.program, target));
}

/** The innermost frame's stack, and what it passes on, hold nothing of an earlier call. */
export function dropStack(machine: Machine, state: MachineState, ...others: readonly Region[]): void {
  const memory = new Map(state.memory);
  for (const region of [machine.regions.get('stack', state.frames.length), outgoing(machine, state), ...others])
    memory.delete(region);
  state.memory = memory;
}

export function returnFromFunction(engine: Engine, state: MachineState): void {
  const { machine } = engine;
  const m = machine.manager;
  const frame = state.frames[state.frames.length - 1];
  const result = readRegister(machine, state, 0);
  if (frame === undefined) {
    const bits = numberOf(machine, state, result);
    const invalid = m.and(state.path, isZero(m, bits.slice(1)) ^ 1);
    // The verifier lets only 0 and 1 through (check_return_code); a value that is not known is therefore one of them.
    if (!m.support(invalid).some((variable) => variable >= REQUEST_VARIABLES))
      machine.giveUp(state, invalid, 'return-value');
    machine.finish(state.path, isZero(m, bits) ^ 1, state.retval);
    return;
  }
  // Arguments are passed anew with each call.
  dropStack(machine, state, machine.regions.get('arguments', state.frames.length));
  state.frames = state.frames.slice(0, -1);
  state.program = frame.callerProgram;
  // Up to Linux 6.11 the JITs forget them here ("Fix tailcall hierarchy").
  state.fewestTailCalls -= state.tailCalls - frame.tailCalls;
  for (let register = 1; register < state.registers.length; register++) state.registers[register] = undefined;
  frame.saved.forEach((value, i) => (state.registers[6 + i] = value));
  if (frame.loop === null) engine.goTo(state, frame.resume);
  else afterIteration(engine, state, frame, frame.loop, result);
}

/** bpf_loop(nr, callback, context, flags), where the kernel has not inlined it (kernel/bpf/bpf_iter.c). */
export function callLoop(engine: Engine, state: MachineState, position: number): void {
  const { machine } = engine;
  const m = machine.manager;
  const target = callbackIn(machine, state);
  const flags = numberOf(machine, state, readRegister(machine, state, 4));
  const limit = numberOf(machine, state, readRegister(machine, state, 1)).slice(0, 32);
  if (target === null) {
    machine.giveUp(state, TRUE, 'helper:bpf_loop');
    return;
  }
  const context = readRegister(machine, state, 3);
  const badFlags = isZero(m, flags) ^ 1;
  const tooMany = m.difference(lessUnsigned(m, constant(32, MOST_LOOPS), limit), badFlags);
  leave(engine, state, position, badFlags, scalar(constant(64, -EINVAL)));
  leave(engine, state, position, tooMany, scalar(constant(64, -E2BIG)));
  iterate(engine, state, position, { iteration: 0, limit, target, context, mapId: null });
}

/** The first slot of the function in r2, or null if it may be more than one. */
function callbackIn(machine: Machine, state: MachineState): number | null {
  return soleRegion(machine, state.path, readRegister(machine, state, 2), 'function');
}

/** The names under which translated programs call bpf_for_each_map_elem. */
export const FOR_EACH: ReadonlySet<string> = new Set([
  'bpf_for_each_map_elem',
  'bpf_for_each_array_elem',
  'bpf_for_each_hash_elem',
]);
const WALKED: ReadonlySet<string> = new Set([
  'array',
  'percpu_array',
  'hash',
  'lru_hash',
  'percpu_hash',
  'lru_percpu_hash',
]);

/**
 * bpf_for_each_map_elem(map, callback, context, flags): arrays by index; hash maps bucket by bucket, which is the order in which
 * BPF_MAP_GET_NEXT_KEY gives the keys to a reader (kernel/bpf/hashtab.c, bpf_for_each_hash_elem and htab_map_get_next_key).
 *
 * @returns whether the call was followed
 */
export function callForEach(engine: Engine, state: MachineState, position: number, name: string): boolean {
  const { machine } = engine;
  const target = callbackIn(machine, state);
  const mapId = soleRegion(machine, state.path, readRegister(machine, state, 1), 'map');
  const count = mapId === null ? null : elementCount(machine, state, mapId);
  const context = readRegister(machine, state, 3);
  if (target === null || count === null) return false;
  const badFlags = isZero(machine.manager, numberOf(machine, state, readRegister(machine, state, 4))) ^ 1;
  leave(engine, state, position, badFlags, asReturned(machine, name, scalar(constant(64, -EINVAL))));
  const limit = constant(32, BigInt(count));
  if (state.path !== FALSE) iterate(engine, state, position, { iteration: 0, limit, target, context, mapId });
  return true;
}

/** How many elements are walked; null where they are not all known or the program itself has changed which there are. */
function elementCount(machine: Machine, state: MachineState, mapId: number): number | null {
  const image = machine.image(mapId);
  if (image === null || !WALKED.has(image.contents.type)) return null;
  if (image.isArray) return image.contents.maxEntries;
  const changed = machine.manager.and(state.path, whereKeysChanged(machine, state, mapId)) !== FALSE;
  return changed ? null : (image.keys?.length ?? null);
}

/** Where the program itself, or something that it called, may have changed which elements there are. */
function whereKeysChanged(machine: Machine, state: MachineState, mapId: number): Ref {
  if (machine.image(mapId)?.isArray === true) return FALSE;
  const writes = state.mapWrites.get(mapId) ?? [];
  return machine.manager.orAll([state.changedMaps.get(mapId) ?? FALSE, ...writes.map(({ where }) => where)]);
}

/** Callback arguments: map, key, value, context. */
function showElement(machine: Machine, state: MachineState, mapId: number, index: number, context: Value): void {
  const image = machine.image(mapId);
  if (image === null) return;
  const key = pointer(machine.regions.get('key', state.frames.length), constant(64, 0n));
  storeBytes(machine, state, key, keyBits(machine, image.isArray ? null : (image.keys?.[index] ?? null), index));
  state.registers[1] = pointer(machine.regions.get('map', mapId), constant(64, 0n));
  state.registers[2] = key;
  state.registers[3] = pointer(machine.regions.get('values', mapId), constant(64, BigInt(index * image.stride)));
  state.registers[4] = context;
}

function keyBits(machine: Machine, key: Uint8Array | null, index: number): BitVector {
  if (key !== null) return [...key].flatMap((byte) => [...constant(8, BigInt(byte))]);
  const bits = constant(32, BigInt(index));
  return machine.littleEndian ? bits : byteSwap(bits, 32);
}

/** Where the limit is not reached the callback runs once more; where it is, the number of iterations is the result. */
function iterate(engine: Engine, state: MachineState, position: number, loop: CallbackLoop): void {
  const { machine } = engine;
  const iteration = constant(64, BigInt(loop.iteration));
  leave(engine, state, position, equal(machine.manager, loop.limit, iteration.slice(0, 32)), scalar(iteration));
  if (state.path === FALSE) return;
  // The call itself leaves the caller's registers alone but for r0 to r5.
  state.registers = state.registers.map((value, r) => (r >= 6 && r <= 9 ? value : undefined));
  if (loop.mapId === null) {
    state.registers[1] = scalar(iteration);
    state.registers[2] = loop.context;
  } else {
    showElement(machine, state, loop.mapId, loop.iteration, loop.context);
  }
  enter(engine, state, position, loop.target, loop);
}

/** A callback that returns 1 ends the loop. */
function afterIteration(engine: Engine, state: MachineState, frame: Frame, loop: CallbackLoop, result: Value): void {
  const { machine } = engine;
  const stop = isZero(machine.manager, numberOf(machine, state, result)) ^ 1;
  const done = loop.iteration + 1;
  leave(engine, state, frame.resume - 1, stop, scalar(constant(64, BigInt(done))));
  if (state.path === FALSE) return;
  if (loop.mapId !== null)
    machine.giveUp(state, whereKeysChanged(machine, state, loop.mapId), 'helper:bpf_for_each_map_elem');
  iterate(engine, state, frame.resume - 1, { ...loop, iteration: done });
}

/** Splits off the part of the state where `condition` holds and lets it go on after the call with r0 as given. */
function leave(engine: Engine, state: MachineState, position: number, condition: Ref, result: Value): void {
  const m = engine.machine.manager;
  const leaving = copyState(state);
  leaving.path = m.and(state.path, condition);
  state.path = m.difference(state.path, condition);
  for (let register = 1; register <= 5; register++) leaving.registers[register] = undefined;
  leaving.registers[0] = result;
  engine.goTo(leaving, position + 1);
}
