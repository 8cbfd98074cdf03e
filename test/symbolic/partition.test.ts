/** Verdicts that depend on more than the request: what is certain and what is behind the rest, against all values of the inputs. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { REQUEST_VARIABLES } from '../../src/policy/variables.js';
import { Inputs } from '../../src/symbolic/inputs.js';
import { joinReasons, partition, type Partition } from '../../src/symbolic/partition.js';
import { Random } from '../property/random.js';

/** A function of two bits of the request and some bits of inputs, by its values: bit i of an index is the value of the i-th variable. */
interface Table {
  readonly requestVariables: readonly number[];
  readonly inputs: readonly { variable: number; reason: string }[];
  readonly values: readonly boolean[];
}

function diagramOf(m: BddManager, { requestVariables, inputs, values }: Table): Ref {
  const variables = [...requestVariables, ...inputs.map(({ variable }) => variable)];
  const build = (position: number, index: number): Ref =>
    position < 0
      ? values[index]!
        ? TRUE
        : FALSE
      : m.ite(
          m.variable(variables[position]!),
          build(position - 1, index | (1 << position)),
          build(position - 1, index),
        );
  return build(variables.length - 1, 0);
}

/** The verdict for one value of the request's bits: what all values of the inputs agree on, or the reasons of those that can change it. */
function expected({ requestVariables, inputs, values }: Table, request: number): string {
  const all = Array.from({ length: 1 << inputs.length }, (_, choice) => choice);
  const isAllowed = (choice: number): boolean => values[request | (choice << requestVariables.length)]!;
  if (all.every(isAllowed)) return 'allowed';
  if (!all.some(isAllowed)) return 'denied';
  const reasons = [...new Set(inputs.map(({ reason }) => reason))].filter((reason) => {
    const others = inputs.reduce((bits, input, i) => (input.reason === reason ? bits : bits | (1 << i)), 0);
    return all.some((a) => all.some((b) => (a & others) === (b & others) && isAllowed(a) !== isAllowed(b)));
  });
  return [...new Set(reasons.flatMap((reason) => reason.split(',')))].sort().join();
}

function found(
  m: BddManager,
  { allowed, denied, undecided }: Partition,
  { requestVariables }: Table,
  request: number,
): string {
  const value = (variable: number): boolean => ((request >> requestVariables.indexOf(variable)) & 1) === 1;
  const answers = [{ region: allowed, reason: 'allowed' }, { region: denied, reason: 'denied' }, ...undecided].filter(
    ({ region }) => m.evaluate(region, value),
  );
  return answers.map(({ reason }) => reason).join(' and ');
}

const REASONS = ['depends:uid', 'depends:gid', 'depends:map:7', 'budget,depends:uid', 'depends:time'];

/** Inputs of the given reasons, by the bits that are asked for of each. */
function inputBits(inputs: Inputs, reasons: readonly string[], bits: number): Table['inputs'] {
  return reasons.flatMap((reason, i) => {
    const name = `input ${String(i)}`;
    inputs.word(name, reason);
    return inputs
      .variables(name)
      .slice(0, bits)
      .map((variable) => ({ variable, reason }));
  });
}

describe('a verdict', () => {
  it.each([1, 2, 3])(
    'of up to %i inputs is certain where all their values agree, and names those that matter elsewhere',
    (count) => {
      const random = new Random(count);
      for (let round = 0; round < 150; round++) {
        const m = new BddManager();
        const inputs = new Inputs(m);
        const table = {
          requestVariables: [3, 20],
          inputs: inputBits(
            inputs,
            Array.from({ length: count }, () => random.pick(REASONS)),
            random.pick([1, 2]),
          ),
        };
        // Halves that are all alike, so that not everything matters everywhere.
        const values: boolean[] = [];
        const size = 1 << (2 + table.inputs.length);
        while (values.length < size) {
          const value = random.chance(50);
          const run = random.pick([1, 1, 2, 4, 8]);
          for (let i = 0; i < run; i++) values.push(value);
        }
        const whole = { ...table, values };
        const result = partition(m, inputs, diagramOf(m, whole));
        for (let request = 0; request < 4; request++)
          expect(found(m, result, whole, request)).toBe(expected(whole, request));
        const regions = [result.allowed, result.denied, ...result.undecided.map(({ region }) => region)];
        expect(m.supportOfAll(regions).filter((variable) => variable >= REQUEST_VARIABLES)).toEqual([]);
        expect(result.undecided.filter(({ region }) => region === FALSE)).toEqual([]);
      }
    },
  );
  it('of the request alone is itself', () => {
    const m = new BddManager();
    const last = m.variable(REQUEST_VARIABLES - 1);
    expect(partition(m, new Inputs(m), last)).toEqual({ allowed: last, denied: m.not(last), undecided: [] });
  });
  it('is cut by what matters for up to six reasons, and names all of them everywhere for more', () => {
    for (const count of [6, 7]) {
      const m = new BddManager();
      const inputs = new Inputs(m);
      const reasons = Array.from({ length: count }, (_, i) => `depends:${String(i)}`);
      const bits = reasons.map((reason) => inputs.word(reason, reason, 1)[0]!);
      // Where the first bit of the request is set the first input decides, elsewhere all of them together.
      const all = m.andAll(bits);
      const { undecided } = partition(m, inputs, m.ite(m.variable(0), bits[0]!, all));
      const everything = [{ region: TRUE, reason: reasons.join() }];
      const cut = [
        { region: m.variable(0), reason: reasons[0] },
        { region: m.not(m.variable(0)), reason: reasons.join() },
      ];
      expect(new Set(undecided)).toEqual(new Set(count === 6 ? cut : everything));
    }
  });
  it('that depends on an unknown of no input is undecided for its size', () => {
    const m = new BddManager();
    expect(partition(m, new Inputs(m), m.variable(REQUEST_VARIABLES))).toEqual({
      allowed: FALSE,
      denied: FALSE,
      undecided: [{ region: TRUE, reason: 'budget' }],
    });
  });
});

describe('a verdict too large to look at', () => {
  it('is undecided as a whole', () => {
    const m = new BddManager();
    const inputs = new Inputs(m);
    const allow = m.and(m.variable(3), inputs.word('uid', 'depends:uid')[0]!);
    expect(m.withBudget({ steps: 1 }, () => partition(m, inputs, allow))).toEqual({
      allowed: FALSE,
      denied: FALSE,
      undecided: [{ region: TRUE, reason: 'budget' }],
    });
  });
  it('by depth is for the caller to judge', () => {
    const m = new BddManager();
    const inputs = new Inputs(m);
    let allow: Ref = TRUE;
    for (let variable = REQUEST_VARIABLES + 30_000; variable >= REQUEST_VARIABLES; variable--)
      allow = m.node(variable, FALSE, allow);
    expect(() => partition(m, inputs, allow)).toThrow(RangeError);
  });
});

describe('reasons', () => {
  it('are joined from words, each once, sorted', () => {
    expect(joinReasons(['depends:uid,budget', 'depends:gid', 'budget'])).toBe('budget,depends:gid,depends:uid');
    expect(joinReasons(['depends:uid'])).toBe('depends:uid');
  });
});
