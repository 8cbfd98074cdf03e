import { expect, test } from 'vitest';
import type { UnitRecord } from '../../../src/snapshot/types.js';
import { DP108 } from '../../../src/verify/checks/dp108.js';
import { inputOf } from '../subject-builder.js';

const unit: UnitRecord = {
  name: 'docker-web.scope',
  nestedIn: null,
  cgroup: '/system.slice/docker-web.scope',
  files: null,
  shown: { DevicePolicy: ['closed'], DeviceAllow: ['/dev/ttyACM0 rw', '/dev/char/188:0 rw'] },
};
const stick = (type: 'c' | null): { path: string; type: 'c' | null; major: number; minor: number } => ({
  path: '/dev/ttyACM0',
  type,
  major: 166,
  minor: 0,
});

test('a node that is known to be absent', () => {
  expect(DP108.run(inputOf({}, { units: [unit], nodes: [stick(null)] }))).toEqual([
    { rules: [], witness: null, unit: 'docker-web.scope', sources: ['DeviceAllow=/dev/ttyACM0 rw'] },
  ]);
});

test('a node that is there, or that nobody looked at', () => {
  expect(DP108.run(inputOf({}, { units: [unit], nodes: [stick('c')] }))).toEqual([]);
  expect(DP108.run(inputOf({}, { units: [unit], nodes: [] }))).toEqual([]);
});
