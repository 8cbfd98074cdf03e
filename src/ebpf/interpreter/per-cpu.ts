/**
 * Values of per-cpu maps: a byte is known where all CPUs have the same, for it is not known which of them runs the program. An array has a table of
 * pointers to its elements, an element of a hash map one such pointer in the place of its value (kernel/bpf/arraymap.c, hashtab.c).
 */
import type { MapContents } from '../types.js';
import type { Machine } from './machine.js';
import { arrayStride, indexKey, mapReason, mapState } from './map-state.js';
import { knownByte, Memory, unknownByte, type Cell } from './memory.js';
import { pointer, type Pointer } from './value.js';

const PER_CPU_HASHES: ReadonlySet<string> = new Set(['percpu_hash', 'lru_percpu_hash']);

/** Whether a memory is all elements of a per-cpu array, each of which the kernel has put where there was room. */
export function isScattered(memory: string): boolean {
  return /^percpu:\d+$/.test(memory);
}

/** Whether a run still knows the contents of this map, one of per-cpu values. */
export function knowsPerCpu(machine: Machine, map: MapContents): boolean {
  return (
    map.entries !== null &&
    mapState(machine, map.id).readable &&
    (map.type === 'percpu_array' || PER_CPU_HASHES.has(map.type))
  );
}

/** This CPU's value of an array's element, whose index must be below the map's size. */
export function perCpuElement(machine: Machine, map: MapContents, index: number): Pointer {
  const name = `percpu:${String(map.id)}`;
  const stride = arrayStride(map);
  if (!machine.memories.has(name)) {
    const { byteOrder } = machine.unit.program;
    const cells = (offset: number): Cell => {
      const element = Math.floor(offset / stride);
      const value = element < 0 ? undefined : map.entries?.get(indexKey(element, byteOrder));
      return commonByte(map, value, offset - element * stride);
    };
    machine.memories.set(name, new Memory(cells));
  }
  return pointer(name, index * stride);
}

/** This CPU's value of a hash map's key (in hex), or null where there is no such key. */
export function perCpuEntry(machine: Machine, map: MapContents, key: string): Pointer | null {
  const value = map.entries?.get(key);
  if (value === undefined) return null;
  const name = `percpu:${String(map.id)}:${key}`;
  if (!machine.memories.has(name)) machine.memories.set(name, new Memory((at) => commonByte(map, value, at)));
  return pointer(name, 0);
}

/** Memory of the value's place in a hash element: the pointer to the CPUs' values. */
export function perCpuSlot(machine: Machine, map: MapContents, value: Pointer): string {
  const name = value.memory.replace('percpu:', 'slot:');
  machine.memories.set(name, new Memory((offset) => partOf(map, value, offset)));
  return name;
}

/** Cells of an array's table of pointers, 8 bytes an element. */
export function perCpuTable(machine: Machine, map: MapContents): (offset: number) => Cell {
  // The memory that the pointers lead to exists in every copy of the machine that is made later.
  const first = perCpuElement(machine, map, 0);
  const pointers = new Map<number, Pointer>();
  return (offset) => {
    const element = Math.floor(offset / 8);
    const to = pointers.get(element) ?? pointer(first.memory, element * arrayStride(map));
    pointers.set(element, to);
    return element < 0 || element >= map.maxEntries
      ? unknownByte(['kernel-memory'])
      : { kind: 'part', of: to, part: offset - element * 8 };
  };
}

function partOf(map: MapContents, value: Pointer, offset: number): Cell {
  return offset >= 0 && offset < 8 ? { kind: 'part', of: value, part: offset } : unknownByte([mapReason(map.id)]);
}

/** User space reads the values of all CPUs one after the other, each padded to 8 bytes. */
function commonByte(map: MapContents, value: Uint8Array | undefined, at: number): Cell {
  const stride = arrayStride(map);
  const unknown = unknownByte([mapReason(map.id)]);
  if (value === undefined || at < 0 || at >= stride) return unknown;
  const byte = value[at];
  if (byte === undefined) return unknown;
  for (let cpu = stride; cpu + at < value.length; cpu += stride) if (value[cpu + at] !== byte) return unknown;
  return knownByte(byte);
}
