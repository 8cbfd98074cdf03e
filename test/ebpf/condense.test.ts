import { describe, expect, it } from 'vitest';
import { condense } from '../../src/ebpf/condense.js';
import { buildControlFlowGraph, type ControlFlowGraph } from '../../src/ebpf/control-flow-graph.js';
import { decode } from '../../src/ebpf/decode.js';
import { listProgram, type ListRule } from '../kernel/assemble.js';
import { EXIT, join, mov, slot } from './bytes.js';
import { readCaptures } from './captures.js';

const rules = (count: number): ListRule[] =>
  Array.from({ length: count }, (_, i) => ({ type: i % 3 === 0 ? 'b' : 'c', major: i + 1, minor: i, access: 6 }));
const graphOf = (bytes: Uint8Array): ControlFlowGraph => buildControlFlowGraph(decode(bytes, 'little'));

/** Every block is in one group, a group is entered at its first block only, and what leaves it goes to the next one or to a shared ending. */
function expectGroups(graph: ControlFlowGraph, most: number): number {
  const groups = condense(graph, 0, { many: most, most });
  if (groups === null) return 0;
  const members = graph.blocks.filter(({ subprogram }) => subprogram === 0).map(({ id }) => id);
  expect(groups.flatMap(({ blocks }) => blocks).sort((a, b) => a - b)).toEqual(members);
  expect(groups.length).toBeLessThanOrEqual(most);
  const groupOf = new Map(groups.flatMap((group) => group.blocks.map((block) => [block, group])));
  const endsOnly = new Set(
    groups.filter(({ blocks, next }) => blocks.length === 1 && next === null).map(({ blocks }) => blocks[0]),
  );
  for (const group of groups)
    for (const id of group.blocks)
      for (const target of graph.blocks[id]?.successors ?? []) {
        const to = groupOf.get(target);
        if (to === group) continue;
        expect(target).toBe(to?.blocks[0]);
        if (!endsOnly.has(target)) expect(target).toBe(group.next);
      }
  return groups.length;
}

describe('condensing', () => {
  it('leaves a function with few blocks as it is', () => {
    const graph = graphOf(listProgram(rules(3)));
    const groups = condense(graph, 0, { many: 100, most: 10 });
    expect(groups?.map(({ blocks }) => blocks.length)).toEqual(graph.blocks.map(() => 1));
  });

  it.each([10, 40, 500])('cuts a list of %i rules between its rules', (count) => {
    const graph = graphOf(listProgram(rules(count)));
    expect(expectGroups(graph, 20)).toBeGreaterThan(8);
  });

  it('cuts the programs of every writer where it can', () => {
    const counts = readCaptures()
      .flatMap(({ programs }) => programs)
      .map(({ bytes }) => expectGroups(graphOf(bytes), 12));
    expect(counts.filter((count) => count > 3).length).toBeGreaterThan(5);
  });

  it('does not cut a loop open', () => {
    const body = Array.from({ length: 6 }, () => [slot(0x15, { dst: 2, imm: 1, off: 1 }), mov(3, 1)]).flat();
    const loop = join(
      mov(2, 0),
      ...body,
      slot(0x07, { dst: 2, imm: 1 }),
      slot(0xa5, { dst: 2, imm: 5, off: -14 }),
      mov(0, 1),
      EXIT,
    );
    const groups = condense(graphOf(loop), 0, { many: 4, most: 4 });
    // All but the first and last block are in the loop: that is more than half.
    expect(groups).toBeNull();
  });

  it('refuses a tangle', () => {
    const tangle = Array.from({ length: 60 }, (_, i) => slot(0x15, { dst: 1, imm: i, off: i % 2 === 0 ? 3 : 2 }));
    expect(
      condense(graphOf(join(...tangle, mov(0, 0), mov(0, 0), mov(0, 0), mov(0, 1), EXIT)), 0, { many: 20, most: 20 }),
    ).toBeNull();
  });
});
