import { buildControlFlowGraph, type ControlFlowGraph } from '../../ebpf/control-flow-graph.js';
import { condense, type BlockGroup } from '../../ebpf/condense.js';
import type { Program } from '../../ebpf/types.js';
import type { PolicyPartition } from '../../intent/types.js';
import type { DeviceSet } from '../../policy/device-set.js';
import type { Arrivals } from '../../symbolic/arrivals.js';
import type { FlowBox, FlowFunction, FlowResult, FlowVerdict, ProgramFlow } from '../flow.js';
import type { ProgramView } from '../programs.js';
import type { SubjectAnalysis } from '../types.js';
import { possiblyReached } from './flow-abandoned.js';
import { flowEdges } from './flow-edges.js';
import { toPolicy } from './partitions.js';
import type { Workshop } from './workshop.js';

/** A function of more blocks than a person can read is drawn as so many boxes at most. */
const BOXES = { many: 100, most: 64 };
/** Most boxes of a program with all its functions. */
const MOST_IN_ALL = 400;

/**
 * The control flow of each program that applies, as boxes with what becomes of the requests that come to them.
 * @param raw count requests that the kernel never asks about (0:0) too
 */
export function programFlows(workshop: Workshop, { decidedBy, programs }: SubjectAnalysis, raw: boolean): FlowResult[] {
  if (decidedBy === null) return [];
  return programs.map((view, index) => {
    const loaded = decidedBy.programs[index]?.loaded;
    if (loaded?.kind !== 'program') return { view, problem: `it could not be read: ${view.problem ?? 'unknown'}` };
    const { program, environment } = loaded;
    const flow = functionsOf(buildControlFlowGraph(program), program, environment.helpers, 'main');
    if (flow === null) return { view, problem: TOO_LARGE };
    const arrivals = workshop.evaluator.arrivals(program, environment);
    const functions = [...flow];
    for (const [number, other] of arrivals.programs.entries()) {
      if (number === 0) continue;
      const found = [...environment.programs.values()].find((each) => each.program === other);
      const more = functionsOf(arrivals.graph(number), other, found?.environment.helpers ?? new Map(), 'program');
      if (more === null) return { view, problem: TOO_LARGE };
      functions.push(...more.map((each) => ({ ...each, number })));
    }
    if (functions.reduce((sum, { groups }) => sum + groups.length, 0) > MOST_IN_ALL)
      return { view, problem: TOO_LARGE };
    return assemble(workshop, view, functions, arrivals, raw);
  });
}

const TOO_LARGE = 'it has too many blocks for a picture, and too few places where it could be cut into parts';

interface Grouped extends FlowFunction {
  /** Index of its program among those that ran. */
  readonly number: number;
  readonly groups: readonly BlockGroup[];
}

function functionsOf(
  graph: ControlFlowGraph,
  program: Program,
  callNames: ReadonlyMap<number, string>,
  kind: 'main' | 'program',
): Grouped[] | null {
  const called = new Set(program.instructions.flatMap((each) => (each.op === 'call' ? [each.target] : [])));
  const functions: Grouped[] = [];
  for (const [index, { entry }] of graph.subprograms.entries()) {
    const groups = condense(graph, index, BOXES);
    if (groups === null) return null;
    const condensed = groups.some(({ blocks }) => blocks.length > 1);
    const role = index === 0 ? kind : called.has(entry) ? 'subprogram' : 'callback';
    functions.push({ kind: role, program, graph, entry, callNames, condensed, number: 0, groups });
  }
  return functions;
}

function assemble(
  workshop: Workshop,
  view: ProgramView,
  functions: readonly Grouped[],
  arrivals: Arrivals,
  raw: boolean,
): ProgramFlow {
  const { space } = workshop;
  const asked = raw ? space.everything : workshop.neverAsked.complement();
  const mayReach = possiblyReached(arrivals, space);
  const boxes: FlowBox[] = [];
  for (const [fn, { number, groups }] of functions.entries()) {
    for (const { blocks, next } of groups) {
      const place = { program: number, block: blocks[0]! };
      const more = mayReach(place);
      const comes = within(toPolicy(workshop, arrivals.partition(place)), asked, more);
      const after = next === null ? null : { program: number, block: next };
      const stops =
        blocks.length === 1 ? null : within(toPolicy(workshop, arrivals.partition(place, after)), asked, more);
      boxes.push({ id: boxes.length, fn, blocks, verdict: verdictOf(comes), comes, stops });
    }
  }
  const abandoned = arrivals.abandoned
    .map(({ region, reason }) => ({ reason, region: space.fromRef(arrivals.forSomeInputs(region)).intersect(asked) }))
    .filter(({ region }) => !region.isEmpty());
  return { view, functions, boxes, edges: flowEdges(functions, boxes), abandoned };
}

/** Only what is asked; what may come besides is undecided. */
function within(
  { allowed, denied, undecided }: PolicyPartition,
  asked: DeviceSet,
  more: { region: DeviceSet; reason: string }[],
): PolicyPartition {
  const besides = asked.space.unionAll(more.map(({ region }) => region));
  const parts = [...undecided, ...more].map(({ region, reason }) => ({ reason, region: region.intersect(asked) }));
  return {
    allowed: allowed.intersect(asked).subtract(besides),
    denied: denied.intersect(asked).subtract(besides),
    undecided: parts.filter(({ region }) => !region.isEmpty()),
  };
}

function verdictOf({ allowed, denied, undecided }: PolicyPartition): FlowVerdict {
  const [allows, denies, open] = [!allowed.isEmpty(), !denied.isEmpty(), undecided.length > 0];
  if (open) return allows || denies ? 'both' : 'undecided';
  if (allows && denies) return 'both';
  return allows ? 'allow' : denies ? 'deny' : 'never';
}
