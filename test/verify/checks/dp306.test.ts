import { expect, test } from 'vitest';
import { DP306 } from '../../../src/verify/checks/dp306.js';
import { inputOf, known, partition, rules, unread } from '../subject-builder.js';

test('a record that is there and could not be read', () => {
  const input = inputOf({ enforced: known(partition(rules())), intended: unread, afterApply: unread });
  expect(DP306.run(input).map(({ policy, reasons }) => [policy, reasons])).toEqual([
    ['intended', ['EACCES']],
    ['afterApply', ['EACCES']],
  ]);
});

test('no record at all is not compared, and no finding', () => {
  expect(DP306.run(inputOf({ enforced: known(partition(rules())) }))).toEqual([]);
});
