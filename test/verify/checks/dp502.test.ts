import { expect, test } from 'vitest';
import { parseExpectations } from '../../../src/intent/expect.js';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP502 } from '../../../src/verify/checks/dp502.js';
import type { CheckInput } from '../../../src/verify/checks/check.js';
import { inputOf, known, partition, rules, unread, type SubjectParts } from '../subject-builder.js';

function expecting(parts: SubjectParts, ...lines: string[]): CheckInput {
  const { entries } = parseExpectations({ version: 1, containers: { web: lines } }, 'expect.yaml');
  return { ...inputOf(parts), expected: { path: 'expect.yaml', entries } };
}

const now = known(partition(rules('c *:* m', 'c 1:3 rwm', 'b 8:0 r')));

test('what must be denied and is allowed is found, exactly, with a witness', () => {
  const [finding, ...others] = DP502.run(expecting({ enforced: now }, 'no block devices'));
  expect(others).toEqual([]);
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['b 8:0 r']);
  expect(finding?.witness).toEqual({
    request: { type: 'b', access: 2, major: 8, minor: 0 },
    enforced: 'allow',
    other: 'deny',
  });
});

test('"nothing else" forbids what no line speaks of', () => {
  const [finding] = DP502.run(expecting({ enforced: now }, 'c 1:3 rwm', 'default devices', 'nothing else'));
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['b 8:0 r']);
});

test('what is met, not expected, or cannot be read gives no finding', () => {
  expect(DP502.run(expecting({ enforced: now }, 'no c 10:* rw'))).toEqual([]);
  expect(DP502.run(inputOf({ enforced: now }))).toEqual([]);
  expect(DP502.run(expecting({ enforced: unread }, 'no devices'))).toEqual([]);
});
