import { describe, expect, it } from 'vitest';
import { buildControlFlowGraph, type ControlFlowGraph } from '../../src/ebpf/control-flow-graph.js';
import { decode } from '../../src/ebpf/decode.js';
import { EXIT, imm64, join, mov, slot } from './bytes.js';
import { readCaptures, readRandomPrograms } from './captures.js';

const graphOf = (...parts: Uint8Array[]): ControlFlowGraph => buildControlFlowGraph(decode(join(...parts), 'little'));

describe('basic blocks', () => {
  it('of a straight program are one', () => {
    const { blocks, subprograms } = graphOf(mov(0, 1), EXIT);
    expect(blocks).toMatchObject([{ first: 0, last: 1, successors: [], predecessors: [], subprogram: 0 }]);
    expect(subprograms).toEqual([{ entry: 0, entryBlock: 0, reversePostorder: [0] }]);
  });

  it('of a diamond come in reverse postorder, with the way on before the target', () => {
    const graph = graphOf(
      slot(0x15, { dst: 1, off: 3 }), // 0: if r1 == 0 goto 4
      imm64(0, 1n), // 1
      slot(0x05, { off: 1 }), // 3: goto 5
      mov(0, 0), // 4
      EXIT, // 5
    );
    expect(graph.blocks.map(({ successors }) => successors)).toEqual([[1, 2], [3], [3], []]);
    expect(graph.blocks.map(({ predecessors }) => predecessors)).toEqual([[], [0], [0], [1, 2]]);
    expect(graph.subprograms[0]?.reversePostorder).toEqual([0, 2, 1, 3]);
    expect([...graph.blockOfPosition]).toEqual([0, 1, 1, 2, 3]);
  });

  it('of a loop lead back', () => {
    const graph = graphOf(mov(0, 0), slot(0x07, { dst: 0, imm: 1 }), slot(0xa5, { dst: 0, imm: 5, off: -2 }), EXIT);
    expect(graph.blocks.map(({ successors }) => successors)).toEqual([[1], [2, 1], []]);
    expect(graph.subprograms[0]?.reversePostorder).toEqual([0, 1, 2]);
  });

  it('of a branch to the next instruction name it twice, but it has one predecessor', () => {
    const graph = graphOf(slot(0x15, { dst: 1 }), EXIT);
    expect(graph.blocks[0]?.successors).toEqual([1, 1]);
    expect(graph.blocks[1]?.predecessors).toEqual([0]);
  });

  it('behind a jump through a register are not known', () => {
    const graph = graphOf(slot(0x0d, { dst: 1 }), mov(0, 1), EXIT);
    expect(graph.blocks[0]).toMatchObject({ indirect: true, successors: [] });
  });
});

describe('functions', () => {
  it('begin where calls and callbacks lead', () => {
    const graph = graphOf(
      slot(0x85, { src: 1, off: 3 }), // 0: call 4
      join(slot(0x18, { dst: 2, src: 4, imm: 4 }), slot(0)), // 1: callback at 6
      EXIT, // 3
      mov(0, 1), // 4
      EXIT, // 5
      mov(0, 0), // 6
      EXIT, // 7
    );
    expect(graph.subprograms.map(({ entry }) => entry)).toEqual([0, 4, 6]);
    expect(graph.blocks.map(({ subprogram }) => subprogram)).toEqual([0, 1, 2]);
    expect(graph.blocks[0]?.successors).toEqual([]);
    expect(graph.allTargetsKnown).toBe(true);
  });

  it('may be missing where the dump hides a target', () => {
    expect(graphOf(slot(0x85, { src: 1 }), EXIT, EXIT).allTargetsKnown).toBe(false);
  });
});

describe('real programs', () => {
  const programs = [
    ...readCaptures().flatMap(({ programs: all }) => all.map(({ bytes }) => bytes)),
    ...readRandomPrograms().map(({ xlated }) => xlated),
  ];
  it('have blocks that cover every instruction once, all reachable, as the kernel removes dead code', () => {
    for (const bytes of programs) {
      const program = decode(bytes, 'little');
      const { blocks, subprograms } = buildControlFlowGraph(program);
      const covered = blocks.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      expect(covered).toBe(program.instructions.length);
      const reached = subprograms.flatMap(({ reversePostorder }) => reversePostorder);
      expect(new Set(reached).size).toBe(blocks.length);
    }
  });

  it('as long as the kernel takes are no trouble', () => {
    const count = 300_000;
    const chain = new Uint8Array((count + 1) * 8);
    for (let i = 0; i < count; i++) chain.set(slot(0x55, { dst: 1, imm: i }), i * 8);
    chain.set(EXIT, count * 8);
    const graph = buildControlFlowGraph(decode(chain, 'little'));
    expect(graph.subprograms[0]?.reversePostorder).toHaveLength(count + 1);
  });
});
