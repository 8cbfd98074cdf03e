import type { ProblemRecord, ProgramRecord } from '../snapshot/types.js';
import type { NativeBinding, NativeFailure, NativeLinkInfo, NativeProgramInfo } from './native.js';
import { nativeFailure, readProgram } from './native-reads.js';

/** BPF_LINK_TYPE_TRACING, BPF_PROG_TYPE_EXT (include/uapi/linux/bpf.h). */
const LINK_TRACING = 2;
const PROGRAM_EXTENSION = 28;
const MAX_LINKS = 100_000;

/**
 * Which programs have had a function replaced by a BPF_PROG_TYPE_EXT program (freplace): their dump stays as it was while they do something else. Only programs
 * with BTF can be targets, so hosts without such programs are not asked.
 *
 * The link of an extension names its target since Linux 5.18 or so; older kernels say 0, and then every program with BTF may be the one.
 */
export function extendedPrograms(
  binding: NativeBinding,
  infos: ReadonlyMap<number, NativeProgramInfo | NativeFailure>,
  problems: ProblemRecord[],
): Map<number, ProgramRecord['freplaced']> {
  const candidates = [...infos.values()].filter(
    (info): info is NativeProgramInfo => !('errno' in info) && info.btfId !== 0,
  );
  const result = new Map<number, ProgramRecord['freplaced']>();
  if (candidates.length === 0) return result;
  try {
    const targets = extensionTargets(binding);
    for (const { id } of candidates) result.set(id, targets.has(id) ? 'yes' : targets.has(0) ? 'unknown' : 'no');
  } catch (error) {
    const failure = nativeFailure(error);
    problems.push({
      subject: 'host',
      message: `extensions of programs could not be looked for: ${failure.syscall}`,
      code: failure.code,
    });
    for (const { id } of candidates) result.set(id, 'unknown');
  }
  return result;
}

/** Ids of programs that extensions are attached to; 0 for one whose target the kernel does not tell. */
function extensionTargets(binding: NativeBinding): Set<number> {
  const targets = new Set<number>();
  let count = 0;
  for (let id = binding.nextLinkId(0); id !== null; id = binding.nextLinkId(id)) {
    if (++count > MAX_LINKS) {
      targets.add(0);
      break;
    }
    const link = readLink(binding, id);
    if (link?.type !== LINK_TRACING) continue;
    const program = readProgram(binding, link.programId);
    if ('errno' in program ? program.code !== 'ENOENT' : program.type === PROGRAM_EXTENSION)
      targets.add(link.targetObjectId);
  }
  return targets;
}

/** null if the link went away meanwhile. */
function readLink(binding: NativeBinding, id: number): NativeLinkInfo | null {
  try {
    const fd = binding.getLinkFd(id);
    try {
      return binding.linkInfo(fd);
    } finally {
      binding.close(fd);
    }
  } catch (error) {
    if (nativeFailure(error).code === 'ENOENT') return null;
    throw error;
  }
}
