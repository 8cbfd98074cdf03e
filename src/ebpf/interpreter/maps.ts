import type { ByteOrder, MapContents } from '../types.js';
import type { Machine } from './machine.js';
import { arrayStride, indexKey, mapReason, mapState } from './map-state.js';
import { knownByte, Memory, unknownByte, type Cell } from './memory.js';
import { perCpuTable } from './per-cpu.js';
import { pointer, type CodePointer, type OpaquePointer, type Pointer, type Value } from './value.js';

/** Maps with keys whose values user space sees as the program does. */
const KEYED_TYPES: ReadonlySet<string> = new Set(['hash', 'lru_hash', 'lpm_trie']);

export function contentsOf(machine: Machine, mapId: number): MapContents | null {
  return machine.unit.environment.maps.get(mapId) ?? null;
}

/** What is in the map decides what the program does. */
export function dependOn(machine: Machine, mapId: number): void {
  machine.dependsOn.add(`map:${String(mapId)}`);
}

/** Contents of a map whose keys and values this run knows, or null. */
export function readableKeyed(machine: Machine, mapId: number): MapContents | null {
  const contents = contentsOf(machine, mapId);
  if (contents?.entries == null || !KEYED_TYPES.has(contents.type)) return null;
  return mapState(machine, mapId).readable ? contents : null;
}

/** How many elements a walk over the map meets; null where they are not all known, or the run itself has changed which there are. */
export function elementCount(machine: Machine, mapId: number): number | null {
  dependOn(machine, mapId);
  const contents = contentsOf(machine, mapId);
  if (contents?.type === 'array') return contents.maxEntries;
  if (contents?.type !== 'hash' && contents?.type !== 'lru_hash') return null;
  return readableKeyed(machine, mapId) !== null && mapState(machine, mapId).changes.size === 0
    ? (contents.entries?.size ?? null)
    : null;
}

/** Address in the values of an array: what `map[id][0]+offset` of a dump is, and where the inlined lookup begins to count. */
export function arrayPointer(machine: Machine, mapId: number, offset: number): Pointer {
  const name = `array:${String(mapId)}`;
  if (!machine.memories.has(name)) machine.memories.set(name, new Memory(arrayCells(machine, mapId)));
  dependOn(machine, mapId);
  return pointer(name, offset);
}

function arrayCells(machine: Machine, mapId: number): (offset: number) => Cell {
  const contents = contentsOf(machine, mapId);
  const unknown = unknownByte([mapReason(mapId)]);
  if (contents?.entries == null || !mapState(machine, mapId).readable) return () => unknown;
  const { byteOrder } = machine.unit.program;
  if (contents.type === 'array') return valueCells(contents, contents.entries, byteOrder, unknown);
  if (contents.type === 'array_of_maps') return innerMapCells(contents.entries, byteOrder);
  if (contents.type === 'percpu_array') return perCpuTable(machine, contents);
  if (contents.type === 'insn_array') return instructionCells(contents.entries, byteOrder, unknown);
  return () => unknown;
}

type Entries = ReadonlyMap<string, Uint8Array>;

function valueCells(map: MapContents, entries: Entries, byteOrder: ByteOrder, unknown: Cell): (offset: number) => Cell {
  const stride = arrayStride(map);
  return (offset) => {
    const element = Math.floor(offset / stride);
    if (element < 0 || element >= map.maxEntries) return unknownByte(['kernel-memory']);
    const byte = entries.get(indexKey(element, byteOrder))?.[offset % stride];
    return byte === undefined ? unknown : knownByte(byte);
  };
}

/**
 * A jump table: the program sees 8 bytes an element, the address of an instruction; user space reads struct bpf_insn_array_value
 * (include/uapi/linux/bpf.h, Linux 6.19), whose second 32-bit number is the slot in the translated program.
 */
function instructionCells(entries: Entries, byteOrder: ByteOrder, unknown: Cell): (offset: number) => Cell {
  const pointers = new Map<number, CodePointer>();
  return (offset) => {
    const element = Math.floor(offset / 8);
    const value = element < 0 ? undefined : entries.get(indexKey(element, byteOrder));
    if (value === undefined || value.byteLength < 8) return unknown;
    const slot = new DataView(value.buffer, value.byteOffset).getUint32(4, byteOrder === 'little');
    const of = pointers.get(element) ?? { kind: 'code', slot };
    pointers.set(element, of);
    return { kind: 'part', of, part: offset % 8 };
  };
}

