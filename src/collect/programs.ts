import { maskKernelPointers } from '../snapshot/mask.js';
import type { MapRecord, ProblemRecord, ProgramRecord } from '../snapshot/types.js';
import { emptyProgram } from './empty.js';
import { extendedPrograms } from './extensions.js';
import { callImmediates, helperNames } from './helpers.js';
import { innerMapsOf, readMap, targetsOfProgramArray } from './maps.js';
import type { NativeBinding, NativeFailure, NativeProgramInfo } from './native.js';
import { readProgram } from './native-reads.js';

/** BPF_PROG_TYPE_CGROUP_DEVICE (include/uapi/linux/bpf.h). */
const CGROUP_DEVICE = 15;
/** Programs reached through tail calls, all together. */
const MAX_TAIL_CALL_TARGETS = 1024;
/** Maps inside maps, all together; what depends on those that were not read is undecided. */
const MAX_INNER_MAPS = 1024;

export interface CollectedPrograms {
  programs: ProgramRecord[];
  maps: MapRecord[];
  problems: ProblemRecord[];
}

/** What the kernel said of each program, or why it did not. */
export type ProgramInfos = ReadonlyMap<number, NativeProgramInfo | NativeFailure>;

/**
 * Completes programs to records: the maps they refer to, the programs those maps lead to, the names of helpers they call, and whether something
 * replaced their functions.
 * @param infos the programs that are attached somewhere
 * @param byteOrder of this machine
 * @param proc where the host's procfs is mounted, for kallsyms
 */
export function collectPrograms(
  binding: NativeBinding,
  infos: ProgramInfos,
  byteOrder: 'little' | 'big',
  proc: string,
): CollectedPrograms {
  const all = new Map(infos);
  const problems: ProblemRecord[] = [];
  const maps = readMaps(binding, all, byteOrder, problems);
  const extended = extendedPrograms(binding, all, problems);
  const helpers = helperNames(callImmediates(all.values(), byteOrder), `${proc}/kallsyms`);
  const programs = [...all].map(([id, info]) => {
    const record =
      'errno' in info
        ? { ...emptyProgram(id), unreadable: `${info.syscall}: ${info.code}` }
        : programRecord(info, byteOrder);
    return { ...record, helpers: helpersOf(info, helpers, byteOrder), freplaced: extended.get(id) ?? record.freplaced };
  });
  return { programs, maps, problems };
}

/** The maps of all programs, those of tail-call targets included: every target adds its program to `infos` and its own maps to the work. */
function readMaps(
  binding: NativeBinding,
  infos: Map<number, NativeProgramInfo | NativeFailure>,
  byteOrder: 'little' | 'big',
  problems: ProblemRecord[],
): MapRecord[] {
  const maps = new Map<number, MapRecord>();
  const pending = [...infos.values()].flatMap(mapIdsOf);
  let targets = 0;
  let inner = 0;
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (maps.has(id)) continue;
    const map = readMap(binding, id);
    if (map === null) {
      problems.push({ subject: `map:${String(id)}`, message: 'the map went away while it was read', code: 'ENOENT' });
      continue;
    }
    maps.set(id, map);
    for (const within of innerMapsOf(map, byteOrder))
      if (!maps.has(within) && ++inner <= MAX_INNER_MAPS) pending.push(within);
    for (const target of targetsOfProgramArray(map, byteOrder)) {
      if (infos.has(target)) continue;
      if (++targets > MAX_TAIL_CALL_TARGETS) {
        problems.push({
          subject: `map:${String(id)}`,
          message: 'too many tail-call targets: the rest was not read',
          code: null,
        });
        break;
      }
      const info = readProgram(binding, target);
      infos.set(target, info);
      pending.push(...mapIdsOf(info));
    }
  }
  return [...maps.values()];
}

function mapIdsOf(info: NativeProgramInfo | NativeFailure): number[] {
  return 'errno' in info ? [] : info.mapIds;
}

function programRecord(info: NativeProgramInfo, byteOrder: 'little' | 'big'): ProgramRecord {
  const unreadable = unreadableReason(info);
  return {
    id: info.id,
    tag: Buffer.from(info.tag).toString('hex'),
    name: info.name,
    loadedAtNs: info.loadTimeNs,
    loadedAt: null,
    uid: info.createdByUid,
    gplCompatible: info.gplCompatible,
    btfId: info.btfId,
    jited: info.jitedLength > 0,
    mapIds: info.mapIds,
    functionCount: info.functionCount === 0 ? null : info.functionCount,
    xlated:
      unreadable === null && info.xlated !== null
        ? maskKernelPointers(info.xlated, byteOrder).toString('base64')
        : null,
    unreadable,
    helpers: {},
    // Without BTF nothing can be attached to a program's functions (bpf_check_attach_target).
    freplaced: info.btfId === 0 ? 'no' : 'unknown',
  };
}

/**
 * Success with a length of zero, or with the pointer cleared, is the kernel's way to refuse (bpf_prog_get_info_by_fd): the first without CAP_BPF, the second for
 * blinded programs where addresses may not be shown.
 */
function unreadableReason(info: NativeProgramInfo): string | null {
  if (info.type !== CGROUP_DEVICE) return `a program of type ${String(info.type)}, not BPF_PROG_TYPE_CGROUP_DEVICE`;
  if (info.xlatedLength === 0) return 'the kernel gives no instructions without CAP_BPF or CAP_SYS_ADMIN';
  if (info.xlated === null)
    return 'the constants are blinded, and the kernel shows that only with CAP_SYSLOG and kernel.kptr_restrict below 2';
  if (info.xlated.length !== info.xlatedLength) return 'the kernel gave fewer instructions than it said';
  return null;
}

function helpersOf(
  info: NativeProgramInfo | NativeFailure,
  names: ReadonlyMap<number, string>,
  byteOrder: 'little' | 'big',
): Record<string, string> {
  const own = Object.create(null) as Record<string, string>;
  for (const immediate of callImmediates([info], byteOrder)) {
    const name = names.get(immediate);
    if (name !== undefined) own[String(immediate)] = name;
  }
  return own;
}
