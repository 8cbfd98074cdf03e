import type { MapRecord, ReadFailure } from '../snapshot/types.js';
import type { NativeBinding, NativeMapInfo } from './native.js';
import { nativeFailure } from './native-reads.js';

/** enum bpf_map_type (include/uapi/linux/bpf.h), by number. */
const MAP_TYPES = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
  'insn_array',
] as const;

/** Maps whose keys are the numbers from 0, four bytes in the machine's order. Those of maps of programs and maps read as their ids. */
const INDEXED = new Set(['array', 'percpu_array', 'prog_array', 'insn_array', 'array_of_maps']);
/** Maps whose keys are walked. */
const KEYED = new Set(['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash', 'lpm_trie', 'hash_of_maps']);

/** More than a device policy holds; a larger map is said to be too large, and what depends on it is undecided. */
const MAX_ENTRIES = 65_536;
const MAX_BYTES = 32 << 20;

/** A map with its contents at this moment; null if it went away meanwhile. Contents that cannot be read are a failure in the record. */
export function readMap(binding: NativeBinding, id: number): MapRecord | null {
  let fd: number;
  try {
    fd = binding.getMapFd(id);
  } catch (error) {
    const { syscall, code } = nativeFailure(error);
    return code === 'ENOENT' ? null : unknownMap(id, { failed: syscall, code });
  }
  try {
    const info = binding.mapInfo(fd);
    return {
      id,
      type: MAP_TYPES[info.type] ?? `type_${String(info.type)}`,
      name: info.name,
      keySize: info.keySize,
      valueSize: info.valueSize,
      maxEntries: info.maxEntries,
      flags: info.mapFlags,
      frozen: info.frozen ?? false,
      entries: readEntries(binding, fd, info),
      asOf: new Date().toISOString(),
    };
  } catch (error) {
    const { syscall, code } = nativeFailure(error);
    return unknownMap(id, { failed: syscall, code });
  } finally {
    binding.close(fd);
  }
}

function readEntries(binding: NativeBinding, fd: number, info: NativeMapInfo): MapRecord['entries'] {
  const type = MAP_TYPES[info.type] ?? '';
  try {
    if (INDEXED.has(type)) return readIndexed(binding, fd, info);
    if (KEYED.has(type)) return readKeyed(binding, fd);
    return { failed: `contents of ${type === '' ? 'an unknown type of map' : type} are not read`, code: null };
  } catch (error) {
    const { syscall, code } = nativeFailure(error);
    return { failed: syscall, code };
  }
}

function readIndexed(binding: NativeBinding, fd: number, info: NativeMapInfo): MapRecord['entries'] {
  if (info.maxEntries > MAX_ENTRIES || info.maxEntries * info.valueSize > MAX_BYTES) return tooLarge();
  const entries: { key: string; value: string }[] = [];
  const key = new Uint32Array(1);
  for (let index = 0; index < info.maxEntries; index++) {
    key[0] = index;
    const bytes = new Uint8Array(key.buffer.slice(0));
    const value = binding.mapLookup(fd, bytes);
    if (value !== null) entries.push({ key: encode(bytes), value: encode(value) });
  }
  return entries;
}

/** A map that changes while it is walked can give a key twice or go round for ever: each key counts once, and there is a limit. */
function readKeyed(binding: NativeBinding, fd: number): MapRecord['entries'] {
  const entries = new Map<string, string>();
  let bytes = 0;
  let steps = 0;
  for (let key = binding.mapNextKey(fd, null); key !== null; key = binding.mapNextKey(fd, key)) {
    if (++steps > 2 * MAX_ENTRIES || entries.size > MAX_ENTRIES || bytes > MAX_BYTES) return tooLarge();
    const value = binding.mapLookup(fd, key);
    if (value === null) continue;
    bytes += value.length;
    entries.set(encode(key), encode(value));
  }
  return [...entries].map(([key, value]) => ({ key, value }));
}

function tooLarge(): ReadFailure {
  return {
    failed: `the map has more than ${String(MAX_ENTRIES)} entries or ${String(MAX_BYTES >> 20)} MiB`,
    code: null,
  };
}

function unknownMap(id: number, entries: ReadFailure): MapRecord {
  return {
    id,
    type: 'unspec',
    name: '',
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    frozen: false,
    entries,
    asOf: null,
  };
}

/** User space reads program ids from the slots of a map of programs (bpf_fd_array_map_lookup_elem). */
export function targetsOfProgramArray(map: MapRecord, byteOrder: 'little' | 'big'): number[] {
  return map.type === 'prog_array' ? idsIn(map, byteOrder) : [];
}

/** User space reads map ids from a map of maps (bpf_map_fd_sys_lookup_elem). */
export function innerMapsOf(map: MapRecord, byteOrder: 'little' | 'big'): number[] {
  return map.type === 'array_of_maps' || map.type === 'hash_of_maps' ? idsIn(map, byteOrder) : [];
}

function idsIn(map: MapRecord, byteOrder: 'little' | 'big'): number[] {
  if ('failed' in map.entries) return [];
  return map.entries.map(({ value }) => {
    const bytes = Buffer.from(value, 'base64');
    return byteOrder === 'little' ? bytes.readUInt32LE(0) : bytes.readUInt32BE(0);
  });
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
