import type { ByteOrder, MapContents } from '../types.js';
import type { Machine } from './machine.js';

/** What a run has done to a map. Values of arrays live in one memory, those of other maps in a memory each. */
export interface MapState {
  /** false: keys and values are unknown from now on. */
  readable: boolean;
  /** Hex of key -> memory of the value that was put there, or null where the key was deleted. */
  readonly changes: Map<string, string | null>;
}

export function mapReason(mapId: number): string {
  return `depends:map:${String(mapId)}`;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

export function mapState(machine: Machine, mapId: number): MapState {
  let state = machine.maps.get(mapId);
  if (state === undefined) {
    state = { readable: !machine.mapsForgotten, changes: new Map() };
    machine.maps.set(mapId, state);
  }
  return state;
}

/** Elements of an array follow each other at multiples of 8 bytes (kernel/bpf/arraymap.c, array_map_alloc). */
export function arrayStride(map: MapContents): number {
  return Math.ceil(map.valueSize / 8) * 8;
}

export function indexKey(index: number, byteOrder: ByteOrder): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, index, byteOrder === 'little');
  return toHex(new Uint8Array(view.buffer));
}
