import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { policyText } from '../../src/policy/policy-text.js';
import { parseRule } from '../../src/policy/rule-text.js';
import { listRules } from '../../src/policy/to-rules.js';
import { MAJOR_BITS, majorVariable, MINOR_BITS, minorVariable } from '../../src/policy/variables.js';

const space = new DeviceSpace(new BddManager());
const setOf = (...rules: string[]): DeviceSet => space.forRules(rules.map((rule) => parseRule(rule)));

describe('the text of a policy', () => {
  it.each<{ name: string; rules: string[]; text: string[] }>([
    { name: 'nothing', rules: [], text: ['everything is denied'] },
    { name: 'everything', rules: ['b *:* rwm', 'c *:* rwm'], text: ['everything is allowed'] },
    {
      name: 'what a container gets',
      rules: [
        'c *:* m',
        'b *:* m',
        'c 1:3 rwm',
        'c 1:5 rwm',
        'c 1:7 rwm',
        'c 1:8 rwm',
        'c 1:9 rwm',
        'c 5:0 rwm',
        'c 5:2 rwm',
        'c 136:* rwm',
        'c 10:200 rwm',
      ],
      text: [
        'c *:* m',
        'b *:* m',
        'c 1:3,5,7-9 rwm',
        'c 5:0,2 rwm',
        'c 10:200 rwm',
        'c 136:* rwm',
        'everything else is denied',
      ],
    },
    {
      name: 'separate rules for r and w',
      rules: ['c 1:3 r', 'c 1:3 w'],
      text: ['c 1:3 {-,r,w}', 'everything else is denied'],
    },
    {
      name: 'a narrower rule inside a range',
      rules: ['c 226:0-127 r', 'c 226:5 rw'],
      text: ['c 226:0-127 r', 'c 226:5 rw', 'everything else is denied'],
    },
    {
      name: 'majors that touch',
      rules: ['b 8:0-15 rw', 'b 9:0-15 rw', 'b 10:0-15 rw'],
      text: ['b 8-10:0-15 rw', 'everything else is denied'],
    },
    {
      name: 'a minor of every major',
      rules: ['c *:5 rw', 'c 1:3 rwm'],
      text: ['c *:5 rw', 'c 1:3 rwm', 'everything else is denied'],
    },
    {
      name: 'two rules that make one',
      rules: ['c 226:0-63 rw', 'c 226:64-127 rw'],
      text: ['c 226:0-127 rw', 'everything else is denied'],
    },
    {
      name: 'a rule within another',
      rules: ['c 1:* rwm', 'c 1:3 r'],
      text: ['c 1:* rwm', 'everything else is denied'],
    },
    { name: 'odd minors', rules: ['c 10:*&0x1=0x1 rw'], text: ['c 10:*&0x1=0x1 rw', 'everything else is denied'] },
    { name: 'the check alone', rules: ['c 1:3 -'], text: ['c 1:3 -', 'everything else is denied'] },
  ])('$name', ({ rules, text }) => {
    expect(policyText(setOf(...rules))).toEqual(text);
  });

  it('prints exceptions where the default is to allow', () => {
    const denied = space.forRule(parseRule('c 10:* {m}')).union(space.forRule(parseRule('c 1:3 {w,rw}')));
    expect(policyText(denied.complement())).toEqual([
      'deny c 1:3 {w,rw}',
      'deny c 10:* m',
      'everything else is allowed',
    ]);
    expect(policyText(setOf('b 8:0 rwm').complement())).toEqual(['deny b 8:0 rwm-', 'everything else is allowed']);
  });
});

/** Where the bytes of major and minor add up to 9 modulo 32: a small diagram, but more rules than anybody wants to read. */
function checksum(manager: BddManager): Ref {
  const variables = [
    ...Array.from({ length: MAJOR_BITS }, (_, bit) => ({ variable: majorVariable(bit), weight: 1 << (bit % 8) })),
    ...Array.from({ length: MINOR_BITS }, (_, bit) => ({ variable: minorVariable(bit), weight: 1 << (bit % 8) })),
  ].sort((a, b) => b.variable - a.variable);
  let layer = Array.from({ length: 32 }, (_, sum) => (sum === 9 ? TRUE : FALSE));
  for (const { variable, weight } of variables)
    layer = layer.map((low, sum) => manager.node(variable, low, layer[(sum + weight) % 32]!));
  return layer[0]!;
}

describe('the rules of a policy that is no list', () => {
  it('are bounded, and so is the work', () => {
    const { manager } = space;
    const set = space.fromRef(checksum(manager));
    const before = manager.steps;
    const { rules, remainder } = listRules(set);
    expect(manager.steps - before).toBeLessThan(4_000_000);
    expect(rules.length).toBeLessThanOrEqual(16384);
    expect(remainder).not.toBeNull();
    expect(space.forRules(rules).union(remainder!).equals(set)).toBe(true);
  });

  it('name the majors that are a list', () => {
    const { manager } = space;
    const hashed = space.fromRef(checksum(manager)).intersect(setOf('c 0-255:* rwm'));
    const { rules } = listRules(hashed.union(setOf('c 300:1-5 rw', 'c 301:7 r')));
    expect(rules.filter(({ major }) => major[0] >= 300)).toHaveLength(2);
  });
});
