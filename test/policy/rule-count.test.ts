import { expect, test } from 'vitest';
import { countRequests } from '../../src/policy/rule-count.js';
import { parseRule } from '../../src/policy/rule-text.js';

test.each([
  ['c 1:3 r', 2],
  ['c 1:3 rw', 4],
  ['c 1:3 rwm', 5],
  ['c 226:0-127 -', 128],
  ['b *:* m', 2 * 2 ** 32],
  ['c 10:*&0x1=0x1 -', 2 ** 19],
  ['c 10:0-9&0x3=0x2 -', 2],
])('%s names %i requests', (text, count) => {
  expect(countRequests(parseRule(text))).toBe(count);
});
