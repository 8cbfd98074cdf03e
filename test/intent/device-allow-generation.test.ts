import { describe, expect, it } from 'vitest';
import { explainDeviceAllow } from '../../src/intent/device-allow-cause.js';
import { generateDeviceAllow, runcGenerator, type GenerationHost } from '../../src/intent/device-allow-generation.js';
import type { OciRule } from '../../src/intent/oci-rule.js';
import { mergeWithBuiltIns, builtInEra } from '../../src/intent/runc-builtin.js';
import { stateRules } from '../../src/intent/runc.js';
import { settingsFromFiles, settingsFromShow, type UnitDeviceSettings } from '../../src/intent/systemd-settings.js';
import { parseVersion } from '../../src/intent/version.js';
import { parseProcDevices } from '../../src/policy/proc-devices.js';
import { capture, capturesWith, configSource, rule, runcState, unit, unitOf } from './captures.js';

const BEFORE = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';
const EVERY_LINK = ['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:1', '5:2', '10:200', '240:0'];

function host(other: Partial<GenerationHost> = {}, links: Partial<GenerationHost['links']> = {}): GenerationHost {
  return {
    procDevices: parseProcDevices('Character devices:\n  1 mem\n  5 /dev/tty\n 10 misc\n136 pts\n\nBlock devices:\n'),
    links: { devChar: [], devBlock: [], sysDevChar: EVERY_LINK, sysDevBlock: [], ...links },
    systemd: 262,
    ...other,
  };
}

const USER = ['deny a', 'allow c 195:0 rw', 'allow c *:5 rw', 'allow c 240:* rw'];
/** runc's list: the rules, then the built-ins of that version. */
function list(rules: string[], version: string): OciRule[] {
  return mergeWithBuiltIns(configSource(rules.map(rule)), builtInEra(parseVersion(version)!)).rules;
}

function made(
  version: string,
  facts: GenerationHost,
  rules: string[] = USER,
): { lines: readonly string[]; lost: string[]; policy: string } {
  const generated = generateDeviceAllow(list(rules, version), runcGenerator(parseVersion(version)!), facts);
  if (generated.kind !== 'list') throw new Error(JSON.stringify(generated));
  const star = (value: number | null): string => (value === null ? '*' : String(value));
  return {
    policy: generated.list.policy,
    lines: generated.list.lines,
    lost: generated.list.lost.map(
      ({ rule: { type, major, minor }, reason }) => `${type} ${star(major)}:${star(minor)} ${reason}`,
    ),
  };
}

/** Measured with these runc releases on systemd 262 without /dev/char. */
describe('runc: what each version told systemd, without /dev/char', () => {
  it('1.1.2: all but *:n and a major without a name', () => {
    expect(made('1.1.2', host()).lost).toEqual(['c *:5 any-major', 'c 240:* unknown-major']);
    expect(made('1.1.2', host()).lines).toContain('char-pts rwm');
    expect(made('1.1.2', host()).lines).toContain('/dev/char/195:0 rw');
  });
  it('1.1.3: nothing at all', () => {
    expect(made('1.1.3', host()).lines).toEqual([]);
    expect(made('1.1.3', host()).policy).toBe('strict');
  });
  it('1.1.3 with /dev/char: no group line', () => {
    const { lines } = made('1.1.3', host({}, { devChar: EVERY_LINK }));
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.every((line) => line.startsWith('/dev/char/'))).toBe(true);
  });
  it('1.1.4: only groups', () => {
    expect(made('1.1.4', host()).lines).toEqual(['block-* m', 'char-* m', 'char-pts rwm']);
  });
  it.each(['1.1.5', '1.1.6'])('%s: what has neither link', (version) => {
    expect(made(version, host()).lost).toEqual([
      'c *:5 any-major',
      'c 195:0 no-dev-and-sys-link',
      'c 240:* unknown-major',
    ]);
  });
  it('1.1.7', () => {
    expect(made('1.1.7', host()).lost).toEqual(['c *:5 any-major', 'c 240:* unknown-major']);
  });
  it('1.1.7 that systemd did not answer: as 1.1.4', () => {
    expect(made('1.1.7', host({ systemd: -1 })).lines).toEqual(['block-* m', 'char-* m', 'char-pts rwm']);
  });
  it.each(['1.2.0', '1.2.5', '1.4.0'])('%s: only *:n', (version) => {
    expect(made(version, host()).lost).toEqual(['c *:5 any-major']);
    expect(made(version, host()).lines).toContain('char-136 rwm');
    expect(made(version, host()).lines).toContain('char-240 rw');
  });
  it('allow everything is auto, any other denylist an empty strict list', () => {
    expect(made('1.2.5', host(), ['allow a'])).toEqual({ policy: 'auto', lines: [], lost: [] });
    expect(made('1.2.5', host(), ['allow a', 'deny b 8:* rwm'])).toEqual({
      policy: 'strict',
      lines: [],
      lost: ['b 8:* denylist'],
    });
  });
  it('rc90 told systemd nothing', () => {
    expect(generateDeviceAllow(list(USER, '1.0.0-rc90'), runcGenerator(parseVersion('1.0.0-rc90')!), host()).kind).toBe(
      'no-properties',
    );
  });
  it('a fact that decides and is not known is named', () => {
    const unknown = (version: string, facts: GenerationHost): unknown =>
      generateDeviceAllow(list(USER, version), runcGenerator(parseVersion(version)!), facts);
    expect(unknown('1.1.4', host({}, { devChar: null }))).toEqual({ kind: 'unknown', missing: 'device-links' });
    expect(unknown('1.1.2', host({ procDevices: null }))).toEqual({ kind: 'unknown', missing: 'proc-devices' });
    expect(unknown('1.2.0', host({ systemd: null }))).toEqual({ kind: 'unknown', missing: 'systemd' });
  });
});

