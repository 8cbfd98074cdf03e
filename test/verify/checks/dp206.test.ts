import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP206 } from '../../../src/verify/checks/dp206.js';
import { inputOf, known, partition, pending, rules, space } from '../subject-builder.js';

test('what is denied now and allowed later', () => {
  const input = inputOf({ enforced: known(partition(rules('c 1:3 rw'))), afterReload: pending(space.everything) });
  const [finding] = DP206.run(input);
  expect(finding?.witness?.enforced).toBe('deny');
  expect(finding?.witness?.other).toBe('allow');
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toContain('b *:* rwm-');
});

test('not for a list as narrow or narrower', () => {
  expect(DP206.run(inputOf({ enforced: known(partition(rules('c 1:3 rw'))), afterReload: pending(rules()) }))).toEqual(
    [],
  );
});
