import { expect, test } from 'vitest';
import { formatAge } from '../../src/report/age.js';
import { toJsonText } from '../../src/report/json.js';
import { displayWidth, table, wrap } from '../../src/report/table.js';

test('columns line up and nothing trails', () => {
  expect(
    table(
      [
        ['c 1:3', 'rw', 'null'],
        ['c 136:*', 'rwm', ''],
      ],
      { indent: 2 },
    ),
  ).toEqual(['  c 1:3    rw   null', '  c 136:*  rwm']);
});

test('the last cell of a short row does not widen its column', () => {
  expect(table([['a', 'b'], ['a long heading over both']])).toEqual(['a  b', 'a long heading over both']);
});

test('wide and combining characters count as a terminal shows them', () => {
  expect(displayWidth('容器')).toBe(4);
  expect(displayWidth('e\u0301')).toBe(1);
});

test('wrapping keeps words whole', () => {
  expect(wrap('one two three four', 9, 2)).toEqual(['one two', '  three', '  four']);
  expect(wrap('a-word-longer-than-the-line b', 5)).toEqual(['a-word-longer-than-the-line', 'b']);
});

test.each([
  [0, '0 s'],
  [0.25, '0.2 s'],
  [59, '59 s'],
  [61, '1 min 1 s'],
  [3600, '1 h'],
  [6 * 86400 + 4 * 3600 + 59, '6 d 4 h'],
  [-5, '0 s'],
])('an age of %d s reads %s', (seconds, text) => {
  expect(formatAge(seconds)).toBe(text);
});

test('JSON text has no character that could drive a terminal, and the same value', () => {
  const value = { name: '\u001b[31m\u202e\u0085', list: [1] };
  const text = toJsonText(value);
  expect(text).not.toMatch(/[^\n\u0020-\u007e]/);
  expect(JSON.parse(text)).toEqual(value);
});