function settings(lines: readonly string[], policy = 'strict'): UnitDeviceSettings {
  const text = `# /run/x\n[Scope]\nDevicePolicy=${policy}\n${lines.map((line) => `DeviceAllow=${line}\n`).join('')}`;
  return settingsFromFiles(unit('x.scope', text))!;
}

describe('runc: the cause of a list', () => {
  const captured: GenerationHost = host({
    systemd: 252,
    procDevices: parseProcDevices(capture(BEFORE).read('proc-devices.txt')),
  });
  it('the captured land mine: 1.1.4 without /dev/char, mended by 1.1.5', () => {
    const rules = stateRules(runcState(capture(BEFORE)));
    for (const observed of [settingsFromFiles(unitOf(capture(BEFORE))), settingsFromShow(unitOf(capture(BEFORE)))]) {
      const explained = explainDeviceAllow(rules, observed!, captured, '1.1.4');
      expect(explained).toMatchObject({ kind: 'explained', versionAgrees: true, systemdSilent: false });
      if (explained.kind !== 'explained') continue;
      expect(explained.generators).toEqual(['1.1.4 to before 1.1.5']);
      expect(explained.causes.map(({ reason, fixedIn, rules: lost }) => [reason, fixedIn, lost.length])).toEqual([
        ['no-dev-link', '1.1.5', 9],
      ]);
    }
  });
  it('the same list with /dev/char there is unexplained: no cause is invented', () => {
    const rules = stateRules(runcState(capture(BEFORE)));
    const observed = settingsFromFiles(unitOf(capture(BEFORE)))!;
    expect(
      explainDeviceAllow(rules, observed, { ...captured, links: { ...captured.links, devChar: EVERY_LINK } }, '1.1.4')
        .kind,
    ).toBe('unknown');
  });
  const healthy = capturesWith('state.json').filter(
    ({ name }) => name.startsWith('bookworm-docker') || name.startsWith('bookworm-containerd'),
  );
  it.each(healthy.map((each) => [each.name, each] as const))(
    '%s: the list of 1.1.5 is reproduced and nothing is lost',
    (_, each) => {
      // The lab had these links: 1.1.5 leaves a number out that has none.
      const there = (kind: string): string[] =>
        each
          .read('systemctl-show.txt')
          .split('\n')
          .flatMap((line) => new RegExp(`^DeviceAllow=/dev/${kind}/(\\S+) `).exec(line)?.[1] ?? []);
      const links = { devChar: there('char'), devBlock: there('block'), sysDevBlock: [], sysDevChar: [] };
      const facts = { procDevices: parseProcDevices(each.read('proc-devices.txt')), links, systemd: 252 };
      const explained = explainDeviceAllow(
        stateRules(runcState(each)),
        settingsFromShow(unitOf(each))!,
        facts,
        '1.1.5+ds1-1+deb12u1',
      );
      expect(explained).toMatchObject({ kind: 'explained', versionAgrees: true, causes: [] });
    },
  );
  it('the dimension no runc can express has no fixed version', () => {
    const explained = explainDeviceAllow(list(USER, '1.3.6'), settings(made('1.3.6', host()).lines), host(), '1.3.6');
    expect(explained.kind === 'explained' && explained.causes).toEqual([
      { reason: 'any-major', rules: [{ type: 'c', major: null, minor: 5, access: 6 }], fixedIn: null },
    ]);
  });
  it('a newer runc installed than the one that wrote the list: the list tells, and the disagreement is said', () => {
    const explained = explainDeviceAllow(list(USER, '1.1.4'), settings(made('1.1.4', host()).lines), host(), '1.3.6');
    expect(explained).toMatchObject({ kind: 'explained', versionAgrees: false, generators: ['1.1.4 to before 1.1.5'] });
  });
  it('a list only a runc without an answer of systemd writes', () => {
    const silent = made('1.3.6', host({ systemd: -1 })).lines;
    const explained = explainDeviceAllow(
      list(USER, '1.3.6'),
      settings(silent),
      host({}, { devChar: ['1:3'], sysDevChar: [] }),
      '1.3.6',
    );
    expect(explained.kind).toBe('unknown');
    const nothingThere = explainDeviceAllow(list(USER, '1.3.6'), settings(silent), host({ systemd: 262 }), '1.3.6');
    expect(nothingThere.kind).toBe('explained');
  });
  it('letters in another order are the same line; another line is not', () => {
    const lines = made('1.2.5', host()).lines.map((line) => line.replace('rwm', 'mrw'));
    expect(explainDeviceAllow(list(USER, '1.2.5'), settings([...lines].reverse()), host(), '1.2.5').kind).toBe(
      'explained',
    );
    expect(explainDeviceAllow(list(USER, '1.2.5'), settings([...lines, '/dev/sda r']), host(), '1.2.5').kind).toBe(
      'unknown',
    );
  });
});
