/** Programs of which all requests at once are too much: which part is evaluated how, and what comes of it. */
import { describe, expect, it } from 'vitest';
import { BddBudgetError, BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { majorVariable, minorVariable, TYPE_VARIABLE } from '../../src/policy/variables.js';
import { constant, select } from '../../src/symbolic/bitvector.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { whereFixed, type Fixed } from '../../src/symbolic/fixed-field.js';
import type { EvaluationLimits } from '../../src/symbolic/limits.js';
import { RETVAL_INPUT } from '../../src/symbolic/machine.js';
import { inPieces, type Found } from '../../src/symbolic/piecewise.js';
import type { Outcome } from '../../src/symbolic/retval.js';
import { verdictIn } from './agreement.js';

const LIMITS: EvaluationLimits = {
  instructions: 1000,
  nodes: 400_000,
  steps: 800_000,
  instructionNodes: 50_000,
  instructionSteps: 60_000,
  milliseconds: 60_000,
};

interface Call {
  readonly part: string;
  readonly fixed: Fixed;
  readonly limits: EvaluationLimits;
}

/** What a run finds: `undecided` gives, for the budget, the requests of which nothing is found. */
interface Piece {
  readonly allowed?: Ref;
  readonly undecided?: Ref;
  readonly reason?: string;
  readonly retval?: Outcome['retval'];
  readonly executed?: number;
  /** Steps that it takes. */
  readonly steps?: number;
}

class Pieces {
  readonly evaluator: Evaluator;
  readonly calls: Call[] = [];
  readonly found: Found;

  constructor(m: BddManager, limits: Partial<EvaluationLimits>, piece: (call: Call) => Piece) {
    this.evaluator = new Evaluator(m, { ...LIMITS, ...limits });
    this.found = inPieces(this.evaluator, (part, fixed, given) => {
      const call = { part, fixed, limits: given };
      this.calls.push(call);
      const {
        allowed = FALSE,
        undecided = FALSE,
        reason = 'budget',
        retval = null,
        executed = 10,
        steps = 0,
      } = piece(call);
      for (let i = 0; i < steps; i++) m.step();
      const unknown = this.evaluator.inputs.word(`run${part}`, reason, 1)[0]!;
      return { returnsNonZero: m.ite(undecided, unknown, allowed), retval, executed };
    });
  }

  get parts(): string[] {
    return this.calls.map(({ part }) => part);
  }

  verdict(major: number, minor: number, type: 'b' | 'c' = 'c'): string {
    return verdictIn(this.evaluator.manager, this.found.verdict, { type, access: 2, major, minor });
  }
}

const numberOf = (m: BddManager, variableOf: (bit: number) => number, bits: number, number: number): Ref =>
  m.andAll(Array.from({ length: bits }, (_, bit) => m.variable(variableOf(bit)) ^ ((number >> bit) & 1 ? 0 : 1)));
const major = (m: BddManager, number: number): Ref => numberOf(m, majorVariable, 12, number);
const minor = (m: BddManager, number: number): Ref => numberOf(m, minorVariable, 20, number);
/** Half of all minors. */
const oddMinor = (m: BddManager): Ref => m.variable(minorVariable(0));

describe('a program that is evaluated once', () => {
  it('is one that stays within the limits', () => {
    const m = new BddManager();
    const pieces = new Pieces(m, {}, () => ({ allowed: major(m, 1) }));
    expect(pieces.calls).toEqual([{ part: '', fixed: new Map(), limits: LIMITS }]);
    expect(pieces.found.outcome).toEqual({ returnsNonZero: major(m, 1), retval: null });
    expect(pieces.found.verdict).toEqual({ allowed: major(m, 1), denied: m.not(major(m, 1)), undecided: [] });
  });
  it('is one that depends on something else', () => {
    const m = new BddManager();
    const pieces = new Pieces(m, {}, () => ({ undecided: major(m, 1), reason: 'depends:budget' }));
    expect(pieces.parts).toEqual(['']);
    expect(pieces.verdict(1, 3)).toBe('undecided: depends:budget');
  });
  it('is one whose instructions were too many', () => {
    const m = new BddManager();
    const run = (executed: number): string[] => new Pieces(m, {}, () => ({ undecided: major(m, 1), executed })).parts;
    expect(run(1001)).toEqual(['']);
    expect(run(1000)).toEqual(['', ':0']);
  });
});

describe('a program too large for a few majors or minors', () => {
  it('is evaluated for each of them, within a quarter of the limits', () => {
    const m = new BddManager();
    const where = m.or(major(m, 1), major(m, 5));
    const pieces = new Pieces(m, {}, ({ part }) =>
      part === '' ? { allowed: major(m, 9), undecided: where } : { allowed: oddMinor(m) },
    );
    expect(pieces.parts).toEqual(['', ':0', ':1']);
    const parts = pieces.calls.slice(1);
    expect(new Set(parts.map(({ fixed }) => whereFixed(m, fixed)))).toEqual(new Set([major(m, 1), major(m, 5)]));
    for (const { limits } of parts) expect(limits).toEqual({ ...LIMITS, nodes: 100_000, steps: 200_000 });
    const allowed = m.or(major(m, 9), m.and(where, oddMinor(m)));
    expect(pieces.found).toEqual({
      outcome: { returnsNonZero: allowed, retval: null },
      verdict: { allowed, denied: m.not(allowed), undecided: [] },
    });
  });
  it('also where the budget is one of the reasons', () => {
    const m = new BddManager();
    const pieces = new Pieces(m, {}, ({ part }) =>
      part === ''
        ? { undecided: minor(m, 3), reason: 'budget,depends:uid' }
        : { undecided: TRUE, reason: 'depends:uid' },
    );
    expect(pieces.parts).toEqual(['', ':0']);
    expect([pieces.verdict(1, 3), pieces.verdict(1, 4)]).toEqual(['undecided: depends:uid', 'deny']);
  });
  it('stays undecided for those that are too large by themselves', () => {
    const m = new BddManager();
    const where = m.or(major(m, 1), major(m, 5));
    const pieces = new Pieces(m, {}, ({ part, fixed }) =>
      part === '' ? { undecided: where } : whereFixed(m, fixed) === major(m, 1) ? { undecided: oddMinor(m) } : {},
    );
    expect([pieces.verdict(1, 3), pieces.verdict(1, 4), pieces.verdict(5, 3)]).toEqual([
      'undecided: budget',
      'deny',
      'deny',
    ]);
    expect(pieces.parts).toEqual(['', ':0', ':1']);
  });
  it('keeps what was decided of them, whatever the parts cannot tell', () => {
    const m = new BddManager();
    const where = m.and(major(m, 1), oddMinor(m));
    const pieces = new Pieces(m, {}, ({ part }) =>
      part === '' ? { undecided: where, allowed: TRUE } : { undecided: TRUE },
    );
    expect(pieces.parts).toEqual(['', ':0']);
    expect([pieces.verdict(1, 4), pieces.verdict(1, 3)]).toEqual(['allow', 'undecided: budget']);
  });
  it('is left where it is once half of the steps were taken', () => {
    const m = new BddManager();
    const where = m.orAll([major(m, 1), major(m, 5), major(m, 6)]);
    const run = (steps: number): number =>
      new Pieces(m, {}, ({ part }) => (part === '' ? { undecided: where } : { steps })).calls.length;
    // Two parts of a quarter each leave nothing for a third; one of less than a half leaves something for one more.
    expect([run(0), run(190_000), run(210_000), run(399_000), run(401_000)]).toEqual([4, 4, 3, 3, 2]);
  });
});

describe('a program too large for many majors and minors', () => {
  /** All even minors, that is half of the numbers. */
  const everywhere = (m: BddManager): Ref => m.not(oddMinor(m));

  it('is evaluated with small limits, and then for each of the few that are left', () => {
    const m = new BddManager();
    const limits: EvaluationLimits = {
      instructions: 1_000_000,
      nodes: 6_000_000,
      steps: 15_000_000,
      instructionNodes: 4_000_000,
      instructionSteps: 8_000_000,
      milliseconds: 60_000,
    };
    const pieces = new Pieces(m, limits, ({ part }) => {
      if (part === '') return { allowed: major(m, 9), undecided: everywhere(m) };
      if (part === ':cursory') return { allowed: major(m, 2), undecided: minor(m, 8) };
      return { allowed: major(m, 3) };
    });
    expect(pieces.parts).toEqual(['', ':cursory', ':0']);
    const [, cursory, piece] = pieces.calls;
    expect(cursory!.fixed.size).toBe(0);
    const { milliseconds, ...work } = cursory!.limits;
    expect(milliseconds).toBe(limits.milliseconds);
    const keys = Object.keys(work) as (keyof typeof work)[];
    expect(keys.filter((key) => work[key] >= limits[key])).toEqual([]);
    expect(whereFixed(m, piece!.fixed)).toBe(minor(m, 8));
    expect(piece!.limits).toEqual({ ...limits, nodes: 1_500_000, steps: 3_750_000 });
    // Odd minors as the first run found them, even ones as the second did, 8 as the last.
    const allowed = [pieces.verdict(9, 1), pieces.verdict(2, 4), pieces.verdict(3, 8)];
    const denied = [pieces.verdict(2, 1), pieces.verdict(9, 4), pieces.verdict(2, 8)];
    expect([allowed, denied]).toEqual([
      ['allow', 'allow', 'allow'],
      ['deny', 'deny', 'deny'],
    ]);
  });
  it('never gets more than its own limits', () => {
    const m = new BddManager();
    const pieces = new Pieces(m, {}, ({ part }) => ({ undecided: part === '' ? everywhere(m) : FALSE }));
    expect(pieces.calls).toEqual([
      { part: '', fixed: new Map(), limits: LIMITS },
      { part: ':cursory', fixed: new Map(), limits: LIMITS },
    ]);
    expect(pieces.found.verdict.undecided).toEqual([]);
  });
  it('stays undecided where the small limits do not do either', () => {
    const m = new BddManager();
    const pieces = new Pieces(m, {}, ({ part }) => ({
      undecided: part === '' ? everywhere(m) : m.and(everywhere(m), m.variable(TYPE_VARIABLE)),
    }));
    expect(pieces.parts).toEqual(['', ':cursory']);
    expect([pieces.verdict(1, 4), pieces.verdict(1, 4, 'b'), pieces.verdict(1, 3)]).toEqual([
      'undecided: budget',
      'deny',
      'deny',
    ]);
  });
});

describe('looking for the numbers', () => {
  it.each(['instructionNodes', 'instructionSteps'] as const)('is given up at a limit: %s', (limit) => {
    const m = new BddManager();
    const pieces = new Pieces(m, { [limit]: 5 }, ({ part }) => ({ undecided: part === '' ? major(m, 1) : FALSE }));
    expect(pieces.parts).toEqual(['', ':cursory']);
    expect(pieces.found.verdict.undecided).toEqual([]);
  });
});

describe('what a run throws', () => {
  it.each([new BddBudgetError('nodes'), new RangeError('Maximum call stack size exceeded')])(
    'is thrown on: %s',
    (error) => {
      const m = new BddManager();
      expect(
        () =>
          new Pieces(m, {}, () => {
            throw error;
          }),
      ).toThrow(error);
    },
  );
});

describe('return values', () => {
  const word = (value: bigint): NonNullable<Outcome['retval']> => constant(32, value);
  const EPERM = word(-1n);

  it.each([
    ['of a part, and of the rest, are each their own', EPERM, word(0n), ['deny', 'allow']],
    ['are as they were found where the part does not change them', EPERM, null, ['deny', 'allow']],
    ['are as they were found where only the part changes them', null, EPERM, ['allow', 'deny']],
  ])('%s', (_, first, second, verdicts) => {
    const m = new BddManager();
    const inPart = major(m, 1);
    const pieces = new Pieces(m, {}, ({ part }) =>
      part === ''
        ? // An errno denies whatever else is unknown: there is none where the run found nothing.
          { undecided: inPart, allowed: TRUE, retval: first && select(m, inPart, word(0n), first) }
        : { allowed: TRUE, retval: second },
    );
    const before = pieces.evaluator.inputs.word(RETVAL_INPUT, 'depends:retval').slice(0, 32);
    expect(pieces.found.outcome.retval).toEqual(select(m, inPart, second ?? before, first ?? before));
    expect([pieces.verdict(2, 3), pieces.verdict(1, 3)]).toEqual(verdicts);
  });
  it('that no run changes are unchanged', () => {
    const m = new BddManager();
    const pieces = new Pieces(m, {}, ({ part }) => ({ undecided: part === '' ? major(m, 1) : FALSE }));
    expect(pieces.found.outcome.retval).toBe(null);
  });
});
