import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { buildControlFlowGraph, type ControlFlowGraph } from '../ebpf/control-flow-graph.js';
import type { Program } from '../ebpf/types.js';
import { REQUEST_VARIABLES } from '../policy/variables.js';
import { unlessTooLarge } from './limits.js';
import { RETVAL_INPUT, type Machine, type Observer } from './machine.js';
import { joinReasons, type Partition, type UndecidedRegion } from './partition.js';
import { listVerdict } from './retval.js';

/** A block of a program that takes part in an evaluation: 0 is the program asked for, the others are reached by tail calls. */
export interface BlockPlace {
  readonly program: number;
  readonly block: number;
}

/** The watched conditional jump was executed: who jumped and who went on, with the inputs for which they did. */
export interface Parting {
  readonly taken: Ref;
  readonly rest: Ref;
}

/** Requests whose way was followed no further than a block; `at` is null where it is not known how far. */
export interface Abandoned {
  readonly at: BlockPlace | null;
  readonly region: Ref;
  readonly reason: string;
}

/** Which requests come where in a program, and with what verdict they end if it is the only one of its cgroup. */
export class Arrivals implements Observer {
  readonly abandoned: Abandoned[] = [];
  /** In the order of execution. */
  readonly partings: Parting[] = [];
  /** Position of the conditional jump whose partings are kept; null: none. */
  readonly watched: number | null;
  readonly #machine: Machine;
  readonly #budget: { nodes: number; steps: number };
  readonly #graphs: ControlFlowGraph[] = [];
  readonly #reached: Ref[][] = [];
  #last: { program: number; position: number } | null = null;
  #verdict: Ref | null = null;

  /** @param watched position of the conditional jump to keep `partings` of */
  constructor(machine: Machine, budget: { nodes: number; steps: number }, watched: number | null) {
    this.#machine = machine;
    this.#budget = budget;
    this.watched = watched;
  }

  arrive(program: number, position: number, path: Ref): void {
    this.#last = { program, position };
    const graph = this.graph(program);
    const block = graph.blockOfPosition[position]!;
    if (graph.blocks[block]!.first !== position) return;
    const reached = (this.#reached[program] ??= []);
    reached[block] = this.#machine.manager.or(reached[block] ?? FALSE, path);
  }

  branch(taken: Ref, rest: Ref): void {
    if (this.#last?.program === 0 && this.#last.position === this.watched) this.partings.push({ taken, rest });
  }

  abandon(region: Ref, reason: string): void {
    // A limit of the whole evaluation leaves states behind at places that nobody told of.
    const at = reason === 'budget' || this.#last === null ? null : this.#last;
    const block = at === null ? null : this.graph(at.program).blockOfPosition[at.position]!;
    this.abandoned.push({ at: at === null ? null : { program: at.program, block: block! }, region, reason });
  }

  /** Where the program allows, with the inputs for which it does, if it is the only one of its cgroup. */
  get verdict(): Ref {
    const { manager, inputs, returned, retval } = this.#machine;
    return (this.#verdict ??= listVerdict(manager, inputs, [{ returnsNonZero: returned, retval }]));
  }

  get manager(): BddManager {
    return this.#machine.manager;
  }

  /** The programs that ran: the one asked for, and those that tail calls led to. */
  get programs(): readonly Program[] {
    return this.#machine.programs.map(({ program }) => program);
  }

  graph(program: number): ControlFlowGraph {
    return (this.#graphs[program] ??= buildControlFlowGraph(this.#machine.programs[program]!.program));
  }

  /**
   * The requests that come to a block, by the verdict they end in there; the three parts cover those that come and no others.
   * `without`: only those that do not also come to that block, with the same inputs.
   */
  partition(place: BlockPlace, without: BlockPlace | null = null): Partition {
    const m = this.#machine.manager;
    const reached = this.#reached[place.program]?.[place.block] ?? FALSE;
    const rest = without === null ? FALSE : (this.#reached[without.program]?.[without.block] ?? FALSE);
    const parts = this.#bounded(() => this.#split(m.difference(reached, rest)));
    return parts ?? { allowed: FALSE, denied: FALSE, undecided: [{ region: TRUE, reason: 'budget' }] };
  }

  /** Requests of a region for whatever inputs; all of them if that is too much to work out. */
  forSomeInputs(region: Ref): Ref {
    const { manager } = this.#machine;
    const variables = manager.support(region).filter((variable) => variable >= REQUEST_VARIABLES);
    return this.#bounded(() => manager.exists(region, variables)) ?? TRUE;
  }

  #split(path: Ref): Partition {
    const { manager: m, inputs } = this.#machine;
    const retval = this.#retvalAtEntry();
    const reached = retval.size === 0 ? path : m.substitute(path, retval);
    const [yes, no] = [m.and(reached, this.verdict), m.difference(reached, this.verdict)];
    const variables = inputs.isEmpty
      ? []
      : m.supportOfAll([yes, no]).filter((variable) => variable >= REQUEST_VARIABLES);
    const [mayAllow, mayDeny] = [m.exists(yes, variables), m.exists(no, variables)];
    const both = m.and(mayAllow, mayDeny);
    const undecided: UndecidedRegion[] =
      both === FALSE ? [] : [{ region: both, reason: joinReasons(inputs.reasonsIn([yes, no])) }];
    return { allowed: m.difference(mayAllow, mayDeny), denied: m.difference(mayDeny, mayAllow), undecided };
  }

  /** The only program of its cgroup finds a retval of 0. */
  #retvalAtEntry(): Map<number, Ref> {
    return new Map(this.#machine.inputs.variables(RETVAL_INPUT).map((variable) => [variable, FALSE]));
  }

  /** null: too much to work out. */
  #bounded<T>(work: () => T): T | null {
    return unlessTooLarge<T | null>(
      () => this.#machine.manager.withBudget(this.#budget, work),
      () => null,
    );
  }
}
