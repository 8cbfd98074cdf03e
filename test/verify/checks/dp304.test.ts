import { expect, test } from 'vitest';
import { DP304 } from '../../../src/verify/checks/dp304.js';
import { inputOf } from '../subject-builder.js';

test('systemd asks for a reload of this very unit', () => {
  const unit = {
    name: 'docker-web.scope',
    nestedIn: null,
    cgroup: '/system.slice/docker-web.scope',
    files: null,
    shown: { NeedDaemonReload: ['yes'] },
  };
  expect(DP304.run(inputOf({}, { units: [unit] }))[0]?.unit).toBe('docker-web.scope');
  expect(DP304.run(inputOf({}, { units: [{ ...unit, shown: { NeedDaemonReload: ['no'] } }] }))).toEqual([]);
  expect(DP304.run(inputOf({}, { units: [{ ...unit, nestedIn: 'lxc:box' }] }))).toEqual([]);
});