/** A map of maps: the program sees 8 bytes an element, the address of a map or 0; user space reads the map's id, and nothing of an empty slot. */
function innerMapCells(entries: Entries, byteOrder: ByteOrder): (offset: number) => Cell {
  const pointers = new Map<number, Value>();
  return (offset) => {
    const element = Math.floor(offset / 8);
    const value = element < 0 ? undefined : entries.get(indexKey(element, byteOrder));
    if (value === undefined || value.byteLength < 4) return knownByte(0);
    const mapId = new DataView(value.buffer, value.byteOffset).getUint32(0, byteOrder === 'little');
    const of = pointers.get(element) ?? { kind: 'map', mapId };
    pointers.set(element, of);
    return { kind: 'part', of, part: offset - element * 8 };
  };
}

/** The memory of a key's value, or null where the map has no such key. Only for maps of `readableKeyed`. */
export function valueMemory(machine: Machine, map: MapContents, key: string): string | null {
  const change = mapState(machine, map.id).changes.get(key);
  if (change !== undefined) return change;
  const value = map.entries?.get(key);
  if (value === undefined) return null;
  const name = `value:${String(map.id)}:${key}`;
  if (!machine.memories.has(name)) {
    machine.memories.set(name, new Memory((offset) => byteOf(value, offset)));
  }
  return name;
}

/** A byte of a key or value; there is nothing known beside it. */
export function byteOf(value: Uint8Array, offset: number): Cell {
  const byte = value[offset];
  return byte === undefined ? unknownByte(['kernel-memory']) : knownByte(byte);
}

/** Every key that is there now. */
export function* keysOf(machine: Machine, map: MapContents): Generator<string> {
  const { changes } = mapState(machine, map.id);
  for (const key of map.entries?.keys() ?? []) if (!changes.has(key)) yield key;
  for (const [key, memory] of changes) if (memory !== null) yield key;
}

/**
 * Puts a copy of the value at a key. Addresses of elements that were replaced or deleted keep what they had until now: the new element may be one of
 * these (kernel/bpf/hashtab.c; a deleted element is the first of the free list, a replaced one the spare one).
 */
export function putValue(machine: Machine, map: MapContents, key: string, value: readonly Cell[]): void {
  for (const [name, memory] of machine.memories) {
    if (mapOfMemory(name) === map.id && isFreed(machine, name)) memory.forget([mapReason(map.id)]);
  }
  const { changes } = mapState(machine, map.id);
  const stem = `value:${String(map.id)}:${key}`;
  let name = stem;
  for (let version = 1; machine.memories.has(name); version++) name = `${stem}:${String(version)}`;
  machine.memories.set(name, new Memory((offset) => value[offset] ?? unknownByte(['kernel-memory'])));
  changes.set(key, name);
}

/** Whether a memory is that of a value which is not the one of its key any more: what is there now may be another key's. */
export function isFreed(machine: Machine, memory: string): boolean {
  const [, mapId, key] = /^value:(\d+):([0-9a-f]*)/.exec(memory) ?? [];
  const contents = mapId === undefined ? null : contentsOf(machine, Number(mapId));
  return contents !== null && key !== undefined && valueMemory(machine, contents, key) !== memory;
}

/** Keys and values of a map are unknown from now on. */
export function forgetMap(machine: Machine, mapId: number, reasons: readonly string[]): void {
  mapState(machine, mapId).readable = false;
  for (const [name, memory] of machine.memories) if (mapOfMemory(name) === mapId) memory.forget(reasons);
}

/** A write went to an unknown address, which may be a value of any map, also of one that only a program behind a tail call knows. */
export function forgetAllMaps(machine: Machine, reasons: readonly string[]): void {
  machine.mapsForgotten = true;
  for (const state of machine.maps.values()) state.readable = false;
  for (const [name, memory] of machine.memories) if (mapOfMemory(name) !== null) memory.forget(reasons);
}

/** The map that a memory's bytes belong to, or null for stacks and the context. */
export function mapOfMemory(name: string): number | null {
  const match = /^(?:array|value|percpu|slot):(\d+)/.exec(name);
  return match === null ? null : Number(match[1]);
}

/** Address of a value (or NULL) of a map that cannot be looked into. */
export function opaqueValue(mapId: number, reasons: readonly string[] = [mapReason(mapId)]): OpaquePointer {
  return { kind: 'opaque', points: mapId, reasons };
}
