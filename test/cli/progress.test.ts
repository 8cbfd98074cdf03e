import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TransientLine } from '../../src/cli/progress.js';

let written = '';
let line: TransientLine;
beforeEach(() => {
  vi.useFakeTimers();
  written = '';
  line = new TransientLine(
    (text) => (written += text),
    () => 20,
  );
});
afterEach(() => vi.useRealTimers());

test('what is over within a second is never shown', () => {
  line.say('reading');
  vi.advanceTimersByTime(900);
  line.erase();
  vi.advanceTimersByTime(5000);
  expect(written).toBe('');
});

test('from a second on the last step is shown, the next one at once, and all of it is erased', () => {
  line.say('reading cgroups');
  line.say('reading units');
  vi.advanceTimersByTime(1000);
  expect(written).toBe('\r\u001b[Kreading units');
  line.say('analysing');
  expect(written).toBe('\r\u001b[Kreading units\r\u001b[Kanalysing');
  line.erase();
  expect(written.endsWith('analysing\r\u001b[K')).toBe(true);
  const after = written;
  line.erase();
  expect(written).toBe(after);
});

test('a line is never wider than the terminal, since one that wraps stays', () => {
  vi.advanceTimersByTime(1000);
  line.say('x'.repeat(50));
  expect(written).toBe(`\r\u001b[K${'x'.repeat(19)}`);
});
