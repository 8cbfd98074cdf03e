import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP105 } from '../../../src/verify/checks/dp105.js';
import { inputOf, intended, known, partition, program, rules } from '../subject-builder.js';

test('every program of the container denies what its list allows', () => {
  const input = inputOf({
    enforced: known(partition(rules('c 1:3 rw'))),
    intended: intended(rules('c 1:3 rw', 'c 10:200 rw')),
    programs: [program(1, rules('c 1:3 rw'))],
  });
  const [finding] = DP105.run(input);
  expect(finding?.programs).toEqual([1]);
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 10:200 rw-']);
});

test('not where one of them allows it', () => {
  const meant = rules('c 10:200 rw');
  const input = inputOf({
    enforced: known(partition(rules())),
    intended: intended(meant),
    programs: [program(1, meant), program(2, rules())],
  });
  expect(DP105.run(input)).toEqual([]);
});
