/** C programs of test/fixtures/ebpf/c, built by clang, loaded here, with the contents of their maps and the names of their helpers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { decode } from '../../src/ebpf/decode.js';
import type { MapContents, Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { Handle, Referee } from './referee.js';

export const SOURCES: string = join(import.meta.dirname, '../fixtures/ebpf/c');

/** Compiles a source for an instruction set level; gives the object to `use` and removes it afterwards. */
export async function withObject<T>(source: string, level: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'devpolicy-c-'));
  try {
    const object = join(folder, `${basename(source, '.c')}.o`);
    // The target has no headers of its own: linux/types.h includes asm/types.h from the machine's folder.
    const machine = execFileSync('gcc', ['-print-multiarch'], { encoding: 'utf8' }).trim();
    const include = `-I/usr/include/${machine}`;
    const options = [
      '-O2',
      '-g',
      '-target',
      'bpf',
      `-mcpu=${level}`,
      include,
      '-c',
      join(SOURCES, source),
      '-o',
      object,
    ];
    execFileSync('clang', options, { stdio: ['ignore', 'ignore', 'inherit'] });
    return await use(object);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Call immediate -> name of the kernel's function, from /proc/kallsyms. Immediates are distances from __bpf_call_base. */
export function helperNames(
  programs: readonly Program[],
  kallsyms: string = readFileSync('/proc/kallsyms', 'utf8'),
): Map<number, string> {
  const base = /^([0-9a-f]+) . __bpf_call_base$/m.exec(kallsyms)?.[1];
  if (base === undefined || /^0+$/.test(base)) throw new Error('/proc/kallsyms hides addresses here');
  const wanted = new Map<string, number>();
  for (const { instructions } of programs) {
    for (const instruction of instructions) {
      if (instruction.op !== 'call-helper' && instruction.op !== 'call-kfunc') continue;
      wanted.set((BigInt(`0x${base}`) + BigInt(instruction.imm)).toString(16), instruction.imm);
    }
  }
  const names = new Map<number, string>();
  for (const [, address = '', name = ''] of kallsyms.matchAll(/^([0-9a-f]+) . (\S+)/gm)) {
    const imm = wanted.get(address);
    if (imm !== undefined && !names.has(imm)) names.set(imm, name);
  }
  return names;
}

interface BpftoolMap {
  id: number;
  type: string;
  bytes_key: number;
  bytes_value: number;
  max_entries: number;
  flags: number;
  frozen?: number;
}

function bpftool(...words: string[]): unknown {
  return JSON.parse(execFileSync('bpftool', ['-j', ...words], { encoding: 'utf8', maxBuffer: 1 << 26 }));
}

/** What bpftool reads of a map. */
export function mapContents(id: number): MapContents {
  const show = bpftool('map', 'show', 'id', String(id)) as BpftoolMap;
  const dump = bpftool('map', 'dump', 'id', String(id)) as { key?: string[]; value?: string[] }[];
  const bytes = (list: string[]): Uint8Array => Uint8Array.from(list, (text) => Number.parseInt(text, 16));
  const entries = dump.flatMap(({ key, value }): [string, Uint8Array][] =>
    Array.isArray(key) && Array.isArray(value) ? [[Buffer.from(bytes(key)).toString('hex'), bytes(value)]] : [],
  );
  return {
    id,
    type: show.type,
    keySize: show.bytes_key,
    valueSize: show.bytes_value,
    maxEntries: show.max_entries,
    flags: show.flags,
    frozen: show.frozen === 1,
    entries: new Map(entries),
    asOf: null,
  };
}

export interface Loaded {
  readonly handle: Handle;
  readonly program: Program;
  readonly environment: ProgramEnvironment;
}

/** A loaded program as the kernel shows it, with everything that its verdict may depend on; `others` may be tail-called. */
export async function readLoaded(
  referee: Referee,
  handle: Handle,
  others: ReadonlyMap<number, Loaded> = new Map(),
): Promise<Loaded> {
  const { xlated, mapIds } = await referee.info(handle);
  const program = decode(xlated, 'little');
  const environment: ProgramEnvironment = {
    maps: new Map(mapIds.map((id) => [id, mapContents(id)])),
    helpers: helperNames([program]),
    programs: others,
    kernelRelease: release(),
    freplaced: 'no',
  };
  return { handle, program, environment };
}
