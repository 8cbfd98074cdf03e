import { expect, test } from 'vitest';
import { DP307 } from '../../../src/verify/checks/dp307.js';
import { inputOf, program, rules } from '../subject-builder.js';

test('attached so that it can be replaced or detached', () => {
  const programs = [
    program(1, rules(), { attachFlags: 0 }),
    program(2, rules(), { attachFlags: 1 }),
    program(3, rules()),
    program(4, rules(), { attachFlags: null }),
  ];
  expect(DP307.run(inputOf({ programs })).map((each) => each.programs)).toEqual([[1], [2]]);
});
