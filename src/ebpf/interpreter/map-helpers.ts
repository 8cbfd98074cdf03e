/** Lookup, update and delete as the kernel's map types do them (kernel/bpf/arraymap.c, hashtab.c, lpm_trie.c). */
import type { MapContents } from '../types.js';
import type { Machine } from './machine.js';
import { arrayStride, fromHex, mapReason, mapState, toHex } from './map-state.js';
import {
  arrayPointer,
  contentsOf,
  dependOn,
  forgetAllMaps,
  forgetMap,
  keysOf,
  opaqueValue,
  putValue,
  readableKeyed,
  valueMemory,
} from './maps.js';
import { knowsPerCpu, perCpuElement, perCpuEntry, perCpuSlot } from './per-cpu.js';
import { readBytes, unknownByte, type Cell } from './memory.js';
import { known, unknownScalar, ZERO } from './scalar.js';
import { addressReasons, pointer, reasonsOf, type Value } from './value.js';

const ENOENT = 2;
const E2BIG = 7;
const EEXIST = 17;
const EINVAL = 22;
/** Sizes that the kernel would not create (or that only a broken snapshot has) are not looked into. */
const MAX_KEY_BYTES = 4096;
const MAX_VALUE_BYTES = 1 << 20;
/** Flags of bpf_map_update_elem. */
const BPF_NOEXIST = 1n;
const BPF_EXIST = 2n;

function errno(code: number): Value {
  return known(BigInt(-code));
}

type Key = Uint8Array | { readonly reasons: readonly string[] };

/** Address of a key's value, 0 where there is none. */
export function lookupValue(machine: Machine, map: Value, keyAddress: Value): Value {
  if (map.kind !== 'map') return { kind: 'opaque', points: 'any-map', reasons: addressReasons(map) };
  const { mapId } = map;
  dependOn(machine, mapId);
  const contents = contentsOf(machine, mapId);
  if (contents === null || contents.keySize > MAX_KEY_BYTES) return opaqueValue(mapId);
  const key = readKey(machine, keyAddress, contents.keySize);
  if (!(key instanceof Uint8Array)) return opaqueValue(mapId, key.reasons);
  if (contents.type === 'array' && key.byteLength === 4) {
    const index = arrayIndex(machine, key);
    return index < contents.maxEntries ? arrayPointer(machine, mapId, index * arrayStride(contents)) : ZERO;
  }
  if (knowsPerCpu(machine, contents)) {
    if (contents.type !== 'percpu_array') return perCpuEntry(machine, contents, toHex(key)) ?? ZERO;
    const index = arrayIndex(machine, key);
    return index < contents.maxEntries ? perCpuElement(machine, contents, index) : ZERO;
  }
  if (readableKeyed(machine, mapId) === null) return opaqueValue(mapId);
  if (contents.type === 'lpm_trie') return lookupPrefix(machine, contents, key);
  const memory = valueMemory(machine, contents, toHex(key));
  return memory === null ? ZERO : pointer(memory, 0);
}

/** As `lookupValue`, but the address of the hash element, which the inlined lookup of hash maps works on. */
export function lookupElement(machine: Machine, map: Value, keyAddress: Value): Value {
  const value = lookupValue(machine, map, keyAddress);
  if (value.kind !== 'pointer') return value;
  const contents = map.kind === 'map' ? contentsOf(machine, map.mapId) : null;
  const isPerCpu = contents !== null && knowsPerCpu(machine, contents);
  return { kind: 'element', memory: isPerCpu ? perCpuSlot(machine, contents, value) : value.memory };
}

export function updateValue(machine: Machine, map: Value, keyAddress: Value, valueAddress: Value, flags: Value): Value {
  if (map.kind !== 'map') return forgetAny(machine, map);
  const { mapId } = map;
  dependOn(machine, mapId);
  const contents = contentsOf(machine, mapId);
  if (contents === null || !isOfModelledSize(contents)) return forget(machine, mapId, [mapReason(mapId)]);
  const key = readKey(machine, keyAddress, contents.keySize);
  const value = readCells(machine, valueAddress, contents.valueSize);
  if (!(key instanceof Uint8Array)) return forget(machine, mapId, key.reasons);
  if (flags.kind !== 'scalar' || flags.unknown !== 0n) return forget(machine, mapId, reasonsOf(flags));
  if (contents.type === 'array' && key.byteLength === 4) return updateArray(machine, contents, key, value, flags.value);
  if (readableKeyed(machine, mapId) === null) return forget(machine, mapId, [mapReason(mapId)]);
  return updateKeyed(machine, contents, key, value, flags.value);
}

