import { expect, test } from 'vitest';
import { DP205 } from '../../../src/verify/checks/dp205.js';
import { inputOf } from '../subject-builder.js';

test('containers of a hybrid host', () => {
  const { host } = inputOf({}).snapshot;
  const v1Devices = [{ path: '/docker/abc', list: 'a *:* rwm\n' }];
  expect(DP205.run(inputOf({}, { host: { ...host, cgroupLayout: 'hybrid', v1Devices } }))[0]?.sources).toEqual([
    '/docker/abc',
  ]);
  expect(DP205.run(inputOf({}, { host: { ...host, cgroupLayout: 'unified' } }))).toEqual([]);
});
