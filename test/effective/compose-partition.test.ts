/** Policies that some program is going to have (pending ones), in a list with programs and with each other. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { composeEffective, type EffectiveEntry } from '../../src/effective/compose.js';
import { majorVariable } from '../../src/policy/variables.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import type { Partition } from '../../src/symbolic/partition.js';

const RELEASES = ['5.10.0', '6.12.0'];

function setUp(): { evaluator: Evaluator; odd: Ref; compose: (release: string, ...parts: Partition[]) => Partition } {
  const manager = new BddManager();
  const evaluator = new Evaluator(manager);
  const odd = manager.variable(majorVariable(0));
  const compose = (release: string, ...parts: Partition[]): Partition =>
    composeEffective(
      evaluator,
      parts.map((partition): EffectiveEntry => ({ kind: 'partition', partition })),
      release,
    );
  return { evaluator, odd, compose };
}

describe.each(RELEASES)('policies in a list on %s', (release) => {
  it('deny what one of them denies', () => {
    const { odd, compose } = setUp();
    const all = { allowed: TRUE, denied: FALSE, undecided: [] };
    expect(compose(release, { allowed: odd, denied: odd ^ 1, undecided: [] }, all)).toEqual({
      allowed: odd,
      denied: odd ^ 1,
      undecided: [],
    });
  });

  it('an undecided part leaves open what nobody else denies, and undoes nothing', () => {
    const { odd, compose } = setUp();
    const open: Partition = { allowed: FALSE, denied: FALSE, undecided: [{ region: TRUE, reason: 'unreadable' }] };
    const some: Partition = { allowed: odd, denied: odd ^ 1, undecided: [] };
    for (const list of [
      [some, open],
      [open, some],
    ]) {
      expect(compose(release, ...list)).toEqual({
        allowed: FALSE,
        denied: odd ^ 1,
        undecided: [{ region: odd, reason: 'unreadable' }],
      });
    }
  });

  it('two undecided parts do not answer for each other', () => {
    const { odd, compose } = setUp();
    const halves = [odd, odd ^ 1].map((region): Partition => ({
      allowed: region ^ 1,
      denied: FALSE,
      undecided: [{ region, reason: 'unreadable' }],
    }));
    const result = compose(release, ...halves);
    expect([result.allowed, result.denied]).toEqual([FALSE, FALSE]);
    expect(result.undecided).toEqual([{ region: TRUE, reason: 'unreadable' }]);
  });
});