export function deleteValue(machine: Machine, map: Value, keyAddress: Value): Value {
  if (map.kind !== 'map') return forgetAny(machine, map);
  const { mapId } = map;
  dependOn(machine, mapId);
  const contents = contentsOf(machine, mapId);
  if (contents?.type === 'array') return errno(EINVAL);
  if (contents === null || contents.type === 'lpm_trie' || !isOfModelledSize(contents)) {
    return forget(machine, mapId, [mapReason(mapId)]);
  }
  if (readableKeyed(machine, mapId) === null) return forget(machine, mapId, [mapReason(mapId)]);
  const key = readKey(machine, keyAddress, contents.keySize);
  if (!(key instanceof Uint8Array)) return forget(machine, mapId, key.reasons);
  const hex = toHex(key);
  if (valueMemory(machine, contents, hex) === null) return errno(ENOENT);
  mapState(machine, mapId).changes.set(hex, null);
  return ZERO;
}

function isOfModelledSize(map: MapContents): boolean {
  return map.keySize <= MAX_KEY_BYTES && map.valueSize <= MAX_VALUE_BYTES;
}

function forget(machine: Machine, mapId: number, reasons: readonly string[]): Value {
  forgetMap(machine, mapId, reasons);
  return unknownScalar(reasons);
}

/** Some map, it is not known which. */
function forgetAny(machine: Machine, map: Value): Value {
  forgetAllMaps(machine, addressReasons(map));
  return unknownScalar(addressReasons(map));
}

function updateArray(
  machine: Machine,
  map: MapContents,
  key: Uint8Array,
  value: readonly Cell[],
  flags: bigint,
): Value {
  if (flags > BPF_EXIST) return forget(machine, map.id, [mapReason(map.id)]);
  const index = arrayIndex(machine, key);
  if (index >= map.maxEntries) return errno(E2BIG);
  if (flags === BPF_NOEXIST) return errno(EEXIST);
  const memory = machine.memories.get(arrayPointer(machine, map.id, 0).memory);
  value.forEach((cell, i) => memory?.setCell(index * arrayStride(map) + i, cell));
  return ZERO;
}

function updateKeyed(
  machine: Machine,
  map: MapContents,
  key: Uint8Array,
  value: readonly Cell[],
  flags: bigint,
): Value {
  // Keys of a prefix trie that differ in bits behind the prefix are the same key; not worth modelling.
  if (flags > BPF_EXIST || map.type === 'lpm_trie') return forget(machine, map.id, [mapReason(map.id)]);
  const hex = toHex(key);
  const exists = valueMemory(machine, map, hex) !== null;
  if (exists && flags === BPF_NOEXIST) return errno(EEXIST);
  if (!exists && flags === BPF_EXIST) return errno(ENOENT);
  if (!exists) {
    // Which element an LRU map evicts to make room is not known.
    if (map.type === 'lru_hash') return forget(machine, map.id, [mapReason(map.id)]);
    if ([...keysOf(machine, map)].length >= map.maxEntries) return errno(E2BIG);
  }
  putValue(machine, map, hex, value);
  return ZERO;
}

/**
 * The longest entry that is a prefix of `key` (kernel/bpf/lpm_trie.c): 4 bytes of length in bits, then the bits from the first byte's
 * highest one on. A key longer than the map's keys finds nothing or something depending on the kernel's release.
 */
function lookupPrefix(machine: Machine, map: MapContents, key: Uint8Array): Value {
  if (map.keySize < 4) return opaqueValue(map.id);
  const little = machine.unit.program.byteOrder === 'little';
  const lengthOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, little);
  const wanted = lengthOf(key);
  if (wanted > (map.keySize - 4) * 8) return opaqueValue(map.id, ['helper:bpf_map_lookup_elem']);
  let best: string | null = null;
  let bestLength = -1;
  for (const hex of keysOf(machine, map)) {
    const entry = fromHex(hex);
    if (entry.byteLength !== map.keySize) continue;
    const length = lengthOf(entry);
    if (length <= wanted && length > bestLength && sameBits(entry, key, length)) {
      best = hex;
      bestLength = length;
    }
  }
  const memory = best === null ? null : valueMemory(machine, map, best);
  return memory === null ? ZERO : pointer(memory, 0);
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit++) {
    const byte = 4 + (bit >> 3);
    const mask = 0x80 >> (bit & 7);
    if (((a[byte] ?? 0) & mask) !== ((b[byte] ?? 0) & mask)) return false;
  }
  return true;
}

function arrayIndex(machine: Machine, key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0, machine.unit.program.byteOrder === 'little');
}

function readKey(machine: Machine, address: Value, size: number): Key {
  const memory = address.kind === 'pointer' ? machine.memories.get(address.memory) : undefined;
  if (address.kind !== 'pointer' || address.offset === null || memory === undefined) {
    return { reasons: addressReasons(address) };
  }
  return readBytes(memory, address.offset, size);
}

function readCells(machine: Machine, address: Value, size: number): Cell[] {
  const memory = address.kind === 'pointer' ? machine.memories.get(address.memory) : undefined;
  const offset = address.kind === 'pointer' ? address.offset : null;
  return Array.from({ length: size }, (_, i) =>
    memory === undefined || offset === null ? unknownByte(addressReasons(address)) : memory.cell(offset + i),
  );
}
