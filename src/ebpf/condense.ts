import type { BasicBlock, ControlFlowGraph } from './control-flow-graph.js';

/** Blocks of one function that are drawn as one. */
export interface BlockGroup {
  /** Ids of blocks, ascending. The first is the only one that others jump to from outside. */
  readonly blocks: readonly number[];
  /** Block where whatever does not end in this group goes on; null where all of it ends here or in a shared exit. */
  readonly next: number | null;
}

/**
 * The blocks of a function as at most `most` groups in program order, or one each if there are few enough. A function is cut only before blocks
 * that no jump passes over, as between the rules of a device list; exits that several groups share stay by themselves.
 *
 * @returns null if it has too few such places
 */
export function condense(graph: ControlFlowGraph, subprogram: number, most: number): BlockGroup[] | null {
  const members = graph.blocks.filter((block) => block.subprogram === subprogram);
  if (members.length <= most) return members.map(({ id }) => ({ blocks: [id], next: null }));
  const segments = cut(members);
  const shared = sharedExits(members, segments);
  const room = most - shared.size;
  if (segments.length < 2 || room < 2) return null;
  const perGroup = Math.ceil(segments.length / room);
  const groups: BlockGroup[] = [];
  for (let at = 0; at < segments.length; at += perGroup) {
    const blocks = segments.slice(at, at + perGroup).flatMap((ids) => ids.filter((id) => !shared.has(id)));
    if (blocks.length > 0) groups.push({ blocks, next: segments[at + perGroup]?.[0] ?? null });
  }
  return [...groups, ...[...shared].map((id) => ({ blocks: [id], next: null }))];
}

const isExit = (block: BasicBlock): boolean => block.successors.length === 0;

/** Blocks between places that no jump passes over, jumps to exits aside. */
function cut(members: readonly BasicBlock[]): number[][] {
  const first = members[0]?.id ?? 0;
  const passedOver = new Int32Array(members.length + 1);
  for (const { id, successors } of members) {
    for (const target of successors) {
      const to = members[target - first];
      if (to === undefined || (isExit(to) && target > id)) continue;
      // A loop must not be cut open either: none of its blocks but the first begins a group.
      passedOver[Math.min(id, target) - first + 1]!++;
      passedOver[Math.max(id, target) - first + (target <= id ? 1 : 0)]!--;
    }
  }
  const segments: number[][] = [];
  let over = 0;
  members.forEach((block, index) => {
    over += passedOver[index]!;
    const isReachedFromBefore = block.predecessors.some((id) => id < block.id);
    if (index === 0 || (over === 0 && !isExit(block) && isReachedFromBefore)) segments.push([]);
    segments.at(-1)!.push(block.id);
  });
  return segments;
}

/** Exits that are reached from several segments, or not from their own. */
function sharedExits(members: readonly BasicBlock[], segments: readonly (readonly number[])[]): Set<number> {
  const segmentOf = new Map(segments.flatMap((ids, segment) => ids.map((id) => [id, segment])));
  return new Set(
    members
      .filter((block) => isExit(block))
      .filter(({ id, predecessors }) => predecessors.some((from) => segmentOf.get(from) !== segmentOf.get(id)))
      .map(({ id }) => id),
  );
}
