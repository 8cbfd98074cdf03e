import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP202 } from '../../../src/verify/checks/dp202.js';
import { inputOf, intended, known, partition, program, rules, space } from '../subject-builder.js';

test('what is allowed beyond the list', () => {
  const input = inputOf({
    enforced: known(partition(rules('c 1:3 rw', 'b 8:* r'))),
    intended: intended(rules('c 1:3 rw')),
    programs: [program(1, rules('c 1:3 rw', 'b 8:* r'))],
  });
  expect(DP202.run(input)[0]?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['b 8:* r-']);
});

test('fail-open says it already', () => {
  expect(
    DP202.run(inputOf({ enforced: known(partition(space.everything)), intended: intended(rules('c 1:3 rw')) })),
  ).toEqual([]);
});
