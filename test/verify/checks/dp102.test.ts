import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP102 } from '../../../src/verify/checks/dp102.js';
import { inputOf, intended, known, partition, program, rules } from '../subject-builder.js';

test('a second program on the same cgroup takes intended devices away', () => {
  const meant = rules('c 1:3 rwm', 'c 136:* rwm');
  const input = inputOf({
    enforced: known(partition(rules('c 136:* rwm'))),
    intended: intended(meant),
    programs: [program(1, meant), program(2, rules('c 136:* rwm', 'b 8:0 r'))],
  });
  const [finding, ...others] = DP102.run(input);
  expect(others).toEqual([]);
  expect(finding?.programs).toEqual([2]);
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 1:3 rwm-']);
});

test('nothing where all of them deny, or none', () => {
  const meant = rules('c 1:3 rwm');
  expect(
    DP102.run(
      inputOf({ enforced: known(partition(rules())), intended: intended(meant), programs: [program(1, rules())] }),
    ),
  ).toEqual([]);
  expect(
    DP102.run(inputOf({ enforced: known(partition(meant)), intended: intended(meant), programs: [program(1, meant)] })),
  ).toEqual([]);
});
