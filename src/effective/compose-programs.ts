import { decode } from '../ebpf/decode.js';
import { DecodeError } from '../ebpf/decode-error.js';
import type { MapContents, Program, ProgramEnvironment } from '../ebpf/types.js';
import type { MapRecord, ProgramRecord, Snapshot } from '../snapshot/types.js';

/** A program of a snapshot, ready to be evaluated, or why it cannot be. */
export type LoadedProgram =
  | { kind: 'program'; id: number; record: ProgramRecord; program: Program; environment: ProgramEnvironment }
  | { kind: 'unreadable'; id: number; record: ProgramRecord | null; reason: string };

type ProgramsById = Map<number, { program: Program; environment: ProgramEnvironment }>;

/** Decodes the programs of a snapshot, each once, with everything the snapshot knows that their behaviour depends on. */
export class ProgramLoader {
  readonly #snapshot: Snapshot;
  readonly #programs = new Map<number, LoadedProgram>();
  readonly #maps = new Map<number, MapContents | null>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** The program with a kernel id. What is missing or malformed is `unreadable`, never an error. */
  get(id: number): LoadedProgram {
    const known = this.#programs.get(id);
    if (known !== undefined) return known;
    const record = this.#snapshot.programs.find((candidate) => candidate.id === id) ?? null;
    const decoded = record === null ? 'unreadable' : this.#decode(record);
    if (record === null || typeof decoded === 'string') {
      const reason = typeof decoded === 'string' ? decoded : 'unreadable';
      const loaded: LoadedProgram = { kind: 'unreadable', id, record, reason };
      this.#programs.set(id, loaded);
      return loaded;
    }
    const maps = this.#mapsOf(record, decoded);
    const programs: ProgramsById = new Map();
    const environment: ProgramEnvironment = {
      maps,
      helpers: helperNames(record.helpers),
      programs,
      kernelRelease: this.#snapshot.host.kernelRelease,
      // null: nobody looked for extension programs, which is how captures by hand come; without BTF there can be none.
      freplaced: record.btfId === 0 ? 'no' : (record.freplaced ?? 'no'),
    };
    const loaded: LoadedProgram = { kind: 'program', id, record, program: decoded, environment };
    // Entered before its tail-call targets are loaded: a program may reach itself.
    this.#programs.set(id, loaded);
    this.#followTailCalls(maps, decoded, programs);
    return loaded;
  }

  /** The program, or why there is none. */
  #decode(record: ProgramRecord): Program | string {
    if (record.xlated === null || record.xlated === '') return 'unreadable';
    try {
      return decode(Buffer.from(record.xlated, 'base64'), this.#snapshot.host.byteOrder);
    } catch (error) {
      if (error instanceof DecodeError) return 'undecodable';
      throw error;
    }
  }

  #mapsOf(record: ProgramRecord, program: Program): Map<number, MapContents> {
    const ids = new Set(record.mapIds);
    for (const instruction of program.instructions) {
      if (instruction.op === 'load-map' || instruction.op === 'load-map-value') ids.add(instruction.mapId);
    }
    const maps = new Map<number, MapContents>();
    for (const id of ids) {
      const map = this.#map(id);
      if (map === null) continue;
      maps.set(id, map);
      for (const inner of map.type.endsWith('_of_maps') ? this.#idsIn(map) : []) {
        const contents = this.#map(inner);
        if (contents !== null) maps.set(inner, contents);
      }
    }
    return maps;
  }

  #followTailCalls(maps: ReadonlyMap<number, MapContents>, program: Program, programs: ProgramsById): void {
    if (!program.instructions.some(({ op }) => op === 'tail-call')) return;
    for (const map of maps.values()) {
      if (map.type !== 'prog_array') continue;
      for (const id of this.#idsIn(map)) {
        const target = this.get(id);
        if (target.kind === 'program') programs.set(id, target);
      }
    }
  }

  /** Ids of programs or maps that user space reads as the 32-bit values of a map. */
  #idsIn(map: MapContents): number[] {
    const little = this.#snapshot.host.byteOrder === 'little';
    return [...(map.entries?.values() ?? [])].flatMap((value) =>
      value.length < 4 ? [] : [new DataView(value.buffer, value.byteOffset).getUint32(0, little)],
    );
  }

  #map(id: number): MapContents | null {
    let contents = this.#maps.get(id);
    if (contents === undefined) {
      const record = this.#snapshot.maps.find((candidate) => candidate.id === id);
      contents = record === undefined ? null : mapContents(record);
      this.#maps.set(id, contents);
    }
    return contents;
  }
}

function helperNames(helpers: Readonly<Record<string, string>>): Map<number, string> {
  return new Map(Object.entries(helpers).map(([imm, name]) => [Number(imm), name]));
}

function mapContents(record: MapRecord): MapContents {
  const entries = Array.isArray(record.entries)
    ? new Map(record.entries.map(({ key, value }) => [hex(key), new Uint8Array(Buffer.from(value, 'base64'))]))
    : null;
  const { id, type, keySize, valueSize, maxEntries, flags, frozen, asOf } = record;
  return { id, type, keySize, valueSize, maxEntries, flags, frozen, entries, asOf };
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
