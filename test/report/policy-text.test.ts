import { expect, test } from 'vitest';
import { DeviceNames } from '../../src/policy/names.js';
import { policyBlock, policyLines } from '../../src/report/policy-text.js';
import { PLAIN } from '../../src/report/style.js';
import { partition, rules, space } from '../verify/subject-builder.js';

const block = (policy: ReturnType<typeof partition>): string[] => policyBlock('', policy, new DeviceNames(), PLAIN);
const open = { region: rules('c 10:200 rwm'), reason: 'depends:uid' };

test('a list of what is allowed, with names', () => {
  expect(block(partition(rules('c *:* m', 'c 1:3 rwm', 'c 1:5 rwm')))).toEqual([
    'ALLOWED, everything else is denied',
    '  c *:*    m    every character device',
    '  c 1:3,5  rwm  null zero',
  ]);
});

test('where nearly everything is allowed, what is denied', () => {
  expect(block(partition(space.everything.subtract(rules('b 8:0 rwm'))))).toEqual([
    'DENIED, everything else is allowed',
    '  b 8:0  rwm-  /dev/sd*',
  ]);
});

test('everything and nothing', () => {
  expect(block(partition(space.everything))).toEqual(['EVERYTHING IS ALLOWED']);
  expect(block(partition(space.nothing))).toEqual(['EVERYTHING IS DENIED']);
});

test('what is undecided is neither allowed nor denied, whichever list is printed', () => {
  expect(block(partition(rules('c 1:3 rw'), [open]))).toEqual([
    'ALLOWED, everything else is denied, but for what is undecided',
    '  c 1:3  rw  /dev/null',
    'UNDECIDED, because: depends:uid',
    '  c 10:200  rwm-  /dev/net/tun',
  ]);
  expect(block(partition(space.nothing, [open]))[0]).toBe(
    'NOTHING IS ALLOWED FOR CERTAIN; everything is denied, but for what is undecided',
  );
  expect(block(partition(space.everything, [open]))[0]).toBe(
    'NOTHING IS DENIED FOR CERTAIN; everything is allowed, but for what is undecided',
  );
  expect(block(partition(space.everything.subtract(rules('b 8:0 rwm')), [open])).slice(0, 2)).toEqual([
    'DENIED, everything else is allowed, but for what is undecided',
    '  b 8:0  rwm-  /dev/sd*',
  ]);
});

test('lines for programs say the same', () => {
  expect(policyLines(partition(rules('c 1:3 rw'), [open]))).toEqual([
    'c 1:3 rw',
    'everything else is denied, but for what is undecided',
    'undecided (depends:uid): c 10:200 rwm-',
  ]);
  expect(policyLines(partition(space.everything.subtract(rules('b 8:0 rwm'))))).toEqual([
    'deny b 8:0 rwm-',
    'everything else is allowed',
  ]);
});

test('0:0, which the kernel never asks, does not show', () => {
  const zero = space.neverAsked;
  expect(policyLines(partition(rules('c *:* m').union(zero)))).toEqual(
    policyLines(partition(rules('c *:* m').subtract(zero))),
  );
});

test('where nothing is decided no default is named', () => {
  // 0:0 is allowed whatever the programs say: that alone decides nothing
  const all = { region: space.everything.subtract(space.neverAsked), reason: 'depends:map:7' };
  const policy = partition(space.neverAsked, [all]);
  expect(block(policy)[0]).toBe('NOTHING IS DECIDED');
  expect(policyLines(policy)).toContain('nothing is decided');
  expect(policyLines(policy).join('\n')).not.toMatch(/everything/);
});
