/** Lookup, update and delete in map 7 of a machine, by keys and values in hex. */
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { deleteValue, lookupValue, updateValue } from '../../../src/ebpf/interpreter/map-helpers.js';
import { known } from '../../../src/ebpf/interpreter/scalar.js';
import type { Value } from '../../../src/ebpf/interpreter/value.js';
import { hexOf, onStack } from './machines.js';

export const MAP: Value = { kind: 'map', mapId: 7 };
/** Flag of an update: whether the key is there or not. */
export const ANY = 0n;
export const VALUE = 'a1a2a3a4';

export const key = (machine: Machine, hex: string): Value => onStack(machine, -32, hex);
export const lookup = (machine: Machine, hex: string): Value => lookupValue(machine, MAP, key(machine, hex));
export const update = (machine: Machine, hex: string, flags: bigint = ANY, value: string = VALUE): Value =>
  updateValue(machine, MAP, key(machine, hex), onStack(machine, -16, value), known(flags));
export const remove = (machine: Machine, hex: string): Value => deleteValue(machine, MAP, key(machine, hex));
/** The value at a key in hex, "NULL", or what else the address is. */
export function found(machine: Machine, hex: string, length = 4): string {
  const at = lookup(machine, hex);
  if (at.kind === 'pointer') return hexOf(machine, at.memory, at.offset ?? 0, length);
  return at.kind === 'scalar' && at.value === 0n && at.unknown === 0n ? 'NULL' : at.kind;
}
