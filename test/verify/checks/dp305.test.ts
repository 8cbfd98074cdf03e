import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP305 } from '../../../src/verify/checks/dp305.js';
import { inputOf, intended, known, partition, rules } from '../subject-builder.js';

test("an open region of the kernel's answer, with its reason", () => {
  const enforced = known(partition(rules('c 1:3 rw'), [{ region: rules('c 10:229 rw'), reason: 'depends:uid' }]));
  const [finding] = DP305.run(inputOf({ enforced }));
  expect(finding?.reasons).toEqual(['depends:uid']);
  expect(finding?.policy).toBe('enforced');
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 10:229 rw-']);
});

test('an open region of the intent is neither missing nor excess', () => {
  const undecided = [{ region: rules('c 10:200 rwm'), reason: 'runc:version' }];
  const policy = intended(rules('c 1:3 rw'), partition(rules('c 1:3 rw'), undecided));
  const input = inputOf({ enforced: known(partition(rules('c 1:3 rw', 'c 10:200 rwm'))), intended: policy });
  expect(DP305.run(input).map(({ policy: which, reasons }) => [which, reasons])).toEqual([
    ['intended', ['runc:version']],
  ]);
  expect(input.comparison.differences).toEqual([]);
});
