import type { BasicBlock, ControlFlowGraph } from './control-flow-graph.js';

/** Blocks of one function that are drawn as one. */
export interface BlockGroup {
  /** Ids of blocks, ascending. The first is the only one that others jump to from outside. */
  readonly blocks: readonly number[];
  /** Block where whatever does not end in this group or a shared ending goes on; null where nothing does. */
  readonly next: number | null;
}

/**
 * The blocks of a function, one each if there are at most `many`, else as at most `most` groups in program order. A function is cut only before blocks
 * that no jump passes over, as between the rules of a device list; endings that several groups share stay by themselves.
 *
 * @returns null if it has too few such places, so that more than half of it would be one box
 */
export function condense(
  graph: ControlFlowGraph,
  subprogram: number,
  { many, most }: { many: number; most: number },
): BlockGroup[] | null {
  const members = graph.blocks.filter((block) => block.subprogram === subprogram);
  if (members.length <= many) return members.map(({ id }) => ({ blocks: [id], next: null }));
  const endings = endingsOf(members);
  const segments = cut(members, endings);
  const shared = sharedEndings(members, segments, endings);
  const room = most - shared.size;
  const isLump = segments.some((ids) => ids.length > members.length / 2);
  if (isLump || room < 2) return null;
  const perGroup = Math.ceil(segments.length / room);
  const groups: BlockGroup[] = [];
  for (let at = 0; at < segments.length; at += perGroup) {
    const blocks = segments.slice(at, at + perGroup).flatMap((ids) => ids.filter((id) => !shared.has(id)));
    if (blocks.length > 0) groups.push({ blocks, next: segments[at + perGroup]?.[0] ?? null });
  }
  return [...groups, ...[...shared].map((id) => ({ blocks: [id], next: null }))];
}

/** Blocks behind which nothing is decided any more: exits, and what leads to nothing but an exit further down. */
function endingsOf(members: readonly BasicBlock[]): Set<number> {
  const endings = new Set<number>();
  for (const { id, successors } of [...members].reverse())
    if (successors.length <= 1 && successors.every((target) => endings.has(target))) endings.add(id);
  return endings;
}

/** Blocks between places that no jump passes over, jumps to endings aside. */
function cut(members: readonly BasicBlock[], endings: ReadonlySet<number>): number[][] {
  const first = members[0]?.id ?? 0;
  const passedOver = new Int32Array(members.length + 1);
  for (const { id, successors } of members) {
    for (const target of successors) {
      const to = members[target - first];
      if (to === undefined || (endings.has(target) && target > id)) continue;
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
    if (index === 0 || (over === 0 && !endings.has(block.id) && isReachedFromBefore)) segments.push([]);
    segments.at(-1)!.push(block.id);
  });
  return segments;
}

/** Endings that are reached from several segments, or not from their own; an ending behind a shared one is shared too. */
function sharedEndings(
  members: readonly BasicBlock[],
  segments: readonly (readonly number[])[],
  endings: ReadonlySet<number>,
): Set<number> {
  const segmentOf = new Map(segments.flatMap((ids, segment) => ids.map((id) => [id, segment])));
  const shared = new Set<number>();
  for (const { id, predecessors } of members) {
    const isElsewhere = (from: number): boolean => shared.has(from) || segmentOf.get(from) !== segmentOf.get(id);
    if (endings.has(id) && predecessors.some(isElsewhere)) shared.add(id);
  }
  return shared;
}
