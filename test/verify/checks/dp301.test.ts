import { expect, test } from 'vitest';
import { DP301 } from '../../../src/verify/checks/dp301.js';
import { inputOf, known, partition, program, rules, unread } from '../subject-builder.js';

test('the list of programs could not be read', () => {
  expect(DP301.run(inputOf({ enforced: unread }))[0]?.reasons).toEqual(['EACCES']);
});

test('one program could not be read', () => {
  const [finding] = DP301.run(
    inputOf({ enforced: known(partition(rules())), programs: [program(1, rules()), program(902, null)] }),
  );
  expect(finding?.programs).toEqual([902]);
  expect(finding?.reasons).toEqual(['EPERM']);
});

test('nothing when all were read', () => {
  expect(DP301.run(inputOf({ enforced: known(partition(rules())), programs: [program(1, rules())] }))).toEqual([]);
});
