import { InputError } from '../../errors.js';
import type { Decoder } from '../../snapshot/decode.js';
import {
  array,
  boolean,
  fallback,
  integer,
  nullable,
  object,
  plainObject,
  property,
  string,
} from '../../snapshot/decode.js';
import { mapRecord, programTag } from '../../snapshot/records.js';
import type { MapRecord, ProgramRecord, ReadFailure } from '../../snapshot/types.js';

/** What bpftool prints as JSON (`bpftool -j`), of the releases 5.x to 7.x. */
const text = string(65_536);
const id = integer(0, 0xffff_ffff);

/** Bytes as bpftool writes them: ["0x01", "0x00"]. */
export const hexBytes: Decoder<Uint8Array> = (value, path) => {
  const digits = array(text, 1 << 24)(value, path);
  return Uint8Array.from(digits, (digit, index) => {
    const byte = /^0x[0-9a-f]{1,2}$/i.test(digit) ? Number.parseInt(digit, 16) : -1;
    if (byte < 0) throw new InputError(`${path}[${String(index)}]: expected a byte such as "0x1f"`);
    return byte;
  });
};

/** `bpftool -j prog show`: a program without its instructions. */
export function programOf(
  value: unknown,
  path: string,
): Omit<ProgramRecord, 'xlated' | 'unreadable' | 'helpers' | 'freplaced'> & {
  /** Length of the dump in bytes as the kernel said, null if bpftool did not print it. */
  bytesXlated: number | null;
} {
  const source = plainObject(value, path);
  const field = <T>(key: string, decoder: Decoder<T>): T => decoder(property(source, key), `${path}.${key}`);
  const type = field('type', nullable(text));
  if (type !== null && type !== 'cgroup_device')
    throw new InputError(`${path}: a program of type ${JSON.stringify(type)}, not cgroup_device`);
  const loadedAt = field('loaded_at', nullable(integer(0, 0xffff_ffff_ff)));
  return {
    id: field('id', id),
    tag: field('tag', nullable(programTag)),
    name: field(
      'name',
      fallback(text, () => ''),
    ),
    loadedAtNs: null,
    loadedAt: loadedAt === null ? null : new Date(loadedAt * 1000).toISOString(),
    uid: field('uid', nullable(integer(0))),
    gplCompatible: field('gpl_compatible', nullable(boolean)),
    btfId: field(
      'btf_id',
      fallback(integer(0), () => 0),
    ),
    jited: field('jited', nullable(boolean)),
    mapIds: field(
      'map_ids',
      fallback(array(id, 1 << 16), () => []),
    ),
    functionCount: null,
    bytesXlated: field('bytes_xlated', nullable(integer(0))),
  };
}

/** `bpftool -j map show` and `bpftool -j map dump` of one map. */
export function mapOf(show: unknown, dump: unknown, path: string, asOf: string | null): MapRecord {
  const source = plainObject(show, `${path}.show`);
  const field = <T>(key: string, decoder: Decoder<T>): T => decoder(property(source, key), `${path}.show.${key}`);
  const map: MapRecord = {
    id: field('id', id),
    type: field('type', text),
    name: field(
      'name',
      fallback(text, () => ''),
    ),
    keySize: field('bytes_key', integer(0)),
    valueSize: field('bytes_value', integer(0)),
    maxEntries: field('max_entries', integer(0)),
    flags: field('flags', integer(0)),
    frozen:
      field(
        'frozen',
        fallback(integer(0), () => 0),
      ) !== 0,
    entries: mapEntries(dump, `${path}.dump`),
    asOf,
  };
  // What a saved snapshot could not hold is refused here, where the file can be named.
  return mapRecord(map, `${path}.show`);
}

function mapEntries(dump: unknown, path: string): MapRecord['entries'] {
  if (!Array.isArray(dump)) return failure(dump, 'the contents were not captured');
  return dump.flatMap((item: unknown, index) => {
    const at = `${path}[${String(index)}]`;
    const entry = plainObject(item, at);
    const value = entryValue(entry, at);
    return value === null ? [] : [{ key: encode(hexBytes(property(entry, 'key'), `${at}.key`)), value: encode(value) }];
  });
}

