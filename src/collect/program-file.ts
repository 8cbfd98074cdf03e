import { endianness } from 'node:os';
import { InputError } from '../errors.js';
import type { Decoder } from '../snapshot/decode.js';
import {
  array,
  base64,
  boolean,
  fallback,
  integer,
  literal,
  nullable,
  plainObject,
  property,
  string,
} from '../snapshot/decode.js';
import { maskKernelPointers } from '../snapshot/mask.js';
import type { MapRecord, ProgramRecord, Snapshot } from '../snapshot/types.js';
import { helperNames } from './captured/programs.js';
import { emptyProgram, emptySnapshot } from './empty.js';
import { LIMITS } from './files.js';
import { helpersOfListing, instructionsOf, mapOf } from './formats/bpftool.js';
import { parseJson } from './formats/json.js';

/** Longest program file: instructions of the longest program the kernel takes, as JSON text. */
export const MAX_PROGRAM_FILE: number = LIMITS.database;

export const PROGRAM_SCHEMA = 'devpolicy/program';

/** How to read a program file. */
export interface ProgramFileOptions {
  /** Of raw and hexadecimal files and bpftool's dumps; default: this machine's. JSON of our own says it itself. */
  byteOrder?: 'little' | 'big' | undefined;
}

/**
 * Turns a program file into a snapshot whose only subject is a cgroup "/" with that program.
 *
 * Four kinds of file are told apart by their bytes. Raw instructions always hold a zero byte (every program has an exit instruction, 95 00 00 ...), text
 * never does; text is JSON if it begins with a bracket, bpftool's listing if it has its "N: (xx)" lines, and hexadecimal digits otherwise.
 * @param content the file
 * @param name what to call it in messages
 * @throws InputError in one line if it is none of these
 */
