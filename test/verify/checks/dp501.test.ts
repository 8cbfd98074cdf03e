import { expect, test } from 'vitest';
import { parseExpectations } from '../../../src/intent/expect.js';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP501 } from '../../../src/verify/checks/dp501.js';
import type { CheckInput } from '../../../src/verify/checks/check.js';
import { inputOf, known, partition, rules, unread, type SubjectParts } from '../subject-builder.js';

function expecting(parts: SubjectParts, ...lines: string[]): CheckInput {
  const { entries } = parseExpectations({ version: 1, containers: { web: lines } }, 'expect.yaml');
  return { ...inputOf(parts), expected: { path: 'expect.yaml', entries } };
}

const now = known(partition(rules('c *:* m', 'c 1:3 rwm', 'b 8:0 r')));

test('what is expected and denied is found, exactly, with a witness', () => {
  const [finding, ...others] = DP501.run(expecting({ enforced: now }, 'c 1:3 rw', 'c 10:200 rw', 'b 8:0 rw'));
  expect(others).toEqual([]);
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 10:200 rw', 'b 8:0 {w,rw}']);
  expect(finding?.witness).toMatchObject({ enforced: 'deny', other: 'allow' });
  expect(finding?.sources).toEqual(['expect.yaml']);
});

test('what is met, not expected, or cannot be read gives no finding', () => {
  expect(DP501.run(expecting({ enforced: now }, 'c 1:3 rw', 'may c 10:200 rw', 'nothing else'))).toEqual([]);
  expect(DP501.run(inputOf({ enforced: now }))).toEqual([]);
  expect(DP501.run(expecting({ enforced: unread }, 'c 10:200 rw'))).toEqual([]);
});