/** null for a slot that bpftool could not look up: an empty one of a map of programs. */
function entryValue(entry: Record<string, unknown>, path: string): Uint8Array | null {
  const value = property(entry, 'value');
  if (Array.isArray(value)) return hexBytes(value, `${path}.value`);
  const perCpu = property(entry, 'values');
  if (perCpu === undefined) return null;
  const cpus = array(object<{ value: Uint8Array }>({ value: hexBytes }), 1 << 16)(perCpu, `${path}.values`);
  // The kernel aligns each cpu's value to 8 bytes (bpf(2), BPF_MAP_LOOKUP_ELEM of per-cpu maps); bpftool prints them without the padding.
  return Buffer.concat(cpus.map((cpu) => Buffer.concat([cpu.value, Buffer.alloc((8 - (cpu.value.length % 8)) % 8)])));
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** What `{"error": "..."}` says. */
function failure(value: unknown, otherwise: string): ReadFailure {
  const error =
    typeof value === 'object' && value !== null ? property(value as Record<string, unknown>, 'error') : undefined;
  return { failed: typeof error === 'string' && error !== '' ? error.slice(0, 500) : otherwise, code: null };
}

/** A list of `bpftool -j cgroup show`. */
export interface ShownPrograms {
  programIds: number[];
  /** BPF_F_ALLOW_OVERRIDE 1, BPF_F_ALLOW_MULTI 2. */
  attachFlags: number;
}

/**
 * Reads a list of attached programs. bpftool prints nothing at all for a cgroup without programs: a capture that kept that as `{"error": ""}` means an
 * empty list.
 */
export function shownPrograms(value: unknown, path: string): ShownPrograms | ReadFailure {
  if (!Array.isArray(value)) {
    const error = property(plainObject(value, path), 'error');
    return error === '' ? { programIds: [], attachFlags: 0 } : failure(value, 'what bpftool printed is no list');
  }
  const entries = array(
    object<{ id: number; attach_type: string | null; attach_flags: string | null }>({
      id,
      attach_type: nullable(text),
      attach_flags: nullable(text),
    }),
    1 << 16,
  )(value, path).filter((entry) => entry.attach_type === null || /^(cgroup_)?device$/.test(entry.attach_type));
  return { programIds: entries.map((entry) => entry.id), attachFlags: attachFlagsOf(entries[0]?.attach_flags ?? '') };
}

/** The word bpftool prints for the flags of a cgroup. */
export function attachFlagsOf(words: string): number {
  return (words.includes('override') ? 1 : 0) | (words.includes('multi') ? 2 : 0);
}

/**
 * Reads `bpftool -j prog dump xlated ... opcodes`: the instructions as bytes, and the names of helpers that its text gives for calls.
 * @param byteOrder of the machine that printed it: registers share a byte, whose halves depend on it
 * @throws InputError if it is no such dump, or one without `opcodes`
 */
export function instructionsOf(
  dump: unknown,
  byteOrder: 'little' | 'big',
): { xlated: Uint8Array; helpers: Record<string, string> } {
  const helpers = Object.create(null) as Record<string, string>;
  const parts = array(plainObject, 1 << 20)(dump, '').map((entry, index) => {
    const path = `[${String(index)}]`;
    const disassembly = property(entry, 'disasm');
    if (typeof disassembly === 'string') collectHelper(disassembly, helpers);
    if (property(entry, 'opcodes') === undefined)
      throw new InputError('a dump without "opcodes": run bpftool with that word');
    return instructionBytes(plainObject(property(entry, 'opcodes'), `${path}.opcodes`), `${path}.opcodes`, byteOrder);
  });
  return { xlated: Buffer.concat(parts), helpers };
}

function instructionBytes(opcodes: Record<string, unknown>, path: string, byteOrder: 'little' | 'big'): Uint8Array {
  const one = (key: string): number => hexBytes([property(opcodes, key)], `${path}.${key}`)[0] ?? 0;
  const [source, destination] = [one('src_reg'), one('dst_reg')];
  const registers = byteOrder === 'little' ? (source << 4) | destination : (destination << 4) | source;
  const offset = hexBytes(property(opcodes, 'off'), `${path}.off`);
  // 4 bytes, or 12 for a 64-bit immediate load: bpftool prints the second slot with it.
  const immediate = hexBytes(property(opcodes, 'imm'), `${path}.imm`);
  if (offset.length !== 2 || (immediate.length !== 4 && immediate.length !== 12))
    throw new InputError(`${path}: not an instruction`);
  return Buffer.concat([Uint8Array.of(one('code'), registers), offset, immediate]);
}

/** "(85) call bpf_get_current_uid_gid#-108800": bpftool resolved the immediate through kallsyms. */
function collectHelper(line: string, helpers: Record<string, string>): void {
  const call = /\(85\) call ([A-Za-z_][A-Za-z0-9_.]*)#(-?\d+)\s*$/.exec(line);
  if (call !== null && call[1] !== 'unknown' && call[1] !== 'pc') helpers[call[2] ?? ''] = call[1] ?? '';
}

/** Names of helpers in bpftool's plain listing, by the immediate of the call. */
export function helpersOfListing(listing: string): Record<string, string> {
  const helpers = Object.create(null) as Record<string, string>;
  for (const line of listing.split('\n')) collectHelper(line, helpers);
  return helpers;
}
