import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE } from '../../src/bdd/manager.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import { describePolicy, policyText } from '../../src/policy/policy-text.js';
import { summariseRegion } from '../../src/policy/region-summary.js';
import { formatRule, parseRule } from '../../src/policy/rule-text.js';
import { listRules } from '../../src/policy/to-rules.js';
import type { DeviceRule, Range } from '../../src/policy/types.js';
import { MAJOR_VARIABLES, MINOR_VARIABLES } from '../../src/policy/variables.js';
import { maskedRule, matches, requests, rule } from './generators.js';

const rules = fc.array(rule, { maxLength: 12 });

describe('rules of a set', () => {
  it('mean what the rules it was made from mean, request by request', () => {
    fc.assert(
      fc.property(fc.array(maskedRule, { maxLength: 8 }), (given) => {
        const space = new DeviceSpace(new BddManager());
        const set = space.forRules(given);
        const listing = listRules(set);
        expect(listing.remainder).toBeNull();
        for (const request of requests()) {
          const wanted = matches(given, request);
          if (set.contains(request) !== wanted || matches(listing.rules, request) !== wanted) {
            throw new Error(`${JSON.stringify(request)} should be ${String(wanted)}`);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are the same whoever wrote the list: order, splitting, repetition, detours and another manager change nothing', () => {
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 12 }),
        fc.array(rule, { maxLength: 4 }),
        fc.integer(),
        (given, noise, seed) => {
          const space = new DeviceSpace(new BddManager());
          const text = policyText(space.forRules(given));
          const other = new DeviceSpace(new BddManager());
          const detour = other.forRules(noise);
          const rewritten = shuffle([...given, ...given.flatMap(split)], seed);
          const set = rewritten.reduce((sum, each) => sum.union(other.forRule(each)), detour);
          const direct = other.forRules(given);
          expect(policyText(set.subtract(detour).union(direct.intersect(detour)))).toEqual(text);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('differ in text where the sets differ', () => {
    fc.assert(
      fc.property(rules, rules, (left, right) => {
        const space = new DeviceSpace(new BddManager());
        const [a, b] = [space.forRules(left), space.forRules(right)];
        expect(policyText(a).join('\n') === policyText(b).join('\n')).toBe(a.equals(b));
      }),
      { numRuns: 150 },
    );
  });

  it('hold no idle rule: leaving any one out loses requests', () => {
    fc.assert(
      fc.property(rules, (given) => {
        const space = new DeviceSpace(new BddManager());
        const set = space.forRules(given);
        const listed = listRules(set).rules;
        listed.forEach((_, index) => {
          expect(space.forRules(listed.filter((_each, at) => at !== index)).equals(set)).toBe(false);
        });
      }),
      { numRuns: 150 },
    );
  });

  it('allow at least as much in a rule as in one around it', () => {
    fc.assert(
      fc.property(rules, (given) => {
        const space = new DeviceSpace(new BddManager());
        const listed = listRules(space.forRules(given)).rules;
        for (const inner of listed) {
          for (const outer of listed) {
            if (inner === outer || inner.type !== outer.type) continue;
            if (contains(outer.major, inner.major) && contains(outer.minor, inner.minor)) {
              expect(inner.access).toEqual(expect.arrayContaining(outer.access));
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('survive printing and reading in both notations', () => {
    fc.assert(
      fc.property(maskedRule, fc.constantFrom('policy' as const, 'difference' as const), (given, notation) => {
        expect(parseRule(formatRule(given, notation), notation)).toEqual(given);
      }),
    );
  });
});

describe('sets that are no list of ranges', () => {
  const manager = new BddManager();
  const space = new DeviceSpace(manager);
  const reads = space.forRule(parseRule('c *:* {r}'));
  const bit = (variables: readonly number[], index: number): number => manager.variable(variables.at(-1 - index)!);

  it('prints a parity of two fields as masks', () => {
    const set = reads.intersect(space.fromRef(manager.xor(bit(MAJOR_VARIABLES, 0), bit(MINOR_VARIABLES, 0))));
    expect(policyText(set)).toEqual([
      'c *&0x1=0x0:*&0x1=0x1 {r}',
      'c *&0x1=0x1:*&0x1=0x0 {r}',
      'everything else is denied',
    ]);
  });

  it('prints minor equal to major as masks, or major by major, exactly', () => {
    const equal = manager.andAll(
      MAJOR_VARIABLES.map((_, i) => manager.equivalent(bit(MAJOR_VARIABLES, i), bit(MINOR_VARIABLES, i))),
    );
    const set = reads.intersect(space.fromRef(equal));
    const listing = listRules(set);
    expect(listing.remainder).toBeNull();
    expect(listing.rules).toHaveLength(4096);
  });

  it('gives up on a function without structure, says so, and stays true', () => {
    const products = Array.from({ length: 10 }, (_, i) =>
      manager.and(bit(MINOR_VARIABLES, i), bit(MINOR_VARIABLES, i + 10)),
    );
    const inner = products.reduce((sum, product) => manager.xor(sum, product), FALSE);
    const set = reads.intersect(space.fromRef(inner)).union(space.forRule(parseRule('b 8:0 rw')));
    const begin = process.cpuUsage();
    const { rules: listed, remainder } = listRules(set);
    expect(process.cpuUsage(begin).user).toBeLessThan(5_000_000);
    expect(listed.map((each) => formatRule(each))).toEqual(['b 8:0 rw']);
    expect(remainder?.equals(set.subtract(space.forRules(listed)))).toBe(true);
    // The inner product of two 10-bit halves is odd for 2^9 * (2^10 - 1) of the 2^20 minors.
    expect(summariseRegion(remainder!)).toEqual([
      { type: 'c', access: 'r', count: 4096n * 512n * 1023n, major: [0, 4095] },
    ]);
    expect(policyText(set)).toEqual([
      'b 8:0 rw',
      'c *:? {r}  2145386496 numbers that no short list describes',
      'everything else is denied',
    ]);
  });
});

describe('2,000 rules', () => {
  it('are listed, proved and printed within two seconds of computing', () => {
    const random = mulberry(20);
    const given = Array.from({ length: 2000 }, (): DeviceRule => {
      const [major, minor] = [Math.floor(random() * 512), Math.floor(random() * 4096)];
      return {
        type: random() < 0.5 ? 'b' : 'c',
        major: [major, major],
        minor: [minor, minor],
        access: ['-', 'r', 'w', 'rw'],
      };
    });
    const space = new DeviceSpace(new BddManager());
    const begin = process.cpuUsage();
    const described = describePolicy(space.forRules(given));
    expect(process.cpuUsage(begin).user).toBeLessThan(2_000_000);
    const distinct = new Set(given.map((each) => formatRule(each)));
    const single = described.listing.rules.flatMap((each) => expand(each).map((one) => formatRule(one)));
    expect(new Set(single)).toEqual(distinct);
    expect(single).toHaveLength(distinct.size);
  });
});

function contains([low, high]: Range, [innerLow, innerHigh]: Range): boolean {
  return low <= innerLow && innerHigh <= high;
}

/** The same requests as two rules. */
function split(given: DeviceRule): DeviceRule[] {
  const [low, high] = given.minor;
  const middle = Math.floor((low + high) / 2);
  if (low === high) return given.access.map((access) => ({ ...given, access: [access] }));
  return [
    { ...given, minor: [low, middle] },
    { ...given, minor: [middle + 1, high] },
  ];
}

function expand(given: DeviceRule): DeviceRule[] {
  const numbers = ([low, high]: Range): number[] => Array.from({ length: high - low + 1 }, (_, i) => low + i);
  return numbers(given.major).flatMap((major) =>
    numbers(given.minor).map((minor): DeviceRule => ({ ...given, major: [major, major], minor: [minor, minor] })),
  );
}

function shuffle<T>(items: T[], seed: number): T[] {
  const random = mulberry(seed);
  return items
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

/** Small seeded generator (mulberry32), so that a failing run can be repeated. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
