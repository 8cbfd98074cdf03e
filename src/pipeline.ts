/**
 * The story in one screen: a host is a value, everything else is a function of it.
 *
 *   snapshot ─> subjects ─> programs that apply ─> enforced ┐
 *                        ─> record of the intent ─> intended ├─> compare ─> findings ─> report
 *                        ─> systemd's unit       ─> pending  ┘
 *
 * Reads a Snapshot and nothing else; guarantees that equal snapshots give equal answers, that what is not known is `undecided`, `unread` or `none` with
 * a reason, and that every difference was confirmed by the concrete interpreter.
 */
import { assertRequest } from './policy/device-set.js';
import type { DeviceRequest } from './policy/types.js';
import type { Snapshot } from './snapshot/types.js';
import type { EvaluationLimits } from './symbolic/limits.js';
import { compare, type Comparison } from './verify/compare.js';
import type { Decision } from './verify/decision.js';
import { defuse, type DefuseResult } from './verify/defuse.js';
import { analyseSubject } from './verify/examine/analyse.js';
import { answerer, decideRequest, type DecideOptions } from './verify/examine/decide.js';
import { decodedPrograms, type DecodedProgram } from './verify/examine/decoded.js';
import { programFlows } from './verify/examine/flow.js';
import { createWorkshop, workshopBeside, type Workshop } from './verify/examine/workshop.js';
import { explainPolicy, type PolicyExplanation } from './verify/explanation.js';
import type { FlowResult } from './verify/flow.js';
import { subjectsOf, type Subject } from './verify/subjects.js';
import type { PolicyChoice, SubjectAnalysis, Verdict, VerifyReport } from './verify/types.js';
import { verifySubjects, type VerifyOptions } from './verify/verify.js';

export type { DecideOptions } from './verify/examine/decide.js';
export type { DecodedProgram } from './verify/examine/decoded.js';
export type { FlowResult } from './verify/flow.js';
export type { PolicyChoice } from './verify/types.js';

/** An analysis of one snapshot. Programs are evaluated once however many subjects share them. */
export class Run {
  readonly snapshot: Snapshot;
  readonly #workshop: Workshop;
  readonly #analyses = new Map<string, SubjectAnalysis>();

  private constructor(workshop: Workshop) {
    this.snapshot = workshop.snapshot;
    this.#workshop = workshop;
  }

  /** As `createRun`. */
  static of(snapshot: Snapshot, limits: Partial<EvaluationLimits> = {}): Run {
    return new Run(createWorkshop(snapshot, limits));
  }

  /** A run over another host whose device sets can be combined with those of this one. */
  beside(snapshot: Snapshot): Run {
    return new Run(workshopBeside(this.#workshop, snapshot));
  }

  /** Every container, and every cgroup with a program of its own. */
  subjects(): Subject[] {
    return subjectsOf(this.snapshot);
  }

  /** What is enforced, was intended, and is to come. */
  analyse(subject: Subject): SubjectAnalysis {
    const known = this.#analyses.get(subject.key);
    if (known !== undefined) return known;
    const analysis = analyseSubject(this.#workshop, subject);
    this.#analyses.set(subject.key, analysis);
    return analysis;
  }

  /** How the four policies of a subject differ. @throws InternalError when evaluator and interpreter disagree */
  compare(subject: Subject): Comparison {
    return compare(this.analyse(subject));
  }

  /** Findings about some subjects, or about all of them (null). */
  verify(subjects: readonly Subject[] | null = null, options: VerifyOptions = {}): VerifyReport {
    const analyses = (subjects ?? this.subjects()).map((subject) => this.analyse(subject));
    return verifySubjects(this.snapshot, analyses, { all: subjects === null, ...options });
  }

  /** Commands that keep what systemd's next event would take away, each simulated. */
  defuse(subject: Subject): DefuseResult {
    return defuse(this.#workshop, subject);
  }

  /** The programs that apply to a subject, each by itself. */
  programs(subject: Subject): DecodedProgram[] {
    return decodedPrograms(this.#workshop, this.analyse(subject));
  }

  /** The control flow of the programs that apply to a subject, with what they decide where. `raw`: also about what the kernel never asks. */
  flows(subject: Subject, raw = false): FlowResult[] {
    return programFlows(this.#workshop, this.analyse(subject), raw);
  }

  /** Why the enforced policy is as it is, with a request of each part and the instruction that decides it; null where it is not known. */
  explain(subject: Subject): PolicyExplanation | null {
    const known = (subject.container?.nodes ?? []).flatMap(({ type, major, minor }) =>
      type === null ? [] : [{ type, major, minor }],
    );
    return explainPolicy(this.analyse(subject), known, (request) =>
      this.decide(subject, request, 'enforced', { turning: true }),
    );
  }

  /**
   * One request, answered by running the programs, with the instruction that decided.
   * @throws RangeError for what is no request: majors above 4095, minors above 1048575, access above 7
   */
  decide(
    subject: Subject,
    request: DeviceRequest,
    policy: PolicyChoice = 'enforced',
    options: DecideOptions = {},
  ): Decision {
    assertRequest(request);
    return decideRequest(this.#workshop, this.analyse(subject), request, policy, options);
  }

  /** A function that answers many requests: from the decision diagram where that is decided, else by running the programs. Throws as `decide` does. */
  answerer(subject: Subject, policy: PolicyChoice = 'enforced'): (request: DeviceRequest) => Verdict {
    return answerer(this.analyse(subject), policy);
  }
}

/**
 * Begins the analysis of a snapshot. Nothing is computed before it is asked for.
 * @param limits where to give up and answer `undecided: budget`; DEFAULT_LIMITS otherwise
 */
export function createRun(snapshot: Snapshot, limits: Partial<EvaluationLimits> = {}): Run {
  return Run.of(snapshot, limits);
}
