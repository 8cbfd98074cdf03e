/** Reads the captured programs under test/fixtures/captures: bytes, maps, bpftool's listing and the kernel's verdicts. */
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceContext } from '../../src/ebpf/interpreter/interpret.js';
import type { MapContents, ProgramEnvironment } from '../../src/ebpf/types.js';

export const CAPTURES: string = join(import.meta.dirname, '../fixtures/captures');

export interface CapturedProgram {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly environment: ProgramEnvironment;
}
export interface Verdict {
  readonly request: DeviceContext;
  readonly allowed: boolean;
}
export interface Capture {
  /** Folder below the captures. */
  readonly name: string;
  /** From the root of the hierarchy down. */
  readonly programs: readonly CapturedProgram[];
  /** xlated.txt. */
  readonly listing: string;
  /** The verdict of all programs together. */
  readonly verdicts: readonly Verdict[];
}

export function environmentOf(maps: ReadonlyMap<number, MapContents>): ProgramEnvironment {
  return { maps, helpers: new Map(), programs: new Map(), kernelRelease: '6.18.0', freplaced: 'no' };
}

export const NO_ENVIRONMENT: ProgramEnvironment = environmentOf(new Map());

interface BpftoolMap {
  show: {
    id: number;
    type: string;
    bytes_key: number;
    bytes_value: number;
    max_entries: number;
    flags: number;
    frozen?: number;
  };
  dump?: { key: string[]; value: string[] }[];
}

function mapsOf(json: { maps?: Record<string, BpftoolMap> }): ReadonlyMap<number, MapContents> {
  const bytes = (list: string[]): Uint8Array => Uint8Array.from(list, (text) => Number.parseInt(text, 16));
  return new Map(
    Object.values(json.maps ?? {}).map(({ show, dump }): [number, MapContents] => [
      show.id,
      {
        id: show.id,
        type: show.type,
        keySize: show.bytes_key,
        valueSize: show.bytes_value,
        maxEntries: show.max_entries,
        flags: show.flags,
        frozen: show.frozen === 1,
        entries:
          dump === undefined
            ? null
            : new Map(dump.map(({ key, value }) => [Buffer.from(bytes(key)).toString('hex'), bytes(value)])),
        asOf: null,
      },
    ]),
  );
}

const ACCESS_COLUMNS = [1, 2, 4, 6, 0];

function verdictsOf(tsv: string): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const line of tsv.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [type, major, minor, ...letters] = line.split('\t');
    letters.forEach((letter, column) => {
      if (letter !== 'A' && letter !== 'D') return;
      const request: DeviceContext = {
        type: type === 'b' ? 'b' : 'c',
        major: Number(major),
        minor: Number(minor),
        access: ACCESS_COLUMNS[column] ?? 0,
      };
      verdicts.push({ request, allowed: letter === 'A' });
    });
  }
  return verdicts;
}

/** Every folder with programs. */
export function readCaptures(): Capture[] {
  return readdirSync(CAPTURES, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('xlated.txt'))
    .map((path) => readCapture(join(path, '..')))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readCapture(name: string): Capture {
  const folder = join(CAPTURES, name);
  const files = readdirSync(folder).filter((file) => /^prog-\d+\.xlated$/.test(file));
  const number = (file: string): number => Number(/\d+/.exec(file)?.[0]);
  const programs = files
    .sort((a, b) => number(a) - number(b))
    .map((file): CapturedProgram => {
      const json = JSON.parse(readFileSync(join(folder, file.replace('.xlated', '.json')), 'utf8')) as Parameters<
        typeof mapsOf
      >[0];
      return {
        name: file.replace('.xlated', ''),
        bytes: new Uint8Array(readFileSync(join(folder, file))),
        environment: environmentOf(mapsOf(json)),
      };
    });
  const oracle = join(folder, 'oracle.tsv');
  return {
    name,
    programs,
    listing: readFileSync(join(folder, 'xlated.txt'), 'utf8'),
    verdicts: existsSync(oracle) ? verdictsOf(readFileSync(oracle, 'utf8')) : [],
  };
}

export interface RandomProgram {
  readonly id: number;
  readonly loaded: Uint8Array;
  readonly xlated: Uint8Array;
  readonly verdicts: readonly Verdict[];
}

/** random/random.jsonl: programs of a generator with the kernel's verdicts. */
export function readRandomPrograms(): RandomProgram[] {
  const accesses: Readonly<Record<string, number>> = { none: 0, m: 1, r: 2, w: 4, rw: 6 };
  return readFileSync(join(CAPTURES, 'random/random.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { id, loaded, xlated, probes } = JSON.parse(line) as {
        id: number;
        loaded: string;
        xlated: string;
        probes: [string, number, number, string, number][];
      };
      return {
        id,
        loaded: new Uint8Array(Buffer.from(loaded, 'base64')),
        xlated: new Uint8Array(Buffer.from(xlated, 'base64')),
        verdicts: probes.map(([type, major, minor, access, allowed]) => ({
          request: { type: type === 'b' ? 'b' : 'c', major, minor, access: accesses[access] ?? -1 },
          allowed: allowed === 1,
        })),
      };
    });
}
