import type { Machine } from './machine.js';
import { forgetAllMaps, forgetMap, mapOfMemory } from './maps.js';
import { unknownScalar, type Scalar } from './scalar.js';
import type { Value } from './value.js';

/**
 * What a function of the kernel that is not modelled may have changed: everything that its arguments (r1 to r5, some of them perhaps
 * left over from before) lead to. A callback may change whatever the program can reach.
 */
export function clobberReachable(machine: Machine, reasons: readonly string[], mayRunCallback: boolean): void {
  const args = [1, 2, 3, 4, 5].map((number) => machine.register(number));
  if (mayRunCallback && args.some((value) => value.kind === 'code')) {
    for (const [name, memory] of machine.memories) if (name.startsWith('stack:')) memory.forget(reasons);
    forgetAllMaps(machine, reasons);
    machine.retval = unknownScalar(reasons);
    machine.usedRetval = true;
  }
  for (const value of args) forgetTarget(machine, value, reasons);
}

function forgetTarget(machine: Machine, value: Value, reasons: readonly string[]): void {
  switch (value.kind) {
    case 'pointer':
    case 'element': {
      const mapId = mapOfMemory(value.memory);
      if (mapId !== null) forgetMap(machine, mapId, reasons);
      else if (value.memory.startsWith('stack:')) machine.memories.get(value.memory)?.forget(reasons);
      return;
    }
    case 'map':
      forgetMap(machine, value.mapId, reasons);
      return;
    case 'opaque':
      if (value.points === 'any-map') forgetAllMaps(machine, reasons);
      else if (value.points !== 'elsewhere') forgetMap(machine, value.points, reasons);
      return;
    case 'scalar':
      if (mayBeAddress(value)) forgetAllMaps(machine, reasons);
      return;
    case 'code':
      return;
  }
}

/** Unknown numbers that are certainly no addresses. */
const NUMBERS: ReadonlySet<string> = new Set(
  ['uid', 'gid', 'pid', 'tgid', 'time', 'random', 'cpu', 'comm', 'cgroup', 'retval', 'trace', 'events', 'classid'].map(
    (input) => `depends:${input}`,
  ),
);

/** A number with unknown bits may be an address that came from the kernel; a known one may be a map whose address is in the clear. */
function mayBeAddress(value: Scalar): boolean {
  if (value.unknown === 0n) return value.value >> 48n === 0xffffn;
  return !value.reasons.every((reason) => reason === 'uninitialised' || NUMBERS.has(reason));
}
