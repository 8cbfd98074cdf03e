import { expect, test } from 'vitest';
import { suggest } from '../../src/cli/suggest.js';

test('near words first, unrelated ones not at all', () => {
  expect(suggest('gitlap', ['gitlab', 'gitlab-runner', 'redis', 'web'])).toEqual(['gitlab']);
  expect(suggest('git', ['gitlab', 'gitlab-runner', 'redis'])).toEqual(['gitlab', 'gitlab-runner']);
  expect(suggest('DP110', ['DP101', 'DP110'])).toEqual(['DP110', 'DP101']);
  expect(suggest('zzz', ['web', 'db'])).toEqual([]);
});

test('names of hostile length cost nothing', () => {
  const before = performance.now();
  suggest(
    'x'.repeat(100_000),
    Array.from({ length: 200 }, (_, index) => 'y'.repeat(100_000 + index)),
  );
  expect(performance.now() - before).toBeLessThan(2000);
});
