import { InputError } from '../../errors.js';
import { plainObject, property } from '../../snapshot/decode.js';
import { maskKernelPointers } from '../../snapshot/mask.js';
import type { MapRecord, ProgramRecord } from '../../snapshot/types.js';
import { emptyProgram } from '../empty.js';
import { LIMITS } from '../files.js';
import { helpersOfListing, mapOf, programOf } from '../formats/bpftool.js';
import { parseJson } from '../formats/json.js';
import type { CapturedCase } from './case.js';
import type { CapturedFolder } from './folder.js';
import type { CapturedAttachment } from './levels.js';

/** The programs of a folder: prog-N.json says what, prog-N.xlated holds the instructions. */
export interface CapturedPrograms {
  programs: ProgramRecord[];
  maps: MapRecord[];
  attachments: CapturedAttachment[];
}

export function readPrograms(folder: CapturedFolder, facts: CapturedCase): CapturedPrograms {
  const programs = new Map<number, ProgramRecord>();
  const maps = new Map<number, MapRecord>();
  const attachments: CapturedAttachment[] = [];
  const helpers = folder.parse('xlated.txt', helpersOfListing) ?? {};
  for (const n of programNumbers(folder, facts)) {
    const captured = readProgram(folder, facts, n, helpers, maps);
    if (captured === null) continue;
    attachments.push(captured.attachment);
    if (!programs.has(captured.program.id)) programs.set(captured.program.id, captured.program);
  }
  return { programs: [...programs.values()], maps: [...maps.values()], attachments };
}

function programNumbers(folder: CapturedFolder, facts: CapturedCase): number[] {
  const numbers = new Set((facts.programs ?? []).map((program) => program.n));
  for (const name of folder.names) {
    const match = /^prog-(\d{1,6})\.(json|xlated)$/.exec(name);
    if (match !== null) numbers.add(Number(match[1]));
  }
  return [...numbers].sort((a, b) => a - b);
}

function readProgram(
  folder: CapturedFolder,
  facts: CapturedCase,
  n: number,
  helpers: Record<string, string>,
  maps: Map<number, MapRecord>,
): { program: ProgramRecord; attachment: CapturedAttachment } | null {
  const name = `prog-${String(n)}`;
  const listed = facts.programs?.find((program) => program.n === n) ?? null;
  const described = folder.parse(`${name}.json`, (content) => describe(content, facts.time));
  const id = described?.shown?.id ?? listed?.id ?? null;
  if (id === null) {
    folder.note(`${name}.json`, 'the id of the program is not known');
    return null;
  }
  for (const map of described?.maps ?? []) maps.set(map.id, map);
  const { bytesXlated = null, ...shown } = described?.shown ?? {};
  const bytes = folder.bytes(`${name}.xlated`, LIMITS.database);
  const unreadable = unreadableReason(bytes, bytesXlated);
  return {
    program: {
      ...emptyProgram(id),
      ...shown,
      xlated:
        unreadable === null && bytes !== null
          ? maskKernelPointers(bytes, facts.byteOrder ?? 'little').toString('base64')
          : null,
      unreadable,
      helpers: { ...helpers, ...(described?.helpers ?? {}) },
    },
    attachment: {
      n,
      id,
      attachedAt: described?.attachedAt ?? listed?.attachedAt ?? null,
      flags: described?.flags ?? listed?.flags ?? '',
    },
  };
}

/** Half a program would be another program: only the whole one counts. */
function unreadableReason(bytes: Buffer | null, expected: number | null): string | null {
  if (bytes === null) return 'the instructions were not captured';
  if (bytes.length === 0) return 'the captured file is empty';
  if (expected !== null && expected > 0 && bytes.length !== expected) {
    return `the captured file has ${String(bytes.length)} bytes, the kernel said ${String(expected)}`;
  }
  return null;
}

interface Description {
  shown: ReturnType<typeof programOf> | null;
  maps: MapRecord[];
  helpers: Record<string, string>;
  attachedAt: string | null;
  flags: string | null;
}

/** prog-N.json: {"prog": bpftool's program, "attach": its line of cgroup show, "attached_at", "maps": {ID: {"show", "dump"}}, "helpers": {IMM: NAME}}. */
function describe(content: string, asOf: string | null): Description {
  const document = plainObject(parseJson(content), '');
  const prog = property(document, 'prog');
  const attach = property(document, 'attach');
  const flags =
    typeof attach === 'object' && attach !== null ? property(attach as Record<string, unknown>, 'attach_flags') : null;
  const attachedAt = property(document, 'attached_at');
  const maps = property(document, 'maps');
  return {
    shown: prog === undefined || prog === null ? null : programOf(prog, 'prog'),
    maps: Object.entries(maps === undefined || maps === null ? {} : plainObject(maps, 'maps')).map(([id, map]) => {
      const entry = plainObject(map, `maps.${id.slice(0, 20)}`);
      return mapOf(property(entry, 'show'), property(entry, 'dump'), `maps.${id.slice(0, 20)}`, asOf);
    }),
    helpers: helperNames(property(document, 'helpers')),
    attachedAt: typeof attachedAt === 'string' ? attachedAt : null,
    flags: typeof flags === 'string' ? flags : null,
  };
}

/** A map of immediates to names; a bare list of names says nothing about which call is which. */
export function helperNames(value: unknown): Record<string, string> {
  const names = Object.create(null) as Record<string, string>;
  if (value === undefined || value === null || Array.isArray(value)) return names;
  for (const [immediate, name] of Object.entries(plainObject(value, 'helpers'))) {
    if (!/^-?\d{1,10}$/.test(immediate) || typeof name !== 'string') {
      throw new InputError('helpers: expected call immediates in decimal, each with a name');
    }
    names[immediate] = name.slice(0, 256);
  }
  return names;
}
