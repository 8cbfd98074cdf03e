import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { InternalError } from '../../src/errors.js';
import { assertPartition, comparePolicies, decided, type Partition } from '../../src/policy/difference.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { formatRequest, parseRule } from '../../src/policy/rule-text.js';
import { pickWitness } from '../../src/policy/witness.js';
import { maskedRule, matches, requests } from './generators.js';

const space = new DeviceSpace(new BddManager());
const setOf = (...rules: string[]): DeviceSet => space.forRules(rules.map((rule) => parseRule(rule)));

describe('device sets', () => {
  it('combine as sets do, request by request', () => {
    fc.assert(
      fc.property(fc.array(maskedRule, { maxLength: 5 }), fc.array(maskedRule, { maxLength: 5 }), (left, right) => {
        const [a, b] = [space.forRules(left), space.forRules(right)];
        const [union, both, less, not] = [a.union(b), a.intersect(b), a.subtract(b), a.complement()];
        let outside = 0;
        for (const request of requests()) {
          const [inA, inB] = [matches(left, request), matches(right, request)];
          const answers = [a, union, both, less, not].map((set) => set.contains(request));
          expect(answers).toEqual([inA, inA || inB, inA && inB, inA && !inB, !inA]);
          if (inA && !inB) outside++;
        }
        if (outside > 0) expect(a.implies(b)).toBe(false);
        expect(a.implies(union) && both.implies(a) && less.intersect(b).isEmpty()).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('count as inclusion and exclusion say', () => {
    fc.assert(
      fc.property(fc.array(maskedRule, { maxLength: 4 }), fc.array(maskedRule, { maxLength: 4 }), (left, right) => {
        const [a, b] = [space.forRules(left), space.forRules(right)];
        expect(a.union(b).count() + a.intersect(b).count()).toBe(a.count() + b.count());
        expect(a.count() + a.complement().count()).toBe(10n << 32n);
      }),
    );
    expect(setOf('c 226:0-127 rw').count()).toBe(128n * 4n);
    expect(setOf('c *:*&0x1=0x1 {r}').count()).toBe(1n << 31n);
  });

  it('do not count the access values the kernel never asks, and still answer them', () => {
    const subset = space.forPattern({ type: 'c', major: 1, minor: 3, access: (access) => (access & 7) === access });
    const named = setOf('c 1:3 rwm');
    expect(subset.equals(named)).toBe(true);
    expect(subset.contains({ type: 'c', major: 1, minor: 3, access: 3 })).toBe(true);
    expect(named.contains({ type: 'c', major: 1, minor: 3, access: 3 })).toBe(false);
    expect(subset.subtract(named).isEmpty()).toBe(true);
    expect(subset.count()).toBe(5n);
  });

  it('take numbers beyond the kernel for no device at all', () => {
    const pattern = { type: 'a' as const, major: null, minor: null, access: () => true };
    expect(space.forPattern({ ...pattern, major: 4096 }).isEmpty()).toBe(true);
    expect(space.forPattern({ ...pattern, minor: -1 }).isEmpty()).toBe(true);
    expect(space.forPattern(pattern).equals(space.everything)).toBe(true);
    expect(() => space.forRule({ type: 'c', major: [0, 4096], minor: [0, 0], access: ['r'] })).toThrow(RangeError);
    expect(() => space.everything.contains({ type: 'c', major: 1, minor: 1048576, access: 2 })).toThrow(RangeError);
  });

  it('know what is never asked: 0:0, but for mknod of a block device', () => {
    expect(space.neverAsked.count()).toBe(9n);
    expect(space.neverAsked.contains({ type: 'b', major: 0, minor: 0, access: 1 })).toBe(false);
    expect(space.neverAsked.contains({ type: 'c', major: 0, minor: 0, access: 1 })).toBe(true);
  });

  it('of different spaces do not combine', () => {
    expect(() => space.everything.union(new DeviceSpace(new BddManager()).everything)).toThrow(TypeError);
  });
});

describe('a witness', () => {
  it.each<[string[], string]>([
    [['c *:* rwm', 'b *:* rwm'], 'c 1:3 rw'],
    [['c 1:* {m}'], 'c 1:3 m'],
    [['c 136:* rw', 'c 200:0 rw'], 'c 136:0 rw'],
    [['b 8:0-15 {-}'], 'b 8:0 -'],
    [['c 240:7-9 {w,m}', 'c 0:1 rw'], 'c 240:7 w'],
    [['c 0:5 {r}'], 'c 0:5 r'],
    [['b 100:3 r', 'c 2000:4 r'], 'c 2000:4 r'],
  ])('of %j is %j', (rules, witness) => {
    expect(formatRequest(pickWitness(setOf(...rules))!)).toBe(witness);
  });

  it('prefers devices the container has', () => {
    const known = [
      { type: 'c' as const, major: 5000, minor: 0 },
      { type: 'c' as const, major: 10, minor: 57 },
    ];
    expect(formatRequest(pickWitness(setOf('c *:* rwm'), known)!)).toBe('c 10:57 rw');
  });

  it('is a member whenever there is one', () => {
    fc.assert(
      fc.property(fc.array(maskedRule, { maxLength: 3 }), (rules) => {
        const set = space.forRules(rules);
        const witness = pickWitness(set);
        expect(witness === null).toBe(set.isEmpty());
        if (witness !== null) expect(matches(rules, witness)).toBe(true);
      }),
    );
  });
});

describe('the difference of two policies', () => {
  const partition = (allowed: DeviceSet, undecided: DeviceSet): Partition => ({
    allowed: allowed.subtract(undecided),
    denied: allowed.complement().subtract(undecided),
    undecided,
  });

  it('names what is missing and what is in excess, each with a witness', () => {
    const result = comparePolicies(decided(setOf('c 1:3 rwm', 'c 5:2 rw')), decided(setOf('c 1:3 rwm', 'b 8:0 r')));
    expect(result.missing?.set.equals(setOf('c 5:2 rw'))).toBe(true);
    expect(formatRequest(result.missing!.witness)).toBe('c 5:2 rw');
    expect(result.excess?.set.equals(setOf('b 8:0 r'))).toBe(true);
    expect(result.undecided).toBeNull();
  });

  it('of equal policies is empty', () => {
    const policy = decided(setOf('c *:* m', 'c 1:3 rwm'));
    expect(comparePolicies(policy, policy)).toEqual({ missing: null, excess: null, undecided: null });
  });

  it('leaves undecided what either side leaves undecided', () => {
    const wanted = setOf('c 1:3 rwm', 'c 10:200 rw');
    const open = setOf('c 10:* rwm');
    const result = comparePolicies(decided(wanted), partition(setOf('c 1:3 rwm'), open));
    expect(result.missing).toBeNull();
    expect(result.excess).toBeNull();
    expect(result.undecided?.set.equals(open)).toBe(true);
    expect(
      comparePolicies(partition(wanted, open), decided(space.everything)).excess?.set.intersect(open).isEmpty(),
    ).toBe(true);
  });

  it('does not speak of what the kernel never asks', () => {
    const result = comparePolicies(decided(setOf('c 0:0 rwm')), decided(setOf('b 0:0 rwm')));
    expect(result.missing).toBeNull();
    expect(result.excess?.set.equals(setOf('b 0:0 {m}'))).toBe(true);
  });

  it('partitions the space whatever the two policies are', () => {
    const rules = fc.array(maskedRule, { maxLength: 4 });
    fc.assert(
      fc.property(rules, rules, rules, rules, (a, b, c, d) => {
        const [wanted, actual] = [
          partition(space.forRules(a), space.forRules(b)),
          partition(space.forRules(c), space.forRules(d)),
        ];
        const { missing, excess, undecided } = comparePolicies(wanted, actual);
        const agree = wanted.allowed.intersect(actual.allowed).union(wanted.denied.intersect(actual.denied));
        const parts = [missing, excess, undecided].map((region) => region?.set ?? space.nothing);
        const never = space.neverAsked.subtract(agree);
        expect([agree, never, ...parts].reduce((sum, set) => sum + set.count(), 0n)).toBe(space.everything.count());
        for (const region of [missing, excess, undecided]) {
          if (region !== null) expect(region.set.contains(region.witness)).toBe(true);
        }
      }),
    );
  });

  it('refuses what is no partition', () => {
    const some = setOf('c 1:3 r');
    expect(() => {
      assertPartition({ allowed: some, denied: space.nothing, undecided: space.nothing });
    }).toThrow(InternalError);
    expect(() => {
      assertPartition({ allowed: some, denied: space.everything, undecided: space.nothing });
    }).toThrow(InternalError);
    expect(() => {
      assertPartition({ allowed: some, denied: some.complement(), undecided: some });
    }).toThrow(InternalError);
  });
});
