import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeShort, escapeText } from '../../src/report/escape.js';

test.each([
  ['\u001b]0;owned\u0007', '\\x1b]0;owned\\x07'],
  ['a\r\nb\tc', 'a\\x0d\\x0ab\\x09c'],
  ['\u009b31m', '\\x9b31m'],
  ['abc\u202egnp.exe', 'abc\\u{202e}gnp.exe'],
  ['we\u200bb', 'we\\u{200b}b'],
  ['\ud800x', '\\u{d800}x'],
  ['line\u2028sep', 'line\\u{2028}sep'],
])('%j becomes %s', (text, expected) => {
  expect(escapeText(text)).toBe(expected);
});

test('ordinary names stay as they are', () => {
  for (const name of ['web', 'machine-qemu\\x2d1-vm.scope', 'größe', '容器', '/dev/null', 'a b'])
    expect(escapeText(name)).toBe(name);
});

test('no control, format or surrogate character survives, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(escapeText(text)).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

test('long names are cut after escaping, so that an escape never widens a column', () => {
  expect(escapeShort('\u001b'.repeat(100), 12)).toBe('\\x1b\\x1b\\x1…');
  expect(escapeShort('web', 12)).toBe('web');
});
