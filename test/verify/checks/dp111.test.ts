import { expect, test } from 'vitest';
import { mergeWithBuiltIns, RUNC_BUILT_INS } from '../../../src/intent/runc-builtin.js';
import { parseVersion, inRange } from '../../../src/intent/version.js';
import type { OciConfigSource, RawDeviceRule, SourceRecord } from '../../../src/snapshot/types.js';
import { DP111 } from '../../../src/verify/checks/dp111.js';
import { fixesOfFinding } from '../../../src/verify/fix.js';
import { stateSource } from '../../intent/captures.js';
import { container, inputOf, intended, known, partition, rules } from '../subject-builder.js';

/** Constructed: no suite of Debian's has a runc of 1.2.0 to 1.2.3. The lists are those of its sources (RUNC_BUILT_INS). */
const config: OciConfigSource = {
  kind: 'oci-config',
  path: '/bundle/config.json',
  ociVersion: '1.0.2',
  resourcesDevices: [{ allow: false, type: 'a', major: null, minor: null, access: 'rwm' }],
  hasResources: true,
  devices: [{ path: '/dev/net/tun', type: 'c', major: 10, minor: 200 }],
  cgroupsPath: null,
  userNamespace: false,
  annotations: {},
  hooks: [],
};

/** The list that a version of runc records for that configuration. */
function recordedBy(version: string): SourceRecord[] {
  const era = RUNC_BUILT_INS.find(({ range }) => inRange(parseVersion(version)!, range))!;
  const devices = mergeWithBuiltIns(config, era).rules.map(({ allow, type, major, minor, access }): RawDeviceRule => ({
    allow,
    type,
    major,
    minor,
    access,
  }));
  return [config, stateSource(devices)];
}

const without = rules('c 1:3 rwm');
const found = (sources: SourceRecord[], more: Partial<typeof container> = {}): ReturnType<typeof DP111.run> =>
  DP111.run(
    inputOf({
      enforced: known(partition(without)),
      intended: intended(without),
      container: { ...container, sources, ...more },
    }),
  );

test('runc 1.2.0 to 1.2.3, by the list it recorded, whatever is installed now', () => {
  for (const version of ['1.2.0', '1.2.3'])
    expect(found(recordedBy(version))[0]).toMatchObject({
      rules: [{ type: 'c', major: [10, 10], minor: [200, 200] }],
      reasons: ['runc 1.2.0-rc1 to before 1.2.4', 'runc 1.2.4'],
    });
  expect(fixesOfFinding('DP111', found(recordedBy('1.2.2'))[0]!)).toEqual([
    { kind: 'upgrade', runtime: 'runc', version: '1.2.4' },
    { kind: 'ask-device', path: '/dev/net/tun' },
  ]);
});

test('crun 1.5 to 1.19, by its version', () => {
  const crun = (version: string): unknown[] =>
    found([config], { runtime: 'crun', runtimeVersion: { version, source: 'test', changedAt: null } });
  expect([crun('1.8.1').length, crun('1.19.1').length, crun('1.4.5').length, crun('1.20').length]).toEqual([
    1, 1, 0, 0,
  ]);
});

test('not for lists that have it, for a container without the node, or where it is allowed', () => {
  for (const version of ['1.1.15', '1.2.4', '1.3.6']) expect(found(recordedBy(version))).toEqual([]);
  const bare = { ...config, devices: [] };
  expect(found([bare, ...recordedBy('1.2.0').slice(1)])).toEqual([]);
  const allowed = rules('c 10:200 rw');
  const input = inputOf({
    enforced: known(partition(allowed)),
    intended: intended(allowed),
    container: { ...container, sources: recordedBy('1.2.0') },
  });
  expect(DP111.run(input)).toEqual([]);
});
