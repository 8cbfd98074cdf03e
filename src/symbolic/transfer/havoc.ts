import { FALSE, type Ref } from '../../bdd/manager.js';
import { select } from '../bitvector.js';
import type { Machine } from '../machine.js';
import { selectSlot, unknownSlot, type MemoryObject, type Slot } from '../memory.js';
import type { MachineState } from '../state.js';
import { simplifyUnder, type PointerAlternative, type Region } from '../value.js';

/**
 * What a helper that is not modelled may have done with the pointers it got in r1 to r5: written to the memory behind them, changed the map
 * they are, or called the function they are.
 */
export function forgetArguments(machine: Machine, state: MachineState, reason: string): void {
  for (let register = 1; register <= 5; register++) {
    const value = state.registers[register];
    if (value === undefined) continue;
    for (const alternative of simplifyUnder(machine.manager, state.path, value).pointers)
      forgetBehind(machine, state, alternative, reason);
  }
}

function forgetBehind(machine: Machine, state: MachineState, alternative: PointerAlternative, reason: string): void {
  const m = machine.manager;
  const { guard, region, offset } = alternative;
  const where = m.and(state.path, guard);
  switch (region.kind) {
    case 'stack':
      forgetStack(machine, state, region, where, lowestAddress(machine, where, offset), reason);
      return;
    case 'map':
      forgetMap(machine, state, region.id, where);
      return;
    case 'values':
    case 'element':
    case 'percpu':
      state.clobbered = m.or(state.clobbered, where);
      return;
    case 'function':
      forgetEverything(machine, state, where, reason);
      return;
    case 'context':
    case 'code':
    case 'cpu':
    case 'arguments':
    case 'key':
    case 'opaque':
  }
}

export function forgetMap(machine: Machine, state: MachineState, mapId: number, where: Ref): void {
  const m = machine.manager;
  const changed = m.or(state.changedMaps.get(mapId) ?? FALSE, where);
  state.changedMaps = new Map(state.changedMaps).set(mapId, changed);
  state.clobbered = m.or(state.clobbered, where);
}

/** Something ran that could write anywhere a program can, and set the return value. */
function forgetEverything(machine: Machine, state: MachineState, where: Ref, reason: string): void {
  for (const region of state.memory.keys()) {
    if (region.kind === 'stack') forgetStack(machine, state, region, where, -Infinity, reason);
  }
  for (const { environment } of machine.programs) {
    for (const id of environment.maps.keys()) forgetMap(machine, state, id, where);
  }
  state.clobbered = machine.manager.or(state.clobbered, where);
  if (!machine.mayHaveSetRetval) return;
  const before = state.retval ?? machine.retvalAtEntry();
  state.retval = select(machine.manager, where, machine.fresh(reason, 32).slice(0, 32), before);
}

/** A constant address, or the whole frame if it depends on the request. */
function lowestAddress(machine: Machine, where: Ref, offset: readonly Ref[]): number {
  let address = 0n;
  for (let bit = 63; bit >= 0; bit--) {
    const one = machine.manager.and(where, offset[bit]!);
    if (one !== FALSE && one !== where) return -Infinity;
    address = (address << 1n) | (one === where ? 1n : 0n);
  }
  return Number(BigInt.asIntN(64, address));
}

/** How far a helper writes is not known: everything from `from` up to the top of the frame. */
function forgetStack(
  machine: Machine,
  state: MachineState,
  region: Region,
  where: Ref,
  from: number,
  reason: string,
): void {
  const before = state.memory.get(region);
  if (before === undefined) return;
  const after = new Map<number, Slot>();
  for (const [index, slot] of before) {
    after.set(index, index * 8 + 8 > from ? selectSlot(machine.manager, where, unknownSlot(reason), slot) : slot);
  }
  state.memory = new Map<Region, MemoryObject>(state.memory).set(region, after);
}
