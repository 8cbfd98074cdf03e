import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP103 } from '../../../src/verify/checks/dp103.js';
import { inputOf, intended, known, partition, program, rules } from '../subject-builder.js';

test("the container's own programs allow, a slice denies: the finding names the slice", () => {
  const meant = rules('c 1:3 rwm', 'c 10:200 rwm');
  const input = inputOf({
    enforced: known(partition(rules('c 1:3 rwm'))),
    intended: intended(meant),
    programs: [program(1, meant), program(2, rules('c 1:3 rwm'), { attachedAt: '/system.slice' })],
  });
  const [finding] = DP103.run(input);
  expect(finding?.cgroup).toBe('/system.slice');
  expect(finding?.programs).toEqual([2]);
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 10:200 rwm-']);
});

test("what the container's own programs deny is not the slice's doing", () => {
  const input = inputOf({
    enforced: known(partition(rules())),
    intended: intended(rules('c 1:3 rwm')),
    programs: [program(1, rules()), program(2, rules(), { attachedAt: '/system.slice' })],
  });
  expect(DP103.run(input)).toEqual([]);
});
