import { expect, test } from 'vitest';
import { DP201 } from '../../../src/verify/checks/dp201.js';
import { DP202 } from '../../../src/verify/checks/dp202.js';
import { DP208 } from '../../../src/verify/checks/dp208.js';
import { inputOf, intended, known, partition, program, rules, space } from '../subject-builder.js';

const open = known(partition(space.everything));

test.each(['crun:rootless', 'runc:rootless'])('no program, and the runtime could attach none: %s', (attachesReason) => {
  const input = inputOf({
    enforced: open,
    intended: intended(rules('c 1:3 rw'), { attaches: 'undecided', attachesReason }),
  });
  expect(DP208.run(input)).toEqual([{ rules: [], witness: null, sources: ['/run/runc/web/state.json'] }]);
  expect([...DP201.run(input), ...DP202.run(input)]).toEqual([]);
});

test('not where another reason left the program out, nor where one is attached', () => {
  const other = { attaches: 'none', attachesReason: 'crun:empty-list' } as const;
  expect(DP208.run(inputOf({ enforced: open, intended: intended(rules('c 1:3 rw'), other) }))).toEqual([]);
  const rootless = { attaches: 'undecided', attachesReason: 'crun:rootless' } as const;
  const attached = inputOf({
    enforced: known(partition(rules('c 1:3 rw'))),
    intended: intended(rules('c 1:3 rw'), rootless),
    programs: [program(1, rules('c 1:3 rw'))],
  });
  expect(DP208.run(attached)).toEqual([]);
});
