import type { Machine } from './machine.js';
import type { MachineState } from './state.js';

/**
 * Where a state is, as numbers whose lexicographic order is the order of evaluation: for each call under way its place, then tail calls made,
 * program and rank of the position. Equal places are exactly those whose states may be merged.
 */
export type Place = readonly number[];

export function placeOf(machine: Machine, state: MachineState, position: number): Place {
  const frame = state.frames[state.frames.length - 1];
  const rank = machine.programs[state.program]!.flow.rank[position]!;
  return [...(frame?.place ?? []), state.tailCalls, state.program, rank];
}

/** The place a called function begins to count from. `iteration` and `target` tell callbacks of one call apart. */
export function calleePlace(caller: Place, iteration: number, target: number): Place {
  return [...caller, iteration, target];
}

/** A place that is the beginning of another comes first: a state before a call can still join those inside it. */
export function comparePlaces(a: Place, b: Place): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
