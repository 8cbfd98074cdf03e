import { expect, test } from 'vitest';
import { DP201 } from '../../../src/verify/checks/dp201.js';
import { inputOf, intended, known, partition, program, rules, space } from '../subject-builder.js';

test('no program, and a list that restricts', () => {
  const input = inputOf({ enforced: known(partition(space.everything)), intended: intended(rules('c 1:3 rw')) });
  expect(DP201.run(input)).toEqual([{ rules: [], witness: null, sources: ['/run/runc/web/state.json'] }]);
});

test('a runtime that attaches nothing for such a list is fail-open too, and says why', () => {
  const input = inputOf({
    enforced: known(partition(space.everything)),
    intended: intended(space.everything, { attaches: 'none', attachesReason: 'crun:empty-list' }),
  });
  expect(DP201.run(input)[0]?.reasons).toEqual(['crun:empty-list']);
});

test('not for privileged containers, nor where any program applies', () => {
  const open = known(partition(space.everything));
  expect(DP201.run(inputOf({ enforced: open, intended: intended(space.everything, { restricts: false }) }))).toEqual(
    [],
  );
  expect(
    DP201.run(inputOf({ enforced: open, intended: intended(rules()), programs: [program(1, space.everything)] })),
  ).toEqual([]);
});