export function snapshotOfProgram(content: Uint8Array, name: string, options: ProgramFileOptions = {}): Snapshot {
  try {
    if (content.length === 0) throw new InputError('is empty');
    if (content.length > MAX_PROGRAM_FILE) throw new InputError(`is larger than ${String(MAX_PROGRAM_FILE >> 20)} MiB`);
    const byteOrder = options.byteOrder ?? machineByteOrder();
    if (content.includes(0)) return snapshotOf(bareProgram(content), [], byteOrder, null);
    return snapshotOfText(Buffer.from(content).toString('utf8').trim(), byteOrder);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${name}: ${error.message}`, error.hint);
    throw error;
  }
}

/** Byte order of the machine this runs on. */
export function machineByteOrder(): 'little' | 'big' {
  return endianness() === 'LE' ? 'little' : 'big';
}

function snapshotOfText(text: string, byteOrder: 'little' | 'big'): Snapshot {
  if (text.startsWith('{')) return snapshotOfProgramJson(plainObject(parseJson(text), ''), byteOrder);
  if (text.startsWith('[')) {
    const { xlated, helpers } = instructionsOf(parseJson(text), byteOrder);
    return snapshotOf(bareProgram(xlated, helpers), [], byteOrder, null);
  }
  if (/^\s*\d+: \([0-9a-f]{2}\) /m.test(text))
    return snapshotOf(bareProgram(listingBytes(text), helpersOfListing(text)), [], byteOrder, null);
  return snapshotOf(bareProgram(hexadecimal(text)), [], byteOrder, null);
}

function hexadecimal(text: string): Uint8Array {
  const digits = text.replace(/0x|\\x|[\s,]/gi, '');
  if (!/^[0-9a-f]+$/i.test(digits)) {
    throw new InputError(
      'is no program: neither raw instructions, hexadecimal digits, nor JSON',
      'bpftool prog dump xlated id N file FILE',
    );
  }
  if (digits.length % 2 !== 0) throw new InputError('has an odd number of hexadecimal digits');
  return Buffer.from(digits, 'hex');
}

/** bpftool's text with `opcodes`: under each instruction its 8 or 16 bytes. */
function listingBytes(text: string): Uint8Array {
  const lines = text
    .split('\n')
    .filter((line) => /^\s*(?:[0-9a-f]{2} ){7}[0-9a-f]{2}(?: (?:[0-9a-f]{2} ){7}[0-9a-f]{2})?\s*$/.test(line));
  if (lines.length === 0)
    throw new InputError('is a listing without "opcodes"', 'bpftool prog dump xlated id N opcodes');
  return Buffer.concat(lines.map((line) => Buffer.from(line.replace(/\s/g, ''), 'hex')));
}

/** A program of which nothing is known but its instructions. */
function bareProgram(xlated: Uint8Array, helpers: Record<string, string> = {}): ProgramRecord {
  return { ...emptyProgram(1), xlated: Buffer.from(xlated).toString('base64'), helpers };
}

function snapshotOf(
  program: ProgramRecord,
  others: ProgramRecord[],
  byteOrder: 'little' | 'big',
  kernel: string | null,
  maps: MapRecord[] = [],
): Snapshot {
  const programs = [program, ...others].map((each) => ({ ...each, xlated: checkedCode(each.xlated, byteOrder) }));
  const snapshot = emptySnapshot(byteOrder);
  return {
    ...snapshot,
    subject: 'cgroup:/',
    host: { ...snapshot.host, kernelRelease: kernel },
    cgroups: [
      {
        path: '/',
        id: null,
        attached: { programIds: [program.id], attachFlags: 2, programAttachFlags: null, revision: null },
        effective: { programIds: [program.id] },
      },
    ],
    programs,
    maps,
  };
}

/** Whole instructions only: what is cut off would have been executed. */
function checkedCode(xlated: string | null, byteOrder: 'little' | 'big'): string {
  const code = Buffer.from(xlated ?? '', 'base64');
  if (code.length === 0) throw new InputError('holds no instructions');
  if (code.length % 8 !== 0)
    throw new InputError(`has ${String(code.length)} bytes, which is no whole number of 8-byte instructions`);
  return maskKernelPointers(code, byteOrder).toString('base64');
}

const id = integer(0, 0xffff_ffff);
const text = string(4096);

/** Our own form; its schema is docs/schemas/program.schema.json. */
function snapshotOfProgramJson(document: Record<string, unknown>, machine: 'little' | 'big'): Snapshot {
  const field = <T>(key: string, decoder: Decoder<T>): T => decoder(property(document, key), key);
  if (property(document, 'xlated') === undefined) {
    throw new InputError('is JSON without "xlated": neither a program of ours nor bpftool\'s dump with opcodes');
  }
  const schema = field('schema', nullable(text));
  if (schema !== null && schema !== PROGRAM_SCHEMA) throw new InputError(`"schema" is not "${PROGRAM_SCHEMA}"`);
  const [major] = field(
    'schemaVersion',
    fallback(array(integer(0), 2), () => [1, 0]),
  );
  if (major !== 1) throw new InputError('is of a newer format than this devpolicy reads', 'update devpolicy');
  const byteOrder = field(
    'byteOrder',
    fallback(literal('little', 'big'), () => machine),
  );
  const asOf = field('asOf', nullable(text));
  const others = field(
    'programs',
    fallback(
      array((value, path) => programJson(plainObject(value, path), `${path}.`), 10_000),
      () => [],
    ),
  );
  return snapshotOf(
    programJson(document, ''),
    others,
    byteOrder,
    field('kernel', nullable(text)),
    field('maps', maps(asOf)),
  );
}

function programJson(document: Record<string, unknown>, path: string): ProgramRecord {
  const field = <T>(key: string, decoder: Decoder<T>): T => decoder(property(document, key), path + key);
  const own = field(
    'id',
    fallback(id, () => 1),
  );
  return {
    ...emptyProgram(own),
    tag: field('tag', nullable(text)),
    name: field(
      'name',
      fallback(text, () => ''),
    ),
    gplCompatible: field('gplCompatible', nullable(boolean)),
    mapIds: field(
      'mapIds',
      fallback(array(id, 1 << 16), () => []),
    ),
    xlated: field('xlated', base64(MAX_PROGRAM_FILE)),
    helpers: helperNames(property(document, 'helpers')),
  };
}

/** A list of map records, or bpftool's words for each map under its id ({"816": {"show": ..., "dump": ...}}). */
function maps(asOf: string | null): Decoder<MapRecord[]> {
  return (value, path) => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value))
      return array((item, at) => mapJson(plainObject(item, at), at, null, asOf), 10_000)(value, path);
    return Object.entries(plainObject(value, path)).map(([key, item]) => {
      const at = `${path}.${key.slice(0, 20)}`;
      const entry = plainObject(item, at);
      if (property(entry, 'show') !== undefined)
        return mapOf(property(entry, 'show'), property(entry, 'dump'), at, asOf);
      return mapJson(entry, at, /^\d{1,10}$/.test(key) ? Number(key) : null, asOf);
    });
  };
}

function mapJson(document: Record<string, unknown>, path: string, key: number | null, asOf: string | null): MapRecord {
  const field = <T>(name: string, decoder: Decoder<T>): T => decoder(property(document, name), `${path}.${name}`);
  const entry: Decoder<{ key: string; value: string }> = (value, at) => {
    const source = plainObject(value, at);
    return {
      key: base64()(property(source, 'key'), `${at}.key`),
      value: base64()(property(source, 'value'), `${at}.value`),
    };
  };
  const entries = field('entries', nullable(array(entry)));
  return {
    id:
      key === null
        ? field('id', id)
        : field(
            'id',
            fallback(id, () => key),
          ),
    type: field('type', text),
    name: field(
      'name',
      fallback(text, () => ''),
    ),
    keySize: field('keySize', integer(0, 1 << 24)),
    valueSize: field('valueSize', integer(0, 1 << 28)),
    maxEntries: field('maxEntries', integer(0, 0xffff_ffff)),
    flags: field(
      'flags',
      fallback(integer(0), () => 0),
    ),
    frozen: field(
      'frozen',
      fallback(boolean, () => false),
    ),
    entries: entries ?? { failed: 'not in the file', code: null },
    asOf,
  };
}
