import { expect, test } from 'vitest';
import { emptySnapshot } from '../../../src/collect/empty.js';
import type { UnitRecord } from '../../../src/snapshot/types.js';
import { DP107 } from '../../../src/verify/checks/dp107.js';
import { inputOf } from '../subject-builder.js';

const unit: UnitRecord = {
  name: 'docker-web.scope',
  nestedIn: null,
  cgroup: '/system.slice/docker-web.scope',
  files: null,
  shown: { DevicePolicy: ['strict'], DeviceAllow: ['char-ttyUSB rwm', 'char-pts rwm', 'block-* m', 'char-188 rw'] },
};
const host = { ...emptySnapshot('little').host, procDevices: 'Character devices:\n136 pts\n\nBlock devices:\n' };

test('a group that no driver has', () => {
  expect(DP107.run(inputOf({}, { units: [unit], host }))).toEqual([
    { rules: [], witness: null, unit: 'docker-web.scope', sources: ['DeviceAllow=char-ttyUSB rwm'] },
  ]);
});

test('a driver that is there, /proc/devices that was not read, and no unit say nothing', () => {
  const loaded = { ...host, procDevices: 'Character devices:\n136 pts\n188 ttyUSB\n' };
  expect(DP107.run(inputOf({}, { units: [unit], host: loaded }))).toEqual([]);
  expect(DP107.run(inputOf({}, { units: [unit], host: { ...host, procDevices: null } }))).toEqual([]);
  expect(DP107.run(inputOf({}, { units: [], host }))).toEqual([]);
});
