import type { FlowBox, FlowEdge, FlowFunction } from '../flow.js';

export function flowEdges(functions: readonly FlowFunction[], boxes: readonly FlowBox[]): FlowEdge[] {
  const boxOf = functions.map(() => new Map<number, number>());
  for (const { id, fn, blocks } of boxes) for (const block of blocks) boxOf[fn]?.set(block, id);
  const edges = boxes.flatMap((box) => [...jumps(functions, box, boxOf), ...calls(functions, box, boxOf)]);
  const seen = new Map(edges.map((edge) => [`${String(edge.from)} ${String(edge.to)} ${edge.kind}`, edge]));
  return [...seen.values()];
}

function jumps(functions: readonly FlowFunction[], box: FlowBox, boxOf: readonly Map<number, number>[]): FlowEdge[] {
  const { graph, program } = functions[box.fn]!;
  return box.blocks.flatMap((id) => {
    const { successors, last } = graph.blocks[id]!;
    const branches = program.instructions[last]?.op === 'branch' && box.blocks.length === 1;
    return successors.flatMap((target, index): FlowEdge[] => {
      // A jump out of the function leads nowhere in the picture; the verifier lets none through.
      const to = boxOf[box.fn]?.get(target);
      const isInside = to === box.id && box.blocks.length > 1;
      if (to === undefined || isInside) return [];
      return [{ from: box.id, to, kind: branches ? (index === 0 ? 'otherwise' : 'taken') : 'on' }];
    });
  });
}

function calls(functions: readonly FlowFunction[], box: FlowBox, boxOf: readonly Map<number, number>[]): FlowEdge[] {
  const { graph, program } = functions[box.fn]!;
  const found: FlowEdge[] = [];
  const add = (kind: FlowEdge['kind'], isMeant: (fn: FlowFunction) => boolean): void => {
    for (const [index, fn] of functions.entries()) {
      const entryBlock = fn.graph.blockOfPosition[fn.program.positionOfSlot[fn.entry] ?? -1];
      const to = entryBlock === undefined ? undefined : boxOf[index]?.get(entryBlock);
      if (to !== undefined && isMeant(fn)) found.push({ from: box.id, to, kind });
    }
  };
  for (const id of box.blocks) {
    const { first, last } = graph.blocks[id]!;
    for (const instruction of program.instructions.slice(first, last + 1)) {
      if (instruction.op === 'call') add('call', (fn) => fn.program === program && fn.entry === instruction.target);
      if (instruction.op === 'load-function')
        add('callback', (fn) => fn.program === program && fn.entry === instruction.target);
      if (instruction.op === 'tail-call') add('tail-call', ({ kind }) => kind === 'program');
    }
  }
  return found;
}
