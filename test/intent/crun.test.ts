import { describe, expect, it } from 'vitest';
import { intendedFromCrun, type CrunContext } from '../../src/intent/crun.js';
import { crunUnitProperties } from '../../src/intent/crun-systemd.js';
import { CRUN_DIALECTS, crunDialect } from '../../src/intent/crun-compile.js';
import { NOTHING_KNOWN } from '../../src/intent/dialects.js';
import { ociRule } from '../../src/intent/oci-rule.js';
import { compiledSet } from '../../src/intent/set.js';
import { systemdHost } from '../../src/intent/systemd-compile.js';
import { parseVersion } from '../../src/intent/version.js';
import { intendedFromYouki } from '../../src/intent/youki.js';
import type { DeviceSpace } from '../../src/policy/device-set.js';
import { answers, capture, configSource, disagreements, ociConfig, oracle, rule, space } from './captures.js';

function context(version: string | null, other: Partial<CrunContext> = {}): CrunContext {
  return {
    version: { ...NOTHING_KNOWN, exact: version },
    systemd: false,
    host: systemdHost(257, [], 'Character devices:\n136 pts\n'),
    rootless: false,
    ...other,
  };
}

function intended(
  s: DeviceSpace,
  list: string[] | null,
  version: string | null,
  other: Partial<CrunContext> = {},
): ReturnType<typeof intendedFromCrun> {
  return intendedFromCrun(s, configSource(list?.map(rule) ?? null), null, context(version, other));
}

describe('crun: captured containers', () => {
  it.each([
    ['trixie-crun-1.21/cgroupfs-access-empty', '1.21-1'],
    ['bookworm-podman-4.3.1-crun-1.8.1/default', '1.8.1-1+deb12u1'],
  ])('%s: intended equals the kernel', (name, version) => {
    const s = space();
    const policy = intendedFromCrun(s, ociConfig(capture(name)), null, context(version));
    expect(disagreements(policy.allowed, oracle(capture(name)))).toEqual([]);
    expect(policy.undecided).toEqual([]);
    expect(policy.attaches).toBe('program');
  });
  it('without a version only 10:200 is open, and what is attached settles it', () => {
    const s = space();
    const config = ociConfig(capture('bookworm-podman-4.3.1-crun-1.8.1/default'));
    const open = intendedFromCrun(s, config, null, context(null));
    expect(open.undecided.map(({ reason }) => reason)).toEqual(['crun:version']);
    const differs = s
      .forPattern({ type: 'c', major: 10, minor: 200, access: (access) => access > 1 })
      .union(s.forPattern({ type: 'c', major: 0, minor: 0, access: () => true }));
    expect(open.undecided[0]!.region.implies(differs)).toBe(true);
    const attached = compiledSet(s, intendedFromCrun(s, config, null, context('1.8.1')).dialects[0]!.compiled!);
    const settled = intendedFromCrun(s, config, null, {
      ...context(null),
      version: { exact: null, installed: '1.21', observed: [attached] },
    });
    expect(settled.undecided).toEqual([]);
    expect(settled.denied.contains({ type: 'c', major: 10, minor: 200, access: 2 })).toBe(true);
    expect(settled.warnings).toEqual([]);
  });
  it('the installed version is taken where nothing else tells, and said', () => {
    const s = space();
    const policy = intendedFromCrun(s, configSource([rule('deny a')]), null, {
      ...context(null),
      version: { exact: null, installed: '1.21-1', observed: [] },
    });
    expect(policy.allowed.contains({ type: 'c', major: 10, minor: 200, access: 2 })).toBe(true);
    expect(policy.warnings.map(({ code, about }) => `${code} ${about}`)).toEqual(['version-installed crun 1.21-1']);
  });
});

