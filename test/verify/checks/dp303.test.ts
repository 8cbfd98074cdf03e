import { expect, test } from 'vitest';
import { DP303 } from '../../../src/verify/checks/dp303.js';
import { inputOf, program, rules } from '../subject-builder.js';

const map = {
  id: 7,
  type: 'hash',
  name: 'devs',
  keySize: 8,
  valueSize: 4,
  maxEntries: 64,
  flags: 0,
  frozen: false,
  entries: [],
  asOf: '2026-01-02T03:04:05Z',
};
const record = {
  id: 1,
  tag: null,
  name: '',
  loadedAtNs: null,
  loadedAt: null,
  uid: 0,
  gplCompatible: null,
  btfId: null,
  jited: null,
  mapIds: [7],
  functionCount: null,
  xlated: null,
  unreadable: null,
  helpers: {},
  freplaced: 'no' as const,
};

test('a program with a map that may change, and when it was read', () => {
  const [finding] = DP303.run(inputOf({ programs: [program(1, rules(), { record })] }, { maps: [map] }));
  expect(finding?.asOf).toBe('2026-01-02T03:04:05Z');
  expect(finding?.sources).toEqual(['map 7 devs']);
});

test('a frozen map is a constant', () => {
  expect(
    DP303.run(inputOf({ programs: [program(1, rules(), { record })] }, { maps: [{ ...map, frozen: true }] })),
  ).toEqual([]);
});
