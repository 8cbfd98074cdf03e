import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { multiply } from './arithmetic.js';
import { constant, equal, lessUnsigned, select, ZERO64, zeroExtend, type BitVector } from './bitvector.js';
import type { Machine } from './machine.js';
import { load, loadBytes } from './memory-access.js';
import type { MapImage } from './map-image.js';
import { byteSwap } from './shift.js';
import type { MachineState } from './state.js';
import { pointer, scalar, selectValue, type Value } from './value.js';
import { NULL_WORD } from './word.js';

/** Where a key is present, and at what offset its value lies in the map's image. */
interface Found {
  readonly where: Ref;
  readonly offset: BitVector;
}

/**
 * bpf_map_lookup_elem for one map and a key in memory: address of the value where the key is present, 0 elsewhere.
 * `kind` is the region to point into: 'element' for the kernel-internal lookup that inlined code continues.
 */
export function lookUp(
  machine: Machine,
  state: MachineState,
  mapId: number,
  key: Value,
  kind: 'values' | 'element',
): Value {
  const m = machine.manager;
  const reason = `depends:map:${String(mapId)}`;
  const image = machine.image(mapId);
  // Without the map's shape an address inside it cannot be told from others: a plain unknown number.
  if (image === null) return scalar(machine.fresh(reason));
  if (!image.isArray && image.keys === null) return unknownEntry(machine, mapId, reason);
  const { contents } = image;
  const bytes = loadBytes(machine, state, key, contents.keySize);
  const found = image.isArray ? findIndex(machine, image, bytes) : findEntry(machine, state, image, bytes);
  const value: Value = {
    word: NULL_WORD,
    pointers:
      found.where === FALSE
        ? []
        : [{ guard: found.where, region: machine.regions.get(kind, mapId), offset: found.offset }],
  };
  const isInner = contents.type.endsWith('_of_maps') && kind === 'values';
  const exact = isInner
    ? selectValue(m, found.where, innerMap(machine, state, value, found.where), scalar(ZERO64))
    : value;
  const changed = image.isArray ? FALSE : (state.changedMaps.get(mapId) ?? FALSE);
  const stale =
    m.and(state.path, changed) === FALSE ? exact : selectValue(m, changed, unknownEntry(machine, mapId, reason), exact);
  return contents.type === 'lpm_trie' ? withLongPrefixes(machine, contents.keySize, bytes, mapId, stale) : stale;
}

function innerMap(machine: Machine, state: MachineState, table: Value, where: Ref): Value {
  const here = { ...state, path: machine.manager.and(state.path, where) };
  return load(machine, here, table, 0, 8, false);
}

/** A key that may or may not be there, with a value that nobody knows. */
function unknownEntry(machine: Machine, mapId: number, reason: string): Value {
  const present = machine.freshBit(reason);
  return selectValue(machine.manager, present, pointer(machine.regions.get('opaque', mapId), ZERO64), scalar(ZERO64));
}

function findIndex(machine: Machine, image: MapImage, bytes: BitVector): Found {
  const m = machine.manager;
  const index = zeroExtend(machine.littleEndian ? bytes : byteSwap(bytes, bytes.length), 64);
  const where = lessUnsigned(m, index, constant(64, BigInt(image.contents.maxEntries)));
  return { where, offset: multiply(m, index, constant(64, BigInt(image.stride))) };
}

/** As `findKey`, with what the program itself has written. */
export function findEntry(machine: Machine, state: MachineState, image: MapImage, bytes: BitVector): Found {
  const m = machine.manager;
  let { where, offset } = findKey(machine, image, bytes);
  for (const write of state.mapWrites.get(image.contents.id) ?? []) {
    const here = m.and(write.where, equal(m, bytes, write.key));
    where = m.ite(here, write.offset === null ? FALSE : TRUE, where);
    if (write.offset !== null) offset = select(m, here, constant(64, BigInt(write.offset)), offset);
  }
  return { where, offset };
}

function findKey(machine: Machine, image: MapImage, bytes: BitVector): Found {
  const m = machine.manager;
  const keys = image.keys ?? [];
  const matches =
    image.contents.type === 'lpm_trie'
      ? prefixMatches(machine, keys, bytes)
      : keys.map((key) => matchesBits(m, bytes, key, 0, key.length * 8, lowestFirst));
  return { where: m.orAll(matches), offset: offsetOf(m, matches, image.stride) };
}

/** The offset of whichever entry matches; matches exclude each other. */
function offsetOf(m: BddManager, matches: readonly Ref[], stride: number): BitVector {
  return ZERO64.map((_zero, bit) => m.orAll(matches.filter((_, i) => Math.floor((i * stride) / 2 ** bit) % 2 === 1)));
}

type BitOfByte = (bit: number) => number;
const lowestFirst: BitOfByte = (bit) => bit;
/** Network order: a prefix begins with the highest bit of the first byte. */
const highestFirst: BitOfByte = (bit) => 7 - bit;

function matchesBits(
  m: BddManager,
  bytes: BitVector,
  key: Uint8Array,
  first: number,
  count: number,
  order: BitOfByte,
): Ref {
  let all: Ref = TRUE;
  for (let i = 0; i < count && all !== FALSE; i++) {
    const at = first + (i >> 3);
    const bit = order(i & 7);
    const have = bytes[at * 8 + bit]!;
    all = m.and(all, ((key[at]! >> bit) & 1) === 1 ? have : have ^ 1);
  }
  return all;
}

/** Longest prefix first, each match without those of longer prefixes (kernel/bpf/lpm_trie.c). */
function prefixMatches(machine: Machine, keys: readonly Uint8Array[], bytes: BitVector): Ref[] {
  const m = machine.manager;
  const wanted = prefixLength(machine, bytes);
  const lengths = keys.map((key) => new DataView(key.buffer, key.byteOffset).getUint32(0, machine.littleEndian));
  const matches = new Array<Ref>(keys.length);
  let taken: Ref = FALSE;
  for (const i of [...keys.keys()].sort((a, b) => lengths[b]! - lengths[a]!)) {
    const length = lengths[i]!;
    const fits = lessUnsigned(m, wanted, constant(32, BigInt(length))) ^ 1;
    const match = m.and(fits, matchesBits(m, bytes, keys[i]!, 4, length, highestFirst));
    matches[i] = m.difference(match, taken);
    taken = m.or(taken, match);
  }
  return matches;
}

function prefixLength(machine: Machine, bytes: BitVector): BitVector {
  const length = bytes.slice(0, 32);
  return machine.littleEndian ? length : byteSwap(length, 32);
}

/** A prefix longer than the map's keys finds nothing on newer kernels and something on older ones: unknown. */
function withLongPrefixes(machine: Machine, keySize: number, bytes: BitVector, mapId: number, value: Value): Value {
  const m = machine.manager;
  const tooLong = lessUnsigned(m, constant(32, BigInt((keySize - 4) * 8)), prefixLength(machine, bytes));
  if (tooLong === FALSE) return value;
  return selectValue(m, tooLong, unknownEntry(machine, mapId, 'helper:bpf_map_lookup_elem'), value);
}