describe('crun: lists', () => {
  it('built-ins cannot be denied, the last rule wins, deny works inside a wider allow', () => {
    const s = space();
    const { allowed, warnings } = intended(
      s,
      ['deny a', 'allow c 240:* rwm', 'deny c 240:5 rwm', 'deny c 1:3 rwm', 'allow b 8:0 r', 'deny b 8:0 r'],
      '1.8.1',
    );
    const wanted = {
      'c 240:1 rw': true,
      'c 240:5 rw': false,
      'c 240:5 m': true,
      'c 1:3 rw': true,
      'b 8:0 r': false,
      'b 8:0 m': true,
    };
    expect(answers(allowed, wanted)).toEqual(wanted);
    expect(warnings.map(({ code, about }) => `${code} ${about}`)).toEqual(['deny-ineffective deny c 1:3 rwm']);
  });
  it('an "a" rule with rwm ends the list, with numbers it is any type', () => {
    const s = space();
    const wanted = { 'c 240:1 rw': false, 'b 9:1 rw': true, 'c 9:1 rw': true, 'c 9:2 r': false };
    expect(answers(intended(s, ['allow c 240:* rwm', 'deny a', 'allow a 9:1 rwm'], '1.8.1').allowed, wanted)).toEqual(
      wanted,
    );
  });
  it('the mask: overlap before 0.19, subset from there on', () => {
    const s = space();
    const list = ['allow a', 'deny b 8:* w'];
    const old = { 'b 8:0 w': false, 'b 8:0 rw': false, 'b 8:0 r': true, 'b 8:0 -': true };
    const now = { 'b 8:0 w': false, 'b 8:0 rw': true, 'b 8:0 r': true, 'b 8:0 -': true };
    expect(answers(intended(s, list, '0.17').allowed, old)).toEqual(old);
    // Access 0 is allowed by the built-in "b *:* m" that stands before the deny.
    expect(answers(intended(s, list, '1.8.1').allowed, now)).toEqual(now);
    expect(intended(s, list, '1.8.1').warnings.map(({ code }) => code)).toEqual(['deny-hole']);
  });
  it('unknown type letters are "c", a number beyond 31 bits is a wildcard', () => {
    const s = space();
    const wanted = { 'c 7:7 rw': true, 'b 7:7 rw': false, 'c 9:1 rw': true, 'c 9:2 rw': true };
    expect(
      answers(intended(s, ['deny a', 'allow u 7:7 rwm', 'allow c 9:2147483648 rwm'], '1.21').allowed, wanted),
    ).toEqual(wanted);
  });
  it.each([
    ['1.4.5', true],
    ['1.5', false],
    ['1.19.1', false],
    ['1.20', true],
    ['1.28-1', true],
  ])('tun in %s: %s', (version, tun) => {
    expect(
      intended(space(), ['deny a'], version).allowed.contains({ type: 'c', major: 10, minor: 200, access: 6 }),
    ).toBe(tun);
  });
  it('no list: nothing is attached with cgroupfs, and up to 1.17 with systemd; that is fail-open', () => {
    const s = space();
    for (const [version, systemd] of [
      ['1.21', false],
      ['1.8.1', true],
      ['1.17', true],
    ] as const) {
      const policy = intended(s, null, version, { systemd });
      expect(policy.attaches).toBe('none');
      expect(policy.attachesReason).toBe('crun:empty-list');
      expect(policy.restricts).toBe(true);
      expect(policy.allowed.equals(s.everything)).toBe(true);
    }
  });
  it('no list with systemd: systemd enforces the built-ins from 1.18, a pinned program does from 1.23', () => {
    const s = space();
    const listed = intended(s, null, '1.18', { systemd: true });
    // In the list for systemd a minor of 0 means any: 5:0 became char-5.
    const wide = {
      'c 5:7 rw': true,
      'c 1:3 rw': true,
      'c 10:200 rw': false,
      'c 136:4 rw': true,
      'b 8:0 m': true,
      'b 8:0 r': false,
    };
    expect(answers(listed.allowed, wide)).toEqual(wide);
    const pinned = intended(s, null, '1.28', { systemd: true });
    const exact = { 'c 5:7 rw': false, 'c 5:1 rw': true, 'c 10:200 rw': true };
    expect(answers(pinned.allowed, exact)).toEqual(exact);
    expect(pinned.attaches).toBe('program');
  });
  it('allow everything does not restrict', () => {
    const policy = intended(space(), ['allow a'], '1.21');
    expect(policy.restricts).toBe(false);
    expect(policy.allowed.equals(policy.allowed.space.everything)).toBe(true);
  });
});

describe('crun: what it tells systemd', () => {
  const lines = (list: string[], version: string): unknown =>
    crunUnitProperties(
      list.map((text) => ociRule(rule(text))),
      crunDialect(parseVersion(version)!),
    );
  it('built-ins, then the rules behind the last "deny everything"; 0 is a wildcard; *:n is dropped', () => {
    expect(
      lines(
        ['allow c 9:9 r', 'deny a', 'allow c 195:0 rw', 'allow c 195:255 rw', 'allow c *:5 rw', 'allow b 8:* r'],
        '1.18',
      ),
    ).toEqual({
      policy: 'strict',
      allow: [
        'char-* m',
        'block-* m',
        '/dev/char/1:3 rwm',
        '/dev/char/1:8 rwm',
        '/dev/char/1:7 rwm',
        'char-5 rwm',
        '/dev/char/1:5 rwm',
        '/dev/char/1:9 rwm',
        '/dev/char/5:1 rwm',
        'char-136 rwm',
        '/dev/char/5:2 rwm',
        'char-195 rw',
        '/dev/char/195:255 rw',
        'block-8 r',
      ],
      dropped: [ociRule(rule('allow c *:5 rw'))],
    });
  });
  it('allow everything is auto without a list', () => {
    expect(lines(['allow a'], '1.21')).toEqual({ policy: 'auto', allow: [], dropped: [] });
  });
  it('a deny inside what is allowed is an error', () => {
    expect(lines(['deny a', 'allow c 240:1 rwm', 'deny c 240:1 w'], '1.21')).toEqual({
      error: expect.stringContaining('deny') as string,
    });
    expect(lines(['deny a', 'deny c 240:1 w'], '1.21')).toMatchObject({ policy: 'strict' });
  });
  it('every version has exactly one dialect', () => {
    for (const version of [
      '0.10',
      '0.13',
      '0.18.9',
      '0.19',
      '1.4.5',
      '1.5',
      '1.17',
      '1.18',
      '1.19.1',
      '1.20',
      '1.28',
    ]) {
      const parsed = parseVersion(version)!;
      expect(CRUN_DIALECTS.filter((dialect) => dialect === crunDialect(parsed))).toHaveLength(1);
    }
  });
});

describe('youki', () => {
  it('an "a" rule clears and sets the default; built-ins win, then the last rule', () => {
    const s = space();
    const policy = intendedFromYouki(
      s,
      configSource(['allow c 240:* rwm', 'allow a', 'deny c 7:7 rwm', 'deny c 1:3 rwm'].map(rule)),
    );
    const wanted = { 'c 7:7 r': false, 'c 7:7 m': true, 'c 1:3 rw': true, 'b 8:0 rw': true };
    expect(answers(policy.allowed, wanted)).toEqual(wanted);
  });
  it('rules without access are dropped, other types are an error', () => {
    expect(
      intendedFromYouki(space(), configSource([rule('allow c 240:1 -')])).allowed.contains({
        type: 'c',
        major: 240,
        minor: 1,
        access: 2,
      }),
    ).toBe(false);
    expect(intendedFromYouki(space(), configSource([rule('allow p 240:1 rwm')])).couldNotStart).toContain('"p"');
  });
});
