import { FALSE, TRUE } from '../../bdd/manager.js';
import { constant, equal, ZERO64 } from '../bitvector.js';
import type { Engine } from '../engine.js';
import type { Machine } from '../machine.js';
import { copyState, REGISTER_COUNT, type MachineState } from '../state.js';
import { pointer } from '../value.js';
import { numberOf } from './alu.js';
import { dropStack } from './call.js';
import { soleRegion } from './memory.js';
import { readRegister } from './registers.js';

/** MAX_TAIL_CALL_CNT, include/linux/bpf.h. */
const MOST_TAIL_CALLS = 33;

/**
 * bpf_tail_call(context, program array, index): where the slot holds a program the run goes on in it and never comes back here; where it is
 * empty, out of range, or the limit is reached, it falls through to the next instruction.
 */
export function tailCall(engine: Engine, state: MachineState): void {
  const { machine } = engine;
  const m = machine.manager;
  const index = numberOf(machine, state, readRegister(machine, state, 3)).slice(0, 32);
  const mapId = soleRegion(machine, state.path, readRegister(machine, state, 2), 'map');
  const slots = mapId === null ? null : programSlots(machine, mapId);
  if (mapId === null || slots === null) {
    machine.giveUp(state, TRUE, `tail-call:${mapId === null ? 'unknown' : String(mapId)}`);
    return;
  }
  if (state.fewestTailCalls < MOST_TAIL_CALLS) {
    for (const [slot, programId] of slots) {
      const where = equal(m, index, constant(32, BigInt(slot)));
      if (m.and(state.path, where) === FALSE) continue;
      if (state.mostTailCalls < MOST_TAIL_CALLS) follow(engine, state, where, programId, mapId);
      else machine.giveUp(state, where, `tail-call:${String(mapId)}`);
    }
    // Older kernels count it before they look whether there is a program.
    state.mostTailCalls++;
  }
  for (let register = 0; register <= 5; register++) state.registers[register] = undefined;
}

function follow(engine: Engine, state: MachineState, where: number, programId: number, mapId: number): void {
  const { machine } = engine;
  const m = machine.manager;
  const target = machine.programs[state.program]!.environment.programs.get(programId);
  if (target?.environment.freplaced !== 'no' || target.program.byteOrder !== machine.programs[0]!.program.byteOrder) {
    machine.giveUp(state, where, `tail-call:${String(mapId)}`);
    return;
  }
  const jumping = copyState(state);
  jumping.path = m.and(state.path, where);
  state.path = m.difference(state.path, where);
  jumping.program = machine.add(target.program, target.environment);
  jumping.tailCalls++;
  jumping.fewestTailCalls++;
  jumping.mostTailCalls++;
  jumping.registers = new Array<undefined>(REGISTER_COUNT).fill(undefined);
  jumping.registers[1] = pointer(machine.regions.get('context'), ZERO64);
  dropStack(machine, jumping);
  engine.goTo(jumping, 0);
}

/** Slot and program id; user space reads a program array's value as the id (kernel/bpf/arraymap.c, prog_fd_array_sys_lookup_elem); null where they are not known. */
function programSlots(machine: Machine, mapId: number): [number, number][] | null {
  const map = machine.map(mapId);
  if (map?.type !== 'prog_array' || map.entries === null) return null;
  const slots: [number, number][] = [];
  for (const [hex, value] of map.entries) {
    const key = Buffer.from(hex, 'hex');
    if (key.length !== 4 || value.length < 4) return null;
    const little = machine.littleEndian;
    const id = new DataView(value.buffer, value.byteOffset).getUint32(0, little);
    if (id !== 0) slots.push([little ? key.readUInt32LE(0) : key.readUInt32BE(0), id]);
  }
  return slots;
}
