/** bpf-to-bpf calls, returns, and callbacks that helpers run in rounds. */
import { jump } from './control.js';
import type { Frame, Machine, Repetition } from './machine.js';
import { arrayStride, fromHex, indexKey } from './map-state.js';
import { arrayPointer, byteOf, contentsOf, elementCount, valueMemory } from './maps.js';
import { Memory } from './memory.js';
import { known, ZERO } from './scalar.js';
import type { StepResult } from './step-result.js';
import { asScalar, pointer, type Value } from './value.js';

/** MAX_CALL_FRAMES, include/linux/bpf_verifier.h. */
const MAX_CALL_FRAMES = 8;

/** Calls a subprogram: it sees r1 to r5, has a stack of its own, and leaves r6 to r9 as they are. */
export function callLocal(machine: Machine, target: number | null): StepResult {
  if (target === null) return { undecided: ['call-target'] };
  return enter(machine, target, null);
}

function enter(machine: Machine, slot: number, repetition: Repetition | null): StepResult {
  if (machine.frames.length >= MAX_CALL_FRAMES) return { undecided: ['call-depth'] };
  const saved = machine.savedRegisters();
  const { unit, position, tailCalls } = machine;
  machine.pushFrame({ unit, returnPosition: position, saved, repetition, tailCalls });
  return jump(machine, slot);
}

/** `exit`: back to the caller, to the next round of a callback, or out of the main function. */
export function leaveFunction(machine: Machine, slot: number): StepResult {
  const result = machine.register(0);
  if (machine.frames.length === 1) {
    return { exit: asScalar(result), slot, programId: machine.unit.programId };
  }
  const { repetition } = machine.frame;
  // Up to Linux 6.11 the JITs forget here which tail calls the function made ("Fix tailcall hierarchy").
  machine.fewestTailCalls -= machine.tailCalls - machine.frame.tailCalls;
  if (repetition === null) {
    machine.popFrame();
    machine.clobberArguments();
    return 'continue';
  }
  return afterRound(machine, machine.frame, repetition, result);
}

/** A callback returns 0 to go on and 1 to stop; the verifier allows nothing else. */
function afterRound(machine: Machine, frame: Frame, repetition: Repetition, result: Value): StepResult {
  const answer = asScalar(result);
  if (answer.unknown !== 0n) {
    const other = machine.clone();
    machine.position--;
    other.position--;
    machine.setRegister(0, ZERO);
    other.setRegister(0, known(1n));
    return { fork: [machine, other], reasons: answer.reasons };
  }
  machine.popFrame();
  const next = repetition.round + 1;
  if (answer.value !== 0n) return finish(machine, next);
  // An element that was put there may be one of those that come yet.
  if (repetition.map !== null && elementCount(machine, repetition.map.mapId) === null)
    return { undecided: ['helper:bpf_for_each_map_elem'] };
  if (next >= repetition.count) return finish(machine, next);
  return startRound(machine, { ...repetition, round: next });
}

function finish(machine: Machine, rounds: number): StepResult {
  machine.clobberArguments();
  machine.setRegister(0, known(BigInt(rounds)));
  return 'continue';
}

/** Runs a callback `count` times; the helper returns how often it ran. */
export function repeat(machine: Machine, repetition: Repetition): StepResult {
  return repetition.count === 0 ? finish(machine, 0) : startRound(machine, repetition);
}

function startRound(machine: Machine, repetition: Repetition): StepResult {
  const { map, round, context } = repetition;
  machine.clobberArguments();
  if (map === null) {
    machine.setRegister(1, known(BigInt(round)));
    machine.setRegister(2, context);
  } else {
    const [key, value] = element(machine, map.mapId, round);
    machine.setRegister(1, map);
    machine.setRegister(2, key);
    machine.setRegister(3, value);
    machine.setRegister(4, context);
  }
  return enter(machine, repetition.callback, repetition);
}

/** Key and value of an element, as its callback is shown them. */
function element(machine: Machine, mapId: number, index: number): [key: Value, value: Value] {
  const contents = contentsOf(machine, mapId);
  if (contents === null || contents.type === 'array') {
    const stride = contents === null ? 0 : arrayStride(contents);
    const key = fromHex(indexKey(index, machine.unit.program.byteOrder));
    return [keyPointer(machine, key), arrayPointer(machine, mapId, index * stride)];
  }
  const hex = [...(contents.entries?.keys() ?? [])][index] ?? '';
  const memory = valueMemory(machine, contents, hex);
  return [keyPointer(machine, fromHex(hex)), memory === null ? ZERO : pointer(memory, 0)];
}

/** Each walk has a key of its own: a callback may walk over a map itself. */
function keyPointer(machine: Machine, key: Uint8Array): Value {
  const name = `key:${String(machine.frames.length)}`;
  machine.memories.set(name, new Memory((offset) => byteOf(key, offset)));
  return pointer(name, 0);
}
