import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP104 } from '../../../src/verify/checks/dp104.js';
import { inputOf, intended, known, partition, pending, rules } from '../subject-builder.js';

test('allowed, in no list, and gone after the next event', () => {
  const input = inputOf({
    enforced: known(partition(rules('c 1:3 rw', 'c 195:0 rw'))),
    intended: intended(rules('c 1:3 rw')),
    afterReload: pending(rules('c 1:3 rw')),
  });
  const [finding] = DP104.run(input);
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 195:0 rw-']);
  expect(finding?.impacts?.map(({ key }) => key)).toEqual(['gpu-nvidia']);
});

test('not if systemd would keep them', () => {
  const wide = rules('c 1:3 rw', 'c 195:0 rw');
  const input = inputOf({
    enforced: known(partition(wide)),
    intended: intended(rules('c 1:3 rw')),
    afterReload: pending(wide),
  });
  expect(DP104.run(input)).toEqual([]);
});
