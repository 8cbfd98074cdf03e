import { FALSE, TRUE, type Ref } from '../bdd/manager.js';
import type { MapContents } from '../ebpf/types.js';
import { unknownSlot, wholeSlot, type Slot } from './memory.js';
import { wordOf } from './word.js';

/** More than this many bytes of map values are not laid out; what depends on them is undecided. */
const LARGEST_IMAGE = 1 << 26;

/**
 * The values of a map laid end to end, as far as they are known. An array's element i lies at i * stride, as in the kernel
 * (kernel/bpf/arraymap.c); the entries of other maps follow in the order of `keys`. For per-cpu maps a byte counts as known if all CPUs
 * have the same.
 */
export interface MapImage {
  readonly contents: MapContents;
  /** Bytes from one value to the next: the value size rounded up to 8. */
  readonly stride: number;
  readonly isArray: boolean;
  /** Keys of the entries in layout order, which is the order in which the map was read and the kernel walks it; null where they are not known; of no meaning for arrays. */
  readonly keys: readonly Uint8Array[] | null;
  slot(index: number): Slot;
}

const ARRAY_TYPES: ReadonlySet<string> = new Set(['array', 'percpu_array', 'array_of_maps']);
const KEYED_TYPES: ReadonlySet<string> = new Set([
  'hash',
  'lru_hash',
  'percpu_hash',
  'lru_percpu_hash',
  'hash_of_maps',
  'lpm_trie',
]);

export function isPerCpu(type: string): boolean {
  return type.includes('percpu');
}

/** Null where the kind of map has no values in the sense of `MapImage`. */
export function layOut(contents: MapContents, littleEndian: boolean): MapImage | null {
  const isArray = ARRAY_TYPES.has(contents.type);
  if (!isArray && !KEYED_TYPES.has(contents.type)) return null;
  const stride = Math.ceil(contents.valueSize / 8) * 8;
  const entries = [...(contents.entries ?? [])];
  const count = isArray ? contents.maxEntries : entries.length;
  const reason = `depends:map:${String(contents.id)}`;
  if (contents.entries === null || !haveKeys(contents, entries) || stride * count > LARGEST_IMAGE) {
    return { contents, stride, isArray, keys: null, slot: () => unknownSlot(reason) };
  }
  const bytes = new Uint8Array(stride * count);
  // An empty slot of a map of maps is not read, and is 0.
  const known = new Uint8Array(stride * count).fill(contents.type === 'array_of_maps' ? 1 : 0);
  const keys: Uint8Array[] = [];
  for (const [hex, value] of entries) {
    const key = Uint8Array.from(Buffer.from(hex, 'hex'));
    const at = isArray ? indexIn(key, littleEndian) : keys.length;
    if (!isArray) keys.push(key);
    // Beyond its end a typed array takes nothing.
    copyValue(contents, stride, value, bytes, known, at * stride);
  }
  return { contents, stride, isArray, keys, slot: (index) => slotOf(bytes, known, index, reason) };
}

/** Whether the keys are such as the kernel has in a map of this kind: those of a snapshot made by hand may be others. */
function haveKeys({ type, keySize }: MapContents, entries: readonly [string, Uint8Array][]): boolean {
  const isPossible = ARRAY_TYPES.has(type) ? keySize === 4 : type !== 'lpm_trie' || keySize > 4;
  return isPossible && entries.every(([key]) => key.length === keySize * 2);
}

function indexIn(key: Uint8Array, littleEndian: boolean): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0, littleEndian);
}

function copyValue(
  contents: MapContents,
  stride: number,
  value: Uint8Array,
  bytes: Uint8Array,
  known: Uint8Array,
  at: number,
): void {
  const copies = isPerCpu(contents.type) ? Math.ceil(value.length / stride) : 1;
  for (let i = 0; i < contents.valueSize && i < value.length; i++) {
    bytes[at + i] = value[i]!;
    known[at + i] = 1;
    for (let cpu = 1; cpu < copies; cpu++) if (value[cpu * stride + i] !== value[i]) known[at + i] = 0;
  }
}

function slotOf(bytes: Uint8Array, known: Uint8Array, index: number, reason: string): Slot {
  const at = index * 8;
  const bits: Ref[] = [];
  const written: Ref[] = [];
  for (let i = 0; i < 8; i++) {
    written.push(known[at + i] === 1 ? TRUE : FALSE);
    for (let bit = 0; bit < 8; bit++) bits.push((bytes[at + i]! >> bit) & 1 ? TRUE : FALSE);
  }
  return { ...wholeSlot(wordOf(bits)), written, reason };
}
