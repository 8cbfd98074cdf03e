import { expect, test } from 'vitest';
import { DP203 } from '../../../src/verify/checks/dp203.js';
import { inputOf, intended, known, partition, rules, space } from '../subject-builder.js';

test('everything allowed and meant to be', () => {
  const open = known(partition(space.everything));
  expect(
    DP203.run(inputOf({ enforced: open, intended: intended(space.everything, { restricts: false }) })),
  ).toHaveLength(1);
  expect(DP203.run(inputOf({ enforced: open, intended: intended(rules('c 1:3 rw')) }))).toEqual([]);
});

test('not while anything is undecided', () => {
  const enforced = known(partition(space.everything, [{ region: rules('c 1:3 rw'), reason: 'depends:uid' }]));
  expect(DP203.run(inputOf({ enforced, intended: intended(space.everything, { restricts: false }) }))).toEqual([]);
});
