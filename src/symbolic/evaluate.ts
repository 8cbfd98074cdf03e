import { InternalError } from '../errors.js';
import { FALSE, TRUE, type BddManager } from '../bdd/manager.js';
import type { Program, ProgramEnvironment } from '../ebpf/types.js';
import { Arrivals } from './arrivals.js';
import { Engine } from './engine.js';
import { Inputs } from './inputs.js';
import { DEFAULT_LIMITS, unlessTooLarge, type EvaluationLimits } from './limits.js';
import { Machine } from './machine.js';
import { partition, type Partition } from './partition.js';
import { hasSetRetval } from './kernel-release.js';
import { inPieces, type Found } from './piecewise.js';
import { listVerdict, type Outcome } from './retval.js';

export type { Outcome };

/**
 * What a program decides for every request if it is the only one of its cgroup: `allowed`, `denied` and `undecided` exclude each other and
 * cover the request space. References belong to the evaluator's manager.
 */
export interface EvaluationResult extends Partition {
  readonly outcome: Outcome;
  readonly cost: { readonly instructions: number; readonly nodes: number; readonly steps: number };
}

const EVERYTHING_UNDECIDED: Partition = {
  allowed: FALSE,
  denied: FALSE,
  undecided: [{ region: TRUE, reason: 'budget' }],
};

/** Above this many nodes of intermediate results they are given back at once. */
const WORTH_RELEASING = 1 << 18;

/**
 * Evaluates programs exactly, in one shared manager, so that results of different programs can be compared and combined. Equal programs in
 * equal environments are evaluated once; equality is that of their bytes, never of the tag.
 */
export class Evaluator {
  readonly manager: BddManager;
  readonly inputs: Inputs;
  /** What one evaluation may cost. */
  readonly limits: EvaluationLimits;
  readonly #results = new Map<string, EvaluationResult>();
  readonly #identities = new WeakMap<object, number>();
  #nextIdentity = 0;
  #traced = 0;

