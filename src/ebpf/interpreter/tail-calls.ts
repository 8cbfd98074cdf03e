import type { Machine } from './machine.js';
import { indexKey, mapReason } from './map-state.js';
import { contentsOf, dependOn } from './maps.js';
import { CONTEXT_MEMORY } from './machine.js';
import type { StepResult } from './step-result.js';
import { asScalar, pointer, reasonsOf } from './value.js';

/** MAX_TAIL_CALL_CNT, include/linux/bpf.h. */
const MAX_TAIL_CALLS = 33;

/**
 * bpf_tail_call(context, map, index): goes on in another program and does not come back, unless the slot is empty, the index is outside
 * the map or the limit is reached; then the next instruction follows. In a subprogram the other program returns to the subprogram's caller.
 */
export function tailCall(machine: Machine): StepResult {
  const map = machine.register(2);
  const index = asScalar(machine.register(3));
  if (map.kind !== 'map') return { undecided: [...reasonsOf(map), 'tail-call'] };
  const contents = contentsOf(machine, map.mapId);
  dependOn(machine, map.mapId);
  if (contents?.entries == null) return { undecided: [mapReason(map.mapId)] };
  if ((index.unknown & 0xffff_ffffn) !== 0n) return { undecided: index.reasons };
  const slot = Number(index.value & 0xffff_ffffn);
  const { byteOrder } = machine.unit.program;
  const entry = contents.entries.get(indexKey(slot, byteOrder));
  if (slot >= contents.maxEntries || entry === undefined || machine.fewestTailCalls >= MAX_TAIL_CALLS)
    return fallThrough(machine);
  if (entry.byteLength < 4) return { undecided: [mapReason(map.mapId)] };
  const programId = new DataView(entry.buffer, entry.byteOffset).getUint32(0, byteOrder === 'little');
  return programId === 0 ? fallThrough(machine) : enterProgram(machine, map.mapId, programId);
}

function fallThrough(machine: Machine): StepResult {
  // Older kernels count it before they look whether there is a program.
  if (machine.fewestTailCalls < MAX_TAIL_CALLS) machine.mostTailCalls++;
  machine.clobberArguments();
  return 'continue';
}

function enterProgram(machine: Machine, mapId: number, programId: number): StepResult {
  const target = machine.unit.environment.programs.get(programId);
  if (target === undefined || machine.mostTailCalls >= MAX_TAIL_CALLS)
    return { undecided: [`tail-call:${String(mapId)}`] };
  if (target.environment.freplaced !== 'no') return { undecided: ['freplace'] };
  const frame = machine.popFrame();
  machine.clobberAll();
  machine.pushFrame({ ...frame, unit: { programId, ...target } });
  machine.setRegister(1, pointer(CONTEXT_MEMORY, 0));
  machine.position = 0;
  machine.tailCalls++;
  machine.fewestTailCalls++;
  machine.mostTailCalls++;
  return 'continue';
}
