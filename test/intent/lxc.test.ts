import { describe, expect, it } from 'vitest';
import { NOTHING_KNOWN } from '../../src/intent/dialects.js';
import { intendedFromLxc, type LxcContext } from '../../src/intent/lxc.js';
import { parseLxcValue } from '../../src/intent/lxc-compile.js';
import type { IntendedPolicy } from '../../src/intent/types.js';
import type { NodeRecord } from '../../src/snapshot/types.js';
import { answers, capture, disagreements, lxcConfig, oracle, space } from './captures.js';

const NODES: ReadonlyMap<string, NodeRecord> = new Map([
  ['/dev/fuse', { path: '/dev/fuse', type: 'c', major: 10, minor: 229 }],
  ['/dev/gone', { path: '/dev/gone', type: null, major: 0, minor: 0 }],
]);

function context(version: string | null, other: Partial<LxcContext> = {}): LxcContext {
  return { version: { ...NOTHING_KNOWN, exact: version }, nodes: NODES, runtime: 'lxc', pureUnified: true, ...other };
}

function intended(lines: string[], version: string | null, other: Partial<LxcContext> = {}): IntendedPolicy {
  const text = lines.map((line) => `lxc.cgroup2.devices.${line.replace(' ', ' = ')}`).join('\n');
  return intendedFromLxc(space(), lxcConfig(text), context(version, other));
}

describe('LXC: captured containers', () => {
  it.each([
    ['trixie-lxc-6.0.4/std', 'config'],
    ['trixie-incus-6.0.4/privileged', 'lxc.conf'],
  ])('%s: intended equals the kernel', (name, file) => {
    const policy = intendedFromLxc(space(), lxcConfig(capture(name).read(file)), context('1:6.0.4-4+deb13u4'));
    expect(disagreements(policy.allowed, oracle(capture(name)))).toEqual([]);
    expect(policy.undecided).toEqual([]);
    expect(policy.attaches).toBe('program');
  });
});

interface Case {
  readonly name: string;
  readonly lines: string[];
  readonly version: string;
  readonly wanted: Record<string, boolean>;
  readonly attaches?: string;
  readonly warnings?: string[];
}

const CASES: Case[] = [
  {
    name: 'deny a, allow one',
    lines: ['deny a', 'allow c 1:3 rwm'],
    version: '6.0.4',
    wanted: { 'c 1:3 rw': true, 'c 1:5 r': false },
  },
  {
    name: 'only deny a: nothing attached',
    lines: ['deny a'],
    version: '5.0.2',
    wanted: { 'c 1:3 rw': true },
    attaches: 'none',
  },
  {
    name: 'only deny a, 4.0.6: the default is in the list',
    lines: ['deny a'],
    version: '4.0.6',
    wanted: { 'c 1:3 rw': false },
    attaches: 'program',
  },
  {
    name: 'only deny lines: everything is denied',
    lines: ['deny c 1:3 rwm'],
    version: '6.0.4',
    wanted: { 'c 1:5 r': false, 'c 1:3 r': false },
    warnings: ['deny-ineffective'],
  },
  {
    name: 'a deny in an allowlist is ignored',
    lines: ['deny a', 'allow c 1:3 rwm', 'deny c 1:3 w'],
    version: '6.0.4',
    wanted: { 'c 1:3 w': true },
    warnings: ['deny-ineffective'],
  },
  {
    name: 'the same text flips the entry',
    lines: ['deny a', 'allow c 1:3 rwm', 'deny c 1:3 rwm'],
    version: '6.0.4',
    wanted: { 'c 1:3 w': false },
  },
  {
    name: 'letters in another order are another text',
    lines: ['deny a', 'allow c 1:3 rwm', 'deny c 1:3 mwr'],
    version: '6.0.4',
    wanted: { 'c 1:3 w': true },
  },
  {
    name: 'denylist',
    lines: ['allow a', 'deny b 8:* rwm', 'allow c 1:3 rwm'],
    version: '6.0.4',
    wanted: { 'b 8:0 r': false, 'c 1:3 r': true },
    warnings: ['rule-ignored'],
  },
  {
    name: 'denylist: the deny-w hole',
    lines: ['allow a', 'deny b 8:* w'],
    version: '6.0.4',
    wanted: { 'b 8:0 w': false, 'b 8:0 rw': true, 'b 8:0 -': false },
    warnings: ['deny-hole', 'deny-check'],
  },
  {
    name: '`a` forgets what stood before',
    lines: ['allow c 1:3 rwm', 'deny a', 'allow c 1:5 rwm'],
    version: '6.0.4',
    wanted: { 'c 1:3 r': false, 'c 1:5 r': true },
  },
  {
    name: '`a` forgets nothing in 4.0.6',
    lines: ['allow c 1:3 rwm', 'deny a', 'allow c 1:5 rwm'],
    version: '4.0.6',
    wanted: { 'c 1:3 r': true, 'c 1:5 r': true },
  },
  {
    name: '4.0.6: config order, first match wins',
    lines: ['deny a', 'deny c 1:3 w', 'allow c 1:* rwm'],
    version: '4.0.6',
    wanted: { 'c 1:3 w': false, 'c 1:3 rw': true, 'c 1:5 w': true },
  },
  {
    name: '4.0.6: an allow first makes the deny behind it dead',
    lines: ['allow c 1:* rwm', 'deny c 1:3 w'],
    version: '4.0.6',
    wanted: { 'c 1:3 w': true },
  },
  {
    name: 'a typed "a" rule with numbers is any type',
    lines: ['deny a', 'allow a 8:0 r'],
    version: '6.0.4',
    wanted: { 'b 8:0 r': true, 'c 8:0 r': true, 'c 8:0 w': false },
  },
  {
    name: 'a path',
    lines: ['deny a', 'allow /dev/fuse rw'],
    version: '6.0.4',
    wanted: { 'c 10:229 rw': true, 'c 10:229 m': false },
  },
];

