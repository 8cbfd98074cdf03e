import { expect, test } from 'vitest';
import { formatRule } from '../../../src/policy/rule-text.js';
import { DP101 } from '../../../src/verify/checks/dp101.js';
import { container, inputOf, intended, known, partition, pending, rules } from '../subject-builder.js';

const full = rules('c *:* m', 'c 1:3 rwm', 'c 136:* rwm');
const short = rules('c *:* m', 'c 136:* rwm');

test('what the next events take away is one finding that names both', () => {
  const input = inputOf({
    enforced: known(partition(full)),
    intended: intended(full),
    afterReload: pending(short),
    afterApply: pending(short, 'set-property'),
  });
  const [finding, ...others] = DP101.run(input);
  expect(others).toEqual([]);
  expect(finding?.rules.map((rule) => formatRule(rule, 'difference'))).toEqual(['c 1:3 rw']);
  expect(finding?.events?.map(({ kind }) => kind)).toEqual(['daemon-reload', 'set-property']);
  expect(finding?.witness).toEqual({
    request: { type: 'c', access: 6, major: 1, minor: 3 },
    enforced: 'allow',
    other: 'deny',
  });
  expect(finding?.impacts?.map(({ key }) => key)).toEqual(['null']);
});

test('devices that no list has are lost too', () => {
  const input = inputOf({ enforced: known(partition(full)), intended: intended(short), afterReload: pending(short) });
  expect(DP101.run(input)).toHaveLength(1);
});

test("the container's own nodes are the witness", () => {
  const nodes = [{ path: '/dev/ttyACM0', type: 'c' as const, major: 166, minor: 7 }];
  const allowed = rules('c 1:3 rw', 'c 166:* rw');
  const input = inputOf({
    enforced: known(partition(allowed)),
    afterReload: pending(rules()),
    container: { ...container, nodes },
  });
  expect(DP101.run(input)[0]?.witness?.request).toEqual({ type: 'c', access: 6, major: 166, minor: 7 });
});

test('a list as wide or wider is none', () => {
  expect(DP101.run(inputOf({ enforced: known(partition(short)), afterReload: pending(full) }))).toEqual([]);
});