  constructor(manager: BddManager, limits: Partial<EvaluationLimits> = {}) {
    this.manager = manager;
    this.inputs = new Inputs(manager);
    this.limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /**
   * Never throws for what a program does: what cannot be decided is in `undecided` with a reason ("depends:uid", "depends:map:7",
   * "helper:unresolved", "kernel-memory", "freplace", "budget", ...).
   *
   * @param occurrence which occurrence of the program in one list this is, from 0: inputs that differ from run to run (random numbers, the
   *   time) are then different ones
   */
  evaluate(program: Program, environment: ProgramEnvironment, occurrence = 0): EvaluationResult {
    const key = `${String(occurrence)} ${this.#key(program, environment)}`;
    let result = this.#results.get(key);
    if (result === undefined) {
      result = this.#evaluate(program, environment, `program${String(this.#results.size)}`);
      this.#results.set(key, result);
    }
    return result;
  }

  /**
   * Evaluates a program once more and keeps which requests come where in it: for explanations and pictures. Never throws for what it does.
   * @internal
   */
  arrivals(program: Program, environment: ProgramEnvironment, watched: number | null = null): Arrivals {
    const machine = new Machine(this.manager, this.inputs, program, environment, `arrivals${String(this.#traced++)}`);
    const arrivals = new Arrivals(machine, { nodes: this.limits.nodes, steps: this.limits.steps }, watched);
    machine.observer = arrivals;
    if (environment.freplaced !== 'no') machine.abandon(TRUE, 'freplace', null);
    else this.#run(new Engine(machine, this.limits), this.limits, performance.now() + this.limits.milliseconds);
    machine.observer = null;
    return arrivals;
  }

  /** The outcome of a program of which nothing is known but that it ran: `reason` says why. */
  unknownOutcome(name: string, reason: string, mayHaveSetRetval: boolean): Outcome {
    const word = this.inputs.word(name, reason, 33);
    return { returnsNonZero: word[32]!, retval: mayHaveSetRetval ? word.slice(0, 32) : null };
  }

  /** The kernel's verdict if these programs run in this order on one request. */
  verdictOf(outcomes: readonly Outcome[]): Partition {
    const m = this.manager;
    const budget = { nodes: this.limits.nodes, steps: this.limits.steps };
    return unlessTooLarge(
      () => m.withBudget(budget, () => partition(m, this.inputs, listVerdict(m, this.inputs, outcomes))),
      () => EVERYTHING_UNDECIDED,
    );
  }

  #evaluate(program: Program, environment: ProgramEnvironment, name: string): EvaluationResult {
    const m = this.manager;
    const [mark, steps] = [m.size, m.steps];
    const deadline = performance.now() + this.limits.milliseconds;
    let instructions = 0;
    const { outcome, verdict } = this.#orUnknown(name, environment, () =>
      inPieces(this, (part, fixed, limits) => {
        const machine = new Machine(m, this.inputs, program, environment, `${name}${part}`, fixed);
        const engine = new Engine(machine, limits);
        if (environment.freplaced !== 'no') machine.abandon(TRUE, 'freplace', null);
        else this.#run(engine, limits, deadline);
        if (machine.finished !== machine.everything)
          throw new InternalError('the evaluation lost part of the request space');
        instructions += engine.executed;
        return { returnsNonZero: machine.returned, retval: machine.retval, executed: engine.executed };
      }),
    );
    const cost = { instructions, nodes: m.size - mark, steps: m.steps - steps };
    const result = { ...verdict, outcome, cost };
    return cost.nodes > WORTH_RELEASING ? this.#release(mark, result) : result;
  }

  /** What `work` finds; nothing is known where the diagrams get so deep that not even what was finished can be kept. */
  #orUnknown(name: string, environment: ProgramEnvironment, work: () => Found): Found {
    return unlessTooLarge(work, () => ({
      outcome: this.unknownOutcome(`${name}:deep`, 'budget', hasSetRetval(environment.kernelRelease)),
      verdict: EVERYTHING_UNDECIDED,
    }));
  }

  #run(engine: Engine, { nodes, steps }: EvaluationLimits, deadline: number): void {
    const { machine } = engine;
    const milliseconds = deadline - performance.now();
    const runAll = (): void => {
      this.manager.withBudget({ nodes, steps, milliseconds }, () => {
        engine.run();
      });
    };
    const abandonRest = (): void => {
      machine.abandon(this.manager.difference(machine.everything, machine.finished), 'budget', null);
    };
    unlessTooLarge(runAll, () => {
      unlessTooLarge(abandonRest, () => {
        machine.abandonAll('budget');
      });
    });
  }

  #release(mark: number, result: EvaluationResult): EvaluationResult {
    const { outcome, undecided } = result;
    const keep = [result.allowed, result.denied, outcome.returnsNonZero, ...undecided.map(({ region }) => region)];
    const kept = this.manager.release(mark, [...keep, ...(outcome.retval ?? [])]);
    return {
      ...result,
      allowed: kept[0]!,
      denied: kept[1]!,
      undecided: undecided.map(({ reason }, i) => ({ region: kept[3 + i]!, reason })),
      outcome: { returnsNonZero: kept[2]!, retval: outcome.retval === null ? null : kept.slice(keep.length) },
    };
  }

  /** Everything a result depends on. Map contents and environments are told apart as objects: they are read-only values. */
  #key(program: Program, environment: ProgramEnvironment): string {
    const maps = [...environment.maps].map(([id, map]) => `${String(id)}=${String(this.#identity(map))}`);
    const helpers = [...environment.helpers].map(([imm, name]) => `${String(imm)}=${name}`);
    const programs = environment.programs.size === 0 ? '' : String(this.#identity(environment.programs));
    const rest = [
      program.byteOrder,
      environment.kernelRelease,
      environment.freplaced,
      maps.join(),
      helpers.join(),
      programs,
    ];
    return `${rest.join(';')} ${Buffer.from(program.bytes).toString('latin1')}`;
  }

  #identity(value: object): number {
    let identity = this.#identities.get(value);
    if (identity === undefined) {
      identity = this.#nextIdentity++;
      this.#identities.set(value, identity);
    }
    return identity;
  }
}
