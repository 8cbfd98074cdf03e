import { expect, test } from 'vitest';
import { DP302 } from '../../../src/verify/checks/dp302.js';
import { inputOf, program, rules } from '../subject-builder.js';

const record = (id: number, xlated: string): NonNullable<ReturnType<typeof program>['record']> => ({
  id,
  tag: null,
  name: '',
  loadedAtNs: null,
  loadedAt: null,
  uid: 0,
  gplCompatible: null,
  btfId: null,
  jited: null,
  mapIds: [],
  functionCount: null,
  xlated,
  unreadable: null,
  helpers: {},
  freplaced: 'no',
});

test('the same bytes twice on one cgroup', () => {
  const programs = [1, 2, 3].map((id) => program(id, rules(), { record: record(id, id === 3 ? 'other' : 'same') }));
  expect(DP302.run(inputOf({ programs })).map((each) => each.programs)).toEqual([[1, 2]]);
});

test('more programs than anybody needs', () => {
  const programs = [1, 2, 3, 4].map((id) => program(id, rules(), { record: record(id, String(id)) }));
  expect(DP302.run(inputOf({ programs }))[0]?.programs).toEqual([1, 2, 3, 4]);
});

test('the same bytes on different levels are no leak', () => {
  const programs = [
    program(1, rules(), { record: record(1, 'same') }),
    program(2, rules(), { record: record(2, 'same'), attachedAt: '/' }),
  ];
  expect(DP302.run(inputOf({ programs }))).toEqual([]);
});
