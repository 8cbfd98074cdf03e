import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP110 } from '../../../src/verify/checks/dp110.js';
import { inputOf, known, partition, rules } from '../subject-builder.js';

test('openable, but the check without access bits is refused', () => {
  const [finding] = DP110.run(inputOf({ enforced: known(partition(rules('c 10:200 {r,w,rw}', 'c 1:3 rw'))) }));
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 10:200 -']);
});

test('nothing for runtimes of today', () => {
  expect(DP110.run(inputOf({ enforced: known(partition(rules('c 1:3 rw', 'c *:* m'))) }))).toEqual([]);
});
