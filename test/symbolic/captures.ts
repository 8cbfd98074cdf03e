import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode } from '../../src/ebpf/decode.js';
import type { MapContents, Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';

export const CAPTURES: string = fileURLToPath(new URL('../fixtures/captures', import.meta.url));

/** One captured cgroup: its programs in the order of the kernel's effective list, and the kernel's verdicts. */
export interface Capture {
  readonly name: string;
  readonly programs: readonly { program: Program; environment: ProgramEnvironment }[];
  readonly verdicts: readonly { request: DeviceRequest; allowed: boolean }[];
}

interface BpftoolMap {
  show: {
    id: number;
    type: string;
    bytes_key: number;
    bytes_value: number;
    max_entries: number;
    flags?: number;
    frozen?: number;
  };
  dump?: { key: string[]; value: string[] | number }[];
}

export function captures(root: string = CAPTURES): Capture[] {
  const found: Capture[] = [];
  const visit = (directory: string): void => {
    if (existsSync(join(directory, 'oracle.tsv'))) found.push(readCapture(directory, directory.slice(root.length + 1)));
    for (const entry of readdirSync(directory)) {
      const path = join(directory, entry);
      if (statSync(path).isDirectory()) visit(path);
    }
  };
  visit(root);
  return found;
}

function readCapture(directory: string, name: string): Capture {
  const files = readdirSync(directory)
    .filter((file) => /^prog-\d+\.xlated$/.test(file))
    .sort();
  const programs = files.map((file) => {
    const info = JSON.parse(readFileSync(join(directory, file.replace('.xlated', '.json')), 'utf8')) as {
      depth_from_leaf?: number;
      maps?: Record<string, BpftoolMap>;
      helpers?: { imm?: number; name?: string }[];
    };
    const maps = Object.values(info.maps ?? {}).map(readMap);
    const environment: ProgramEnvironment = {
      maps: new Map(maps.map((map) => [map.id, map])),
      helpers: new Map(
        (info.helpers ?? []).flatMap(({ imm, name: helper }) =>
          imm !== undefined && helper !== undefined ? [[imm, helper]] : [],
        ),
      ),
      programs: new Map(),
      kernelRelease: '6.18.44',
      freplaced: 'no',
    };
    return {
      depth: info.depth_from_leaf ?? 0,
      program: decode(readFileSync(join(directory, file)), 'little'),
      environment,
    };
  });
  // Files are numbered from the root down; the kernel runs the leaf's programs first.
  programs.sort((a, b) => a.depth - b.depth);
  return { name, programs, verdicts: readOracle(join(directory, 'oracle.tsv')) };
}

function readMap({ show, dump }: BpftoolMap): MapContents {
  const bytes = (list: string[]): Uint8Array => Uint8Array.from(list, (byte) => Number(byte));
  const entries = dump?.map(
    ({ key, value }) =>
      [
        Buffer.from(bytes(key)).toString('hex'),
        typeof value === 'number' ? new Uint8Array(Uint32Array.of(value).buffer) : bytes(value),
      ] as const,
  );
  return {
    id: show.id,
    type: show.type,
    keySize: show.bytes_key,
    valueSize: show.bytes_value,
    maxEntries: show.max_entries,
    flags: show.flags ?? 0,
    frozen: show.frozen === 1,
    entries: entries === undefined ? null : new Map(entries),
    asOf: null,
  };
}

const COLUMNS = [1, 2, 4, 6, 0];

function readOracle(path: string): Capture['verdicts'] {
  const verdicts: { request: DeviceRequest; allowed: boolean }[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [type, major, minor, ...letters] = line.split('\t');
    letters.forEach((letter, column) => {
      // "E": the probe itself failed; "a": the kernel did not ask the programs.
      if (letter !== 'A' && letter !== 'D') return;
      const request = { type: type as 'b' | 'c', access: COLUMNS[column]!, major: Number(major), minor: Number(minor) };
      verdicts.push({ request, allowed: letter === 'A' });
    });
  }
  return verdicts;
}

/** Value of a diagram variable under a request. */
export function bitOfRequest(request: DeviceRequest): (variable: number) => boolean {
  const { type, access, major, minor } = request;
  return (variable) => {
    if (variable === 0) return type === 'c';
    if (variable < 4) return ((access >> (3 - variable)) & 1) === 1;
    if (variable < 16) return ((major >> (15 - variable)) & 1) === 1;
    return ((minor >> (35 - variable)) & 1) === 1;
  };
}
