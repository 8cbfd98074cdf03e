import { decode } from '../../ebpf/decode.js';
import { DecodeError } from '../../ebpf/decode-error.js';
import type { Instruction, Program } from '../../ebpf/types.js';
import type { LoadedProgram } from '../../effective/compose-programs.js';
import type { PolicyPartition } from '../../intent/types.js';
import { toPolicy } from './partitions.js';
import type { Workshop } from './workshop.js';

const SLOT = 8;
/** Instructions that libnvidia-container's hook puts in front for one device node (nvcgo, src/internal/cgroup/ebpf.go): it ends with "w0 = 1; exit". */
const BLOCK = 13;
/** A container has so many nodes at most: every one is a whole program around the one before. */
const MOST_BLOCKS = 512;

/**
 * What stands behind the rules that NVIDIA's hook put in front of a program, evaluated by itself: the program as it was before. Null where the program
 * does not begin so. Each block begins with a 16-bit load of the type (no runtime of today does) and a jump over itself; the old program follows unchanged.
 */
export function behindHook(workshop: Workshop, loaded: LoadedProgram): PolicyPartition | null {
  if (loaded.kind !== 'program') return null;
  const { program, environment } = loaded;
  let blocks = 0;
  while (blocks < MOST_BLOCKS && isBlock(program.instructions, blocks * BLOCK)) blocks++;
  // One slot an instruction in every block, so slots and instructions have the same numbers here.
  if (blocks === 0 || program.instructions.length <= blocks * BLOCK) return null;
  const rest = restOf(program, blocks * BLOCK);
  return rest === null ? null : toPolicy(workshop, workshop.evaluator.evaluate(rest, environment));
}

function isBlock(instructions: readonly Instruction[], at: number): boolean {
  const block = instructions.slice(at, at + BLOCK);
  const [load, , , , , type] = block;
  const [result, exit] = block.slice(-2);
  return (
    load?.op === 'load' &&
    load.size === 2 &&
    load.off === 0 &&
    type?.op === 'branch' &&
    result?.op === 'alu' &&
    result.alu === 'mov' &&
    result.dst === 0 &&
    'imm' in result.src &&
    result.src.imm === 1 &&
    exit?.op === 'exit'
  );
}

function restOf({ bytes, byteOrder }: Program, slots: number): Program | null {
  try {
    return decode(bytes.subarray(slots * SLOT), byteOrder);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
