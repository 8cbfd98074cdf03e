import { expect, test } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import {
  configuredPolicy,
  custodyChanges,
  responsibleChanges,
  type Hop,
  type HopName,
} from '../../src/intent/custody-chain.js';
import { decidedPartition, partitionWith } from '../../src/intent/set.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { formatRule } from '../../src/policy/rule-text.js';
import type { OciConfigSource, RawDeviceRule } from '../../src/snapshot/types.js';
import { regionRules } from '../../src/verify/region-rules.js';

const space = new DeviceSpace(new BddManager());
/** All requests for a device, those that combine m with others too: a runtime's rule of all three letters tests no access at all. */
const set = (...devices: string[]): DeviceSet =>
  space.unionAll(
    devices.map((device) => {
      const [type = '', major = '', minor = ''] = device.split(/[ :]/);
      return space.forPattern({
        type: type === 'b' ? 'b' : 'c',
        major: Number(major),
        minor: minor === '*' ? null : Number(minor),
        access: () => true,
      });
    }),
  );

function hop(name: HopName, allowed: DeviceSet, undecided: DeviceSet = space.nothing): Hop {
  const policy = partitionWith(allowed, [{ region: undecided, reason: 'test' }]);
  return { name, source: name, policy, complete: name !== 'asked', unresolved: [] };
}

/** "runtime>systemd c 1:3 rwm" for each part. */
function blamed(hops: Hop[], region: DeviceSet, what: 'lost' | 'added'): string[] {
  return responsibleChanges(custodyChanges(hops), region, what).map(
    ({ change, region: part }) =>
      `${change.from.name}>${change.to.name} ${regionRules(part)
        .rules.map((rule) => formatRule(rule))
        .join()}`,
  );
}

const NULL = 'c 1:3';
const TUN = 'c 10:200';
const GPU = 'c 195:0';

test('each part of a region goes to the change that lost it', () => {
  const hops = [
    hop('asked', set(GPU)),
    hop('config', set(NULL)),
    hop('runtime', set(NULL, TUN)),
    hop('systemd', set(NULL)),
    hop('kernel', space.nothing),
  ];
  expect(blamed(hops, set(NULL, TUN, GPU), 'lost')).toEqual([
    expect.stringMatching(/^asked>config c 195:0 /),
    expect.stringMatching(/^runtime>systemd c 10:200 /),
    expect.stringMatching(/^systemd>kernel c 1:3 /),
  ]);
});

test('what was lost and came back is blamed on the last loss', () => {
  const hops = [
    hop('asked', set(NULL)),
    hop('config', space.nothing),
    hop('runtime', set(NULL)),
    hop('kernel', space.nothing),
  ];
  expect(blamed(hops, set(NULL), 'lost')).toEqual([expect.stringMatching(/^runtime>kernel /)]);
});

test('what a station in between leaves undecided is nobody’s', () => {
  const hops = [hop('config', set(TUN)), hop('runtime', space.nothing, set(TUN)), hop('kernel', space.nothing)];
  expect(blamed(hops, set(TUN), 'lost')).toEqual([]);
});

test('what was refused from the beginning is nobody’s', () => {
  expect(blamed([hop('config', space.nothing), hop('kernel', space.nothing)], set(TUN), 'lost')).toEqual([]);
});

test('added: by the station after which it is allowed; never against a list of wishes', () => {
  const hops = [
    hop('asked', space.nothing),
    hop('config', set(NULL)),
    hop('runtime', set(NULL, TUN)),
    hop('kernel', set(NULL, TUN, GPU)),
  ];
  expect(blamed(hops, set(NULL, TUN, GPU), 'added')).toEqual([
    expect.stringMatching(/^config>runtime c 10:200 /),
    expect.stringMatching(/^runtime>kernel c 195:0 /),
  ]);
});

function config(
  ...rules: [allow: boolean, type: string, major: number | null, minor: number | null, access: string][]
) {
  const resourcesDevices = rules.map(([allow, type, major, minor, access]): RawDeviceRule => ({
    allow,
    type,
    major,
    minor,
    access,
  }));
  return { kind: 'oci-config', path: '/b/config.json', resourcesDevices } as OciConfigSource;
}

test('a configuration’s list by itself: no built-in is in it', () => {
  const policy = configuredPolicy(space, config([false, 'a', null, null, 'rwm'], [true, 'c', 10, 200, 'rwm']));
  expect(policy?.allowed.ref).toBe(set(TUN).ref);
});

test('no list allows nothing, and a denylist all but what it names', () => {
  expect(configuredPolicy(space, config())).toEqual(decidedPartition(space.nothing));
  const policy = configuredPolicy(space, config([true, 'a', null, null, 'rwm'], [false, 'c', 10, 200, 'rwm']));
  expect(policy?.denied.ref).toBe(set(TUN).ref);
});

test('a list that current runc refuses is read by its last matching rule', () => {
  const policy = configuredPolicy(space, config([true, 'c', 10, null, 'rwm'], [false, 'c', 10, 200, 'rwm']));
  expect(policy?.allowed.ref).toBe(set('c 10:*').subtract(set(TUN)).ref);
});

test('a list with rules nobody can read is no station', () => {
  expect(configuredPolicy(space, config([true, 'x', 1, 2, 'rwm']))).toBeNull();
});
