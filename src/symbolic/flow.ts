import type { Instruction, Program } from '../ebpf/types.js';
import { weakTopologicalOrder } from './order.js';

/** Facts about a program's control flow that the evaluation schedules and merges by. Positions are indexes into `instructions`. */
export interface Flow {
  /** Ways to go on inside the same function; calls go on after the call. */
  readonly successors: readonly (readonly number[])[];
  /** True where more than one instruction leads: states wait there for each other. */
  readonly isJoin: readonly boolean[];
  /** Positions with a smaller rank are evaluated first: before a place after a loop, the loop runs to its end. */
  readonly rank: Int32Array;
  /** Bit r is set where register r may be read before it is written. */
  readonly live: Int32Array;
}

/** Position of a slot, or -1 where no instruction begins there. */
export function positionOf(program: Program, slot: number): number {
  return program.positionOfSlot[slot] ?? -1;
}

/** Reads `program`, whose jumps lead to instructions as `decode` makes sure; guarantees that a loop's positions are contiguous in `rank` and that `live` includes every register that is read. */
export function analyseFlow(program: Program): Flow {
  const { instructions } = program;
  const successors = instructions.map((instruction, position) => successorsOf(program, instruction, position));
  const incoming = new Int32Array(instructions.length);
  for (const target of successors.flat()) incoming[target]!++;
  const hasLoop = successors.some((targets, position) => targets.some((target) => target <= position));
  const rank = hasLoop ? weakTopologicalOrder(successors) : Int32Array.from(instructions, (_, position) => position);
  return { successors, isJoin: [...incoming].map((n) => n > 1), rank, live: liveRegisters(instructions, successors) };
}

function successorsOf(program: Program, instruction: Instruction, position: number): number[] {
  const next = position + 1 < program.instructions.length ? [position + 1] : [];
  switch (instruction.op) {
    case 'exit':
      return [];
    case 'jump':
      return [positionOf(program, instruction.target)];
    case 'branch': {
      const target = positionOf(program, instruction.target);
      return target === position + 1 ? next : [...next, target];
    }
    case 'jump-register':
      // Targets come from a map; any position may be one. The evaluation never needs them from here.
      return [];
    default:
      return next;
  }
}

const ARGUMENTS = 0b111110;
/** Kernel scratch registers: read by calls that take them implicitly (timed may_goto), so never taken for dead across one. */
const SCRATCH = 0b1100000000000;
const ALL_REGISTERS = 0b1111111111111;

/** Registers read and written; a call reads its arguments and leaves r0 to r5 changed. */
function effect(instruction: Instruction): { reads: number; writes: number } {
  const bit = (register: number): number => 1 << register;
  const operand = (source: { reg: number } | { imm: number }): number => ('reg' in source ? bit(source.reg) : 0);
  switch (instruction.op) {
    case 'alu':
      return {
        reads: operand(instruction.src) | (instruction.alu === 'mov' ? 0 : bit(instruction.dst)),
        writes: bit(instruction.dst),
      };
    case 'movsx':
    case 'address-conversion':
      return { reads: bit(instruction.src), writes: bit(instruction.dst) };
    case 'endian':
      return { reads: bit(instruction.dst), writes: bit(instruction.dst) };
    case 'branch':
      return { reads: bit(instruction.dst) | operand(instruction.src), writes: 0 };
    case 'load':
      return { reads: bit(instruction.base), writes: bit(instruction.dst) };
    case 'store':
      return { reads: bit(instruction.base) | operand(instruction.src), writes: 0 };
    case 'atomic':
      return { reads: bit(instruction.base) | bit(instruction.src) | bit(0), writes: 0 };
    case 'load-imm64':
    case 'load-map':
    case 'load-map-value':
    case 'load-function':
      return { reads: 0, writes: bit(instruction.dst) };
    case 'call':
    case 'call-helper':
    case 'call-kfunc':
    case 'tail-call':
      // Nothing is called written here: an architecture helper may leave registers as they are.
      return { reads: ARGUMENTS | SCRATCH, writes: 0 };
    case 'exit':
      return { reads: bit(0), writes: 0 };
    case 'jump-register':
      return { reads: ALL_REGISTERS, writes: 0 };
    case 'unsupported':
      return { reads: ALL_REGISTERS, writes: 0 };
    case 'jump':
    case 'nospec':
      return { reads: 0, writes: 0 };
  }
}

function liveRegisters(instructions: readonly Instruction[], successors: readonly (readonly number[])[]): Int32Array {
  const live = new Int32Array(instructions.length);
  const effects = instructions.map(effect);
  for (let changed = true; changed;) {
    changed = false;
    for (let position = instructions.length - 1; position >= 0; position--) {
      let after = 0;
      for (const target of successors[position]!) after |= live[target]!;
      const { reads, writes } = effects[position]!;
      const before = (after & ~writes) | reads;
      if (before !== live[position]) {
        live[position] = before;
        changed = true;
      }
    }
  }
  return live;
}
