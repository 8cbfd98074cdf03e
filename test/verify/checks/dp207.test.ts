import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP207 } from '../../../src/verify/checks/dp207.js';
import { inputOf, intended, known, partition, rules, space } from '../subject-builder.js';

test('a denial of single letters that other letters get around', () => {
  const policy = intended(space.everything, {
    restricts: true,
    warnings: [
      { code: 'deny-hole', about: 'deny c 1:3 w', region: rules('c 1:3 {rw}') },
      { code: 'deny-ineffective', about: 'deny c 10:229 rwm', region: null },
    ],
  });
  const found = DP207.run(inputOf({ enforced: known(partition(space.everything)), intended: policy }));
  expect(
    found.map(({ reasons, rules: lines }) => [reasons, lines.map((rule) => formatRule(rule, 'difference'))]),
  ).toEqual([[['deny c 1:3 w'], ['c 1:3 {rw}']]]);
});