describe('LXC: lists', () => {
  it.each(CASES.map((each) => [each.name, each] as const))(
    '%s',
    (_, { lines, version, wanted, attaches, warnings }) => {
      const policy = intended(lines, version);
      expect(answers(policy.allowed, wanted)).toEqual(wanted);
      expect(policy.attaches).toBe(attaches ?? 'program');
      if (warnings !== undefined) expect([...new Set(policy.warnings.map(({ code }) => code))]).toEqual(warnings);
    },
  );
  it('keys of cgroup v1 attach nothing and are said', () => {
    const policy = intendedFromLxc(
      space(),
      lxcConfig('lxc.cgroup.devices.deny = a\nlxc.cgroup.devices.allow = c 1:3 rwm'),
      context('6.0.4'),
    );
    expect([policy.attaches, policy.attachesReason, policy.restricts]).toEqual(['none', 'lxc:cgroup-v1-keys', true]);
    expect(policy.warnings.map(({ code }) => code)).toEqual(['wrong-cgroup-version', 'wrong-cgroup-version']);
  });
  it('no keys at all: nothing attached and nothing meant to be refused', () => {
    const policy = intended([], '6.0.4');
    expect([policy.attaches, policy.restricts]).toEqual(['none', false]);
  });
  it('an unknown path leaves its rights undecided, a path that is no device is refused', () => {
    const open = intended(['deny a', 'allow /dev/kvm rw'], '6.0.4');
    expect(open.undecided.map(({ reason }) => reason)).toEqual(['node:/dev/kvm']);
    expect(open.undecided[0]!.region.contains({ type: 'b', major: 8, minor: 0, access: 6 })).toBe(true);
    expect(open.denied.contains({ type: 'b', major: 8, minor: 0, access: 1 })).toBe(true);
    expect(intended(['deny a', 'allow /dev/gone rw'], '6.0.4').couldNotStart).toContain('/dev/gone');
  });
  it('an empty value clears its key', () => {
    const policy = intended(['deny a', 'allow c 1:3 rwm', 'allow ', 'allow c 1:5 rwm'], '6.0.4');
    const wanted = { 'c 1:3 r': false, 'c 1:5 r': true };
    expect(answers(policy.allowed, wanted)).toEqual(wanted);
  });
  it('hybrid hosts get no program', () => {
    expect(intended(['deny a', 'allow c 1:3 rwm'], '6.0.4', { pureUnified: false })).toMatchObject({
      attaches: 'none',
      attachesReason: 'lxc:hybrid-layout',
    });
  });
  it('4.0.0 to 4.0.3 with a partial mask: its jump is not modelled, so undecided', () => {
    expect(intended(['deny a', 'allow c 1:3 r'], '4.0.2').undecided.map(({ reason }) => reason)).toEqual([
      'lxc:4.0.0-4.0.3-jump',
    ]);
    expect(intended(['deny a', 'allow c 1:3 rwm'], '4.0.2').undecided).toEqual([]);
  });
  it('with nobody to tell the version, what is attached tells that no jump went astray', () => {
    const lines = ['deny a', 'allow c *:* m', 'allow c 1:3 rwm'];
    const made = intended(lines, '5.0.2').allowed;
    const text = lines.map((line) => `lxc.cgroup2.devices.${line.replace(' ', ' = ')}`).join('\n');
    const version = { ...NOTHING_KNOWN, observed: [made] };
    const policy = intendedFromLxc(made.space, lxcConfig(text), { ...context(null), version });
    expect(policy.undecided).toEqual([]);
    expect(policy.allowed.equals(made)).toBe(true);
    const other = { ...NOTHING_KNOWN, observed: [made.space.nothing] };
    const open = intendedFromLxc(made.space, lxcConfig(text), { ...context(null), version: other });
    expect(open.undecided.map(({ reason }) => reason)).toEqual(['lxc:4.0.0-4.0.3-jump']);
  });
});

describe('LXC: values', () => {
  it.each([
    ['c 1:3 rwm', 'c 1:3 rwm'],
    ['b *:* m', 'b *:* m'],
    ['a *:* rwm', 'a *:* rwm'],
    ['c 1:3 rwmx', 'c 1:3 rwm'],
    ['c 1:3 rx', 'error'],
    ['c 1:3', 'error'],
    ['x 1:3 r', 'error'],
    ['c 1-3 r', 'error'],
    ['c 99999999999:3 r', 'error'],
    ['c -1:3 r', 'error'],
  ])('%s', (text, wanted) => {
    const parsed = parseLxcValue(true, text, new Map());
    const item = 'item' in parsed ? parsed.item : null;
    const star = (value: number | null): string => (value === null ? '*' : String(value));
    expect(item === null ? 'error' : `${item.type} ${star(item.major)}:${star(item.minor)} ${item.access}`).toBe(
      wanted,
    );
  });
});
