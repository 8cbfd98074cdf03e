import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import { ALLOCATED, BY_DRIVER } from '../../src/policy/device-table.js';
import { impactsOf } from '../../src/policy/impact.js';
import { DeviceNames } from '../../src/policy/names.js';
import { ruleLines } from '../../src/policy/policy-text.js';
import { parseProcDevices } from '../../src/policy/proc-devices.js';
import { parseRule } from '../../src/policy/rule-text.js';
import { listRules } from '../../src/policy/to-rules.js';

const PROC_DEVICES = `Character devices:
  1 mem
  4 /dev/vc/0
  4 tty
 10 misc
136 pts
203 cpu/cpuid
234 nvidia-uvm
245 hidraw
511 something new

Block devices:
  7 loop
253 zram
254 device-mapper
`;
const names = new DeviceNames({
  nodes: [
    { path: '/dev/mine', type: 'c', major: 1, minor: 3 },
    { path: '/dev/null', type: 'c', major: 1, minor: 3 },
    { path: '/dev/gone', type: null, major: 0, minor: 0 },
  ],
  procDevices: PROC_DEVICES,
});
const table = new DeviceNames();
const describeText = (...rules: string[]): string => table.describe(rules.map((rule) => parseRule(rule)));

describe('names of device numbers', () => {
  it.each([
    ['c', 1, 3, '/dev/mine', 'node'],
    ['c', 1, 5, '/dev/zero', 'devices.txt'],
    ['c', 10, 200, '/dev/net/tun', 'devices.txt'],
    ['c', 136, 7, '/dev/pts/7', 'devices.txt'],
    ['c', 4, 65, '/dev/ttyS1', 'devices.txt'],
    ['c', 195, 255, '/dev/nvidiactl', 'devices.txt'],
    ['c', 226, 129, '/dev/dri/renderD129', 'devices.txt'],
    ['c', 234, 0, '/dev/nvidia-uvm*', 'proc-devices'],
    ['c', 245, 2, '/dev/hidraw2', 'proc-devices'],
    ['c', 511, 2, 'driver something new', 'proc-devices'],
    ['b', 254, 3, '/dev/dm-3', 'proc-devices'],
    ['b', 7, 3, '/dev/loop3', 'devices.txt'],
  ] as const)('%s %i:%i is %s (%s)', (type, major, minor, name, source) => {
    expect(names.nameOf(type, major, minor)).toEqual({ name, source });
  });

  it('says nothing where nothing is known', () => {
    expect(table.nameOf('c', 245, 2)).toBeNull();
    expect(table.nameOf('c', 10, 77)).toBeNull();
    expect(describeText('c 245:2 rw')).toBe('');
    expect(describeText('c 10:*&0x1=0x1 rw')).toBe('');
  });

  it('describes rules in few words', () => {
    expect(describeText('c 1:3 rwm', 'c 1:5 rwm', 'c 1:7-9 rwm')).toBe('null zero full random urandom');
    expect(describeText('c 10:200 rwm')).toBe('/dev/net/tun');
    expect(describeText('c 136:* rwm')).toBe('/dev/pts/*');
    expect(describeText('c *:* m')).toBe('every character device');
    expect(describeText('c 226:128-191 rw')).toBe('/dev/dri/renderD*');
    expect(describeText('b 8-4095:* rw').split(' ')).toHaveLength(4);
    expect(names.describe([parseRule('c 245:* rw')])).toBe('/dev/hidraw*');
  });

  it('has a table in which the first row of a number is its own and ranges are sound', () => {
    for (const [type, major, first, last, name] of ALLOCATED) {
      expect(first).toBeLessThanOrEqual(last);
      expect(name).toMatch(/^\/dev\/[A-Za-z0-9/#@*._-]+$/);
      if (first === last)
        expect(table.nameOf(type, major, first)?.name).toBe(name.replace('#', '0').replace('@', String(first)));
    }
    for (const key of BY_DRIVER.keys()) expect(key).toMatch(/^[bc] [^ ]+$/);
  });

  it('reads /proc/devices, names with slashes and hostile lines included', () => {
    expect(parseProcDevices(PROC_DEVICES)).toContainEqual({ type: 'c', major: 203, name: 'cpu/cpuid' });
    expect(parseProcDevices(PROC_DEVICES)).toContainEqual({ type: 'b', major: 7, name: 'loop' });
    expect(parseProcDevices('Character devices:\n  1 mem\n\nBlock devices:\n')).toEqual([
      { type: 'c', major: 1, name: 'mem' },
    ]);
  });
});

describe('what a loss means', () => {
  const space = new DeviceSpace(new BddManager());
  const words = (...rules: string[]): string[] =>
    impactsOf(space.forRules(rules.map((rule) => parseRule(rule, 'difference'))), names).map(({ key }) => key);

  it('names what stops working, the worst first, each thing once', () => {
    expect(words('c 10:200 rw', 'c 136:* rw', 'c 5:2 rw', 'c 1:3 rw', 'c 234:0 rw', 'c 195:0 rw')).toEqual([
      'null',
      'terminal',
      'tun',
      'gpu-nvidia',
    ]);
    expect(words('c 234:0-1 w')).toEqual(['gpu-nvidia']);
  });

  it('counts opening alone', () => {
    expect(words('c *:* m', 'b *:* m-')).toEqual([]);
    expect(words('c 1:3 -')).toEqual([]);
    expect(words('c 1:3 {rw}')).toEqual(['null']);
  });

  it('judges a wide loss by the devices that are there', () => {
    const lost = space.forRule(parseRule('c *:* rwm'));
    const held = space.forRules(listRules(space.forRule(parseRule('c 10:229 rw'))).rules);
    expect(impactsOf(lost, names, held).map(({ words: text }) => text)).toEqual(['FUSE mounts fail']);
  });
});

describe('lines', () => {
  it('join rules that differ in the minor alone', () => {
    const rules = ['c 1:3 rwm', 'c 1:5 rwm', 'c 1:7-9 rwm', 'c 5:0 rwm', 'c 1:11 r'].map((rule) => parseRule(rule));
    expect(ruleLines(rules, 'policy').map(({ type, numbers, access }) => `${type} ${numbers} ${access}`)).toEqual([
      'c 1:3,5,7-9 rwm',
      'c 5:0 rwm',
      'c 1:11 r',
    ]);
  });
});
