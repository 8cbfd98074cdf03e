import { expect, test } from 'vitest';
import { InternalError } from '../../src/errors.js';
import { compare } from '../../src/verify/compare.js';
import { analysisOf, intended, known, partition, pending, rules, space } from './subject-builder.js';

test('equal policies differ in nothing', () => {
  const set = rules('c 1:3 rwm', 'c *:* m');
  expect(
    compare(analysisOf({ enforced: known(partition(set)), intended: intended(set), afterReload: pending(set) })),
  ).toEqual({
    differences: [],
    undecided: [],
  });
});

test('regions are exact: together with what is equal they cover the space', () => {
  const now = rules('c 1:3 rwm', 'b 8:* rw');
  const meant = rules('c 1:* r', 'b 8:0 rwm');
  const { differences } = compare(analysisOf({ enforced: known(partition(now)), intended: intended(meant) }));
  const [missing, excess] = ['missing', 'excess'].map(
    (kind) => differences.find((each) => each.kind === kind)?.region ?? space.nothing,
  );
  expect(now.union(missing!).subtract(excess!).equals(meant)).toBe(true);
  expect(missing!.intersect(now).isEmpty()).toBe(true);
  expect(excess!.implies(now)).toBe(true);
});

test('a request that the kernel never asks is no difference', () => {
  const zero = rules('c 0:0 rwm', 'b 0:0 rw');
  expect(compare(analysisOf({ enforced: known(partition(zero)), intended: intended(rules()) })).differences).toEqual(
    [],
  );
});

test('an interpreter that disagrees with the evaluator stops everything', () => {
  const liar = known(partition(rules('c 1:3 rw')), () => 'deny' as const);
  expect(() => compare(analysisOf({ enforced: liar, intended: intended(rules()) }))).toThrow(InternalError);
  expect(() => compare(analysisOf({ enforced: liar, intended: intended(rules()) }))).toThrow(/c 1:3 rw/);
});

test('intended and undecided is undecided, never missing', () => {
  const open = rules('c 10:200 rwm');
  const enforced = known(partition(rules(), [{ region: open, reason: 'depends:map:3' }]));
  const { differences, undecided } = compare(analysisOf({ enforced, intended: intended(open) }));
  expect(differences).toEqual([]);
  expect(undecided.map(({ against, reason }) => [against, reason])).toEqual([['enforced', 'depends:map:3']]);
});

test('without an enforced policy nothing is compared', () => {
  expect(compare(analysisOf({ intended: intended(rules('c 1:3 rw')) }))).toEqual({ differences: [], undecided: [] });
});

test('an interpreter that comes to no verdict leaves a difference without a witness, not without a mention', () => {
  const tired = known(partition(rules('c 1:3 rw')), () => 'undecided' as const);
  const { differences } = compare(analysisOf({ enforced: tired, intended: intended(rules()) }));
  expect(differences.map(({ kind, witness }) => [kind, witness])).toEqual([['excess', null]]);
});
