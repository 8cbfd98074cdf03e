/**
 * Programs of a list run one after the other for the same request: what one writes to a map, those after it find there. What was read into the snapshot is
 * therefore not what a later program sees where an earlier one may have written; its contents are unknown there, and what does not depend on them stays
 * exact.
 */
import type { Instruction, MapContents, Program, ProgramEnvironment } from '../ebpf/types.js';
import { FRAME_POINTER, STACK_ARGUMENTS } from '../ebpf/opcodes.js';
import type { EffectiveEntry } from './compose.js';

/** include/uapi/linux/bpf.h: programs cannot write to such maps. */
const BPF_F_RDONLY_PROG = 1 << 7;
/** Maps whose values lead to programs or other maps; programs cannot change to which. */
const LEADS_ON = /^prog_array$|_of_maps$/;
/** Helpers that write to no memory a program gives them. */
const WRITES_NOTHING =
  /lookup_elem$|^bpf_get_current_(uid_gid|pid_tgid|cgroup_id|ancestor_cgroup_id)$|^bpf_ktime_|^bpf_jiffies64$|^bpf_(get|set)_retval$|^bpf_get_(prandom_u32|smp_processor_id|numa_node_id)$|^bpf_trace_printk$|^bpf_strncmp$/;

type ReadProgram = EffectiveEntry & { kind: 'program' };
type Unit = Pick<ReadProgram, 'program' | 'environment'>;

/** The list with, for each program, the maps unknown that those before it may have written to. The list itself where that changes nothing. */
export function seenInOrder(entries: readonly EffectiveEntry[]): readonly EffectiveEntry[] {
  const hasMaps = (entry: EffectiveEntry): boolean => entry.kind === 'program' && entry.environment.maps.size > 0;
  if (!entries.slice(1).some(hasMaps)) return entries;
  const written = new Set<number>();
  let isAnyWritten = false;
  const known = new Map(
    entries
      .flatMap((entry) => (entry.kind === 'program' ? reachable(entry) : []))
      .flatMap(({ environment }) => [...environment.maps]),
  );
  return entries.map((entry) => {
    if (entry.kind === 'partition') {
      // It may stand for programs that could not be read (pending-unread.ts); what systemd compiles has no maps.
      if (entry.partition.undecided.some(({ reason }) => reason === 'unreadable')) isAnyWritten = true;
      return entry;
    }
    if (entry.kind === 'unreadable') {
      const ids = entry.record?.mapIds ?? null;
      if (ids === null || ids.some((id) => mayLeadOn(known.get(id)))) isAnyWritten = true;
      for (const id of ids ?? []) written.add(id);
      return entry;
    }
    const units = reachable(entry);
    const maps = mapsOf(units).map(({ id }) => id);
    const unknown = isAnyWritten ? maps : maps.filter((id) => written.has(id));
    if (mayWrite(units)) {
      if (units.some(leadsToUnreadMaps)) isAnyWritten = true;
      for (const id of maps) written.add(id);
    }
    if (units.some(leadsToUnreadPrograms)) isAnyWritten = true;
    return unknown.length === 0 ? entry : withUnknown(entry, new Set(unknown));
  });
}

function isWritable({ type, flags }: MapContents): boolean {
  return !LEADS_ON.test(type) && (flags & BPF_F_RDONLY_PROG) === 0;
}

/** Whether a program may come to other maps by this one; undefined or "unspec": its kind is not known. */
function mayLeadOn(map: MapContents | undefined): boolean {
  return map === undefined || map.type === 'unspec' || LEADS_ON.test(map.type);
}

/** Whether a program may come to maps that were not read. */
function leadsToUnreadMaps({ program, environment }: Unit): boolean {
  const named = program.instructions.flatMap((instruction) =>
    instruction.op === 'load-map' ? [environment.maps.get(instruction.mapId)] : [],
  );
  return [...named, ...environment.maps.values()].some(
    (map) =>
      map === undefined ||
      map.type === 'unspec' ||
      (map.type.endsWith('_of_maps') && !leadsOnlyTo(environment.maps, map, program)),
  );
}

/** Whether a program that was not read may run: an extension in this one's place, or the target of a tail call. */
function leadsToUnreadPrograms({ program, environment }: Unit): boolean {
  if (environment.freplaced !== 'no') return true;
  if (!program.instructions.some(({ op }) => op === 'tail-call')) return false;
  const tables = [...environment.maps.values()].filter(({ type }) => type === 'prog_array');
  return tables.length === 0 || !tables.every((table) => leadsOnlyTo(environment.programs, table, program));
}

/** Whether all maps or programs whose ids are the values of a map are among those known. */
function leadsOnlyTo(known: ReadonlyMap<number, unknown>, map: MapContents, { byteOrder }: Program): boolean {
  if (map.entries === null) return false;
  return [...map.entries.values()].every((value) => {
    const id =
      value.length < 4 ? null : new DataView(value.buffer, value.byteOffset).getUint32(0, byteOrder === 'little');
    return id === 0 || (id !== null && known.has(id));
  });
}

/** A program and all that it may tail-call, directly or behind another; a program may reach itself. */
function reachable(entry: ReadProgram): Unit[] {
  const found: Unit[] = [];
  const visit = (unit: Unit): void => {
    if (found.some(({ environment }) => environment === unit.environment)) return;
    found.push(unit);
    unit.environment.programs.forEach(visit);
  };
  visit(entry);
  return found;
}

function mapsOf(units: readonly Unit[]): MapContents[] {
  return [...new Map(units.flatMap(({ environment }) => [...environment.maps])).values()].filter(isWritable);
}

function mayWrite(units: readonly Unit[]): boolean {
  return units.some(({ program, environment }) =>
    program.instructions.some((instruction) => writes(instruction, environment.helpers)),
  );
}

/** Whether an instruction may write elsewhere than to the stack. */
function writes(instruction: Instruction, helpers: ReadonlyMap<number, string>): boolean {
  switch (instruction.op) {
    case 'store':
    case 'atomic':
      return instruction.base !== FRAME_POINTER && instruction.base !== STACK_ARGUMENTS;
    case 'call-helper':
      return !WRITES_NOTHING.test(helpers.get(instruction.imm) ?? '');
    case 'call-kfunc':
    case 'unsupported':
      return true;
    default:
      return false;
  }
}

/** Entries made before, so that an evaluator knows them again. */
const made = new WeakMap<ReadProgram, Map<string, ReadProgram>>();

function withUnknown(entry: ReadProgram, ids: ReadonlySet<number>): ReadProgram {
  const key = [...ids].join();
  const known = made.get(entry) ?? new Map<string, ReadProgram>();
  made.set(entry, known);
  let changed = known.get(key);
  if (changed === undefined) {
    changed = { ...entry, environment: environmentWithout(entry.environment, ids) };
    known.set(key, changed);
  }
  return changed;
}

function environmentWithout(environment: ProgramEnvironment, ids: ReadonlySet<number>): ProgramEnvironment {
  const copies = new Map<ProgramEnvironment, ProgramEnvironment>();
  const copy = (original: ProgramEnvironment): ProgramEnvironment => {
    const before = copies.get(original);
    if (before !== undefined) return before;
    const maps = new Map([...original.maps].map(([id, map]) => [id, ids.has(id) ? { ...map, entries: null } : map]));
    const programs = new Map<number, Unit>();
    const result = { ...original, maps, programs };
    copies.set(original, result);
    for (const [id, { program, environment: own }] of original.programs)
      programs.set(id, { program, environment: copy(own) });
    return result;
  };
  return copy(environment);
}
