import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP109 } from '../../../src/verify/checks/dp109.js';
import { inputOf, known, partition, rules } from '../subject-builder.js';

test('separate r and w deny the open for both', () => {
  const [finding] = DP109.run(
    inputOf({ enforced: known(partition(rules('c 1:3 r', 'c 1:3 w', 'c 1:5 rw', 'b 8:0 r'))) }),
  );
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 1:3 {rw}']);
});

test('nothing where rules are merged', () => {
  expect(DP109.run(inputOf({ enforced: known(partition(rules('c 1:3 rw'))) }))).toEqual([]);
});
