import type { Instruction, Program } from './types.js';

/** Instructions that run one after the other: only the first is jumped to, only the last jumps. */
export interface BasicBlock {
  /** Index into `ControlFlowGraph.blocks`; blocks are in program order. */
  readonly id: number;
  /** Positions in `program.instructions`, both inclusive. */
  readonly first: number;
  readonly last: number;
  /** Blocks that may come next. Of a conditional jump: first the way on, then the target; the same block twice if both lead there. */
  readonly successors: readonly number[];
  readonly predecessors: readonly number[];
  /** Index into `ControlFlowGraph.subprograms`. */
  readonly subprogram: number;
  /** Ends in a jump through a register, whose targets are in a map and not among `successors`. */
  readonly indirect: boolean;
}

/** The main function (the first) or a function that is called or handed on as a callback. */
export interface Subprogram {
  /** Slot and block of its first instruction. */
  readonly entry: number;
  readonly entryBlock: number;
  /** Blocks reachable from the entry within the function, each after all its predecessors except along backward jumps. */
  readonly reversePostorder: readonly number[];
}

/** The basic blocks of a program and the ways between them. */
export interface ControlFlowGraph {
  readonly blocks: readonly BasicBlock[];
  /** Position in `program.instructions` -> block. */
  readonly blockOfPosition: Int32Array;
  readonly subprograms: readonly Subprogram[];
  /** false: the dump hides the target of some call, so a function may be missing from `subprograms`. */
  readonly allTargetsKnown: boolean;
}

/**
 * Basic blocks and functions of a program. Functions are found by the calls that lead to them, as programs without type data name none.
 * Calls do not end a block; loops are allowed.
 */
export function buildControlFlowGraph(program: Program): ControlFlowGraph {
  const { instructions, positionOfSlot } = program;
  const entries = functionEntries(program);
  const blockOfPosition = numberBlocks(program, entries);
  const starts = blockStarts(blockOfPosition);
  const successors = starts.map((_, id) =>
    successorsOf(program, blockOfPosition, lastPosition(starts, id, instructions)),
  );
  const predecessors = invert(successors);
  const functionOf = assignFunctions(starts, entries, positionOfSlot);
  const blocks = starts.map((first, id): BasicBlock => {
    const last = lastPosition(starts, id, instructions);
    return {
      id,
      first,
      last,
      successors: successors[id] ?? [],
      predecessors: predecessors[id] ?? [],
      subprogram: functionOf[id] ?? 0,
      indirect: instructions[last]?.op === 'jump-register',
    };
  });
  const subprograms = entries.map((entry): Subprogram => {
    const entryBlock = blockOfPosition[positionOfSlot[entry] ?? 0] ?? 0;
    return { entry, entryBlock, reversePostorder: reversePostorder(blocks, entryBlock) };
  });
  const allTargetsKnown = !instructions.some((instruction) => instruction.op === 'call' && instruction.target === null);
  return { blocks, blockOfPosition, subprograms, allTargetsKnown };
}

/** Slots, sorted; the main function is always first. */
function functionEntries(program: Program): number[] {
  const entries = new Set([0]);
  for (const instruction of program.instructions) {
    if (instruction.op === 'load-function') entries.add(instruction.target);
    if (instruction.op === 'call' && instruction.target !== null) entries.add(instruction.target);
  }
  return [...entries].sort((a, b) => a - b);
}

function endsBlock(instruction: Instruction): boolean {
  return ['branch', 'jump', 'jump-register', 'exit'].includes(instruction.op);
}

function numberBlocks({ instructions, positionOfSlot }: Program, entries: readonly number[]): Int32Array {
  const leads = new Uint8Array(instructions.length);
  const mark = (slot: number): void => {
    leads[positionOfSlot[slot] ?? -1] = 1;
  };
  entries.forEach(mark);
  instructions.forEach((instruction, position) => {
    if (instruction.op === 'branch' || instruction.op === 'jump') mark(instruction.target);
    if (endsBlock(instruction) && position + 1 < instructions.length) leads[position + 1] = 1;
  });
  const blockOfPosition = new Int32Array(instructions.length);
  let block = -1;
  for (let position = 0; position < instructions.length; position++) {
    if (leads[position] === 1) block++;
    blockOfPosition[position] = block;
  }
  return blockOfPosition;
}

function blockStarts(blockOfPosition: Int32Array): number[] {
  const starts: number[] = [];
  blockOfPosition.forEach((block, position) => {
    if (block === starts.length) starts.push(position);
  });
  return starts;
}

function lastPosition(starts: readonly number[], id: number, instructions: readonly Instruction[]): number {
  return (starts[id + 1] ?? instructions.length) - 1;
}

function successorsOf({ instructions, positionOfSlot }: Program, blockOfPosition: Int32Array, last: number): number[] {
  const instruction = instructions[last];
  const blockAt = (position: number): number[] => {
    const block = blockOfPosition[position];
    return block === undefined ? [] : [block];
  };
  if (instruction === undefined) return [];
  const { op } = instruction;
  if (op === 'exit' || op === 'jump-register') return [];
  if (op === 'jump') return blockAt(positionOfSlot[instruction.target] ?? -1);
  const next = blockAt(last + 1);
  return op === 'branch' ? [...next, ...blockAt(positionOfSlot[instruction.target] ?? -1)] : next;
}

function invert(successors: readonly (readonly number[])[]): number[][] {
  const predecessors: number[][] = successors.map(() => []);
  successors.forEach((targets, from) => {
    for (const target of new Set(targets)) predecessors[target]?.push(from);
  });
  return predecessors;
}

/** A function reaches from its entry to the next one. */
function assignFunctions(starts: readonly number[], entries: readonly number[], positionOfSlot: Int32Array): number[] {
  const entryPositions = entries.map((slot) => positionOfSlot[slot] ?? 0);
  let current = 0;
  return starts.map((start) => {
    while (start >= (entryPositions[current + 1] ?? Infinity)) current++;
    return current;
  });
}

/** Depth first without recursion, since programs can be long chains of blocks. */
function reversePostorder(blocks: readonly BasicBlock[], entry: number): number[] {
  const order: number[] = [];
  const visited = new Set([entry]);
  const stack = [{ block: entry, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const successor = blocks[top.block]?.successors[top.next++];
    if (successor === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!visited.has(successor)) {
      visited.add(successor);
      stack.push({ block: successor, next: 0 });
    }
  }
  return order.reverse();
}
