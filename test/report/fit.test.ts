import { expect, test } from 'vitest';
import { fit } from '../../src/report/fit.js';

const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;

test('lines that fit stay as they are, others are broken between words', () => {
  expect(fit('short\n\nalso short\n', 10)).toBe('short\n\nalso short\n');
  expect(fit('  one two three four', 12)).toBe('  one two\n  three four');
});

test('the last cell goes on below itself; one that is too far to the right begins a line', () => {
  expect(fit('ok     a kernel with a long name', 28)).toBe('ok     a kernel with a long\n       name');
  expect(fit('  c 1:3  rwm  null', 16)).toBe('  c 1:3  rwm\n      null');
  expect(fit('  name  engine  12345  a long path', 22)).toBe('  name  engine  12345\n      a long path');
});

test('items go on below their text', () => {
  expect(fit('- one two three', 9)).toBe('- one two\n  three');
  expect(fit('   -> one two three', 14)).toBe('   -> one two\n      three');
});

test('what is wider than a line stays where it is, and so do commands', () => {
  expect(fit('cgroup /a/very/long/path here', 12)).toBe('cgroup /a/very/long/path\nhere');
  expect(fit('  devpolicy verify --all --format junit  for CI', 20)).toBe(
    '  devpolicy verify --all --format junit\n      for CI',
  );
});

test('colours take no room and go on', () => {
  const line = `${bold('ID ')}  ${bold('NAME  ')}  ${bold('SIZE')}`;
  expect(fit(line, 17)).toBe(line);
  expect(fit(line, 12)).toBe(`${bold('ID ')}  ${bold('NAME')}\u001b[1m\n    SIZE\u001b[22m`);
  expect(fit(bold('one two'), 3)).toBe('\u001b[1mone\ntwo\u001b[22m');
});
