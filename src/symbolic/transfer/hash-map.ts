/** Keys that a program puts into hash maps and deletes from them (kernel/bpf/hashtab.c). */
import { FALSE } from '../../bdd/manager.js';
import { constant, select, ZERO64, type BitVector } from '../bitvector.js';
import type { Machine } from '../machine.js';
import type { MapImage } from '../map-image.js';
import { findEntry } from '../map-lookup.js';
import { loadBytes, storeBytes } from '../memory-access.js';
import type { MachineState, MapWrite } from '../state.js';
import { pointer, scalar, type Value } from '../value.js';
import { readRegister } from './registers.js';

const REGIONS_OF_VALUES: ReadonlySet<string> = new Set(['values', 'element']);
const ENOENT = 2n;
const EEXIST = 17n;
const BPF_NOEXIST = 1n;
const BPF_EXIST = 2n;
/** More changes than this in one run are not followed. */
const MOST_WRITES = 64;

/** The image of a hash map whose entries are all known; null where they are not. */
function knownImage(machine: Machine, state: MachineState, mapId: number): MapImage | null {
  const image = machine.image(mapId);
  const changed = machine.manager.and(state.path, state.changedMaps.get(mapId) ?? FALSE) !== FALSE;
  return image?.keys == null || changed ? null : image;
}

/** bpf_map_update_elem; null where it cannot be followed: the map may be full, or is not known, or an address of a freed element may be kept. `flags` at most BPF_EXIST. */
export function updateHash(machine: Machine, state: MachineState, mapId: number, flags: bigint): Value | null {
  const m = machine.manager;
  const image = knownImage(machine, state, mapId);
  const writes = state.mapWrites.get(mapId) ?? [];
  if (image?.keys == null || writes.length >= MOST_WRITES) return null;
  // With room for every key ever put there the map cannot be full.
  if (image.keys.length + writes.length >= image.contents.maxEntries) return null;
  const key = loadBytes(machine, state, readRegister(machine, state, 2), image.contents.keySize);
  const exists = findEntry(machine, state, image, key).where;
  const allowed = flags === BPF_NOEXIST ? exists ^ 1 : flags === BPF_EXIST ? exists : 0;
  const where = m.and(state.path, allowed);
  const reused = m.and(where, m.orAll(writes.map(({ frees }) => frees)));
  if (reused !== FALSE && holdsValue(state, mapId)) return null;
  if (where !== FALSE) {
    const offset = machine.newElement(mapId);
    const value = loadBytes(machine, state, readRegister(machine, state, 3), image.contents.valueSize);
    storeBytes(machine, state, pointer(machine.regions.get('values', mapId), constant(64, BigInt(offset))), value);
    remember(state, mapId, { where, key, offset, frees: m.and(where, exists) });
  }
  const refused = constant(64, flags === BPF_NOEXIST ? -EEXIST : -ENOENT);
  return scalar(select(m, allowed, ZERO64, refused));
}

/** bpf_map_delete_elem; null where it cannot be followed. */
export function deleteFromHash(machine: Machine, state: MachineState, mapId: number): Value | null {
  const m = machine.manager;
  const image = knownImage(machine, state, mapId);
  if (image === null || (state.mapWrites.get(mapId) ?? []).length >= MOST_WRITES) return null;
  const key: BitVector = loadBytes(machine, state, readRegister(machine, state, 2), image.contents.keySize);
  const exists = findEntry(machine, state, image, key).where;
  const where = m.and(state.path, exists);
  if (where !== FALSE) remember(state, mapId, { where, key, offset: null, frees: where });
  return scalar(select(m, exists, ZERO64, constant(64, -ENOENT)));
}

/**
 * Whether something that outlives a call holds an address of a value of the map. A deleted element is the first of the free list and a replaced one the
 * spare one (kernel/bpf/hashtab.c): what is put next may appear behind such an address.
 */
function holdsValue(state: MachineState, mapId: number): boolean {
  const kept = [
    ...state.registers.slice(6, 10),
    ...state.frames.flatMap(({ saved, loop }) => [...saved, loop?.context]),
  ];
  const slots = [...state.memory.values()].flatMap((object) => [...object.values()]);
  return [...kept, ...slots].some((holder) =>
    holder?.pointers.some(({ region }) => REGIONS_OF_VALUES.has(region.kind) && region.id === mapId),
  );
}

function remember(state: MachineState, mapId: number, write: MapWrite): void {
  state.mapWrites = new Map(state.mapWrites).set(mapId, [...(state.mapWrites.get(mapId) ?? []), write]);
}
