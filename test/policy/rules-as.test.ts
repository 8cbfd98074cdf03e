import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { compileLxc, lxcDialect, parseLxcValue } from '../../src/intent/lxc-compile.js';
import { ociRule, type OciRule } from '../../src/intent/oci-rule.js';
import { compileRunc, runcGeneration } from '../../src/intent/runc-compile.js';
import { compiledSet } from '../../src/intent/set.js';
import { compileUnit, systemdHost, unitPartition } from '../../src/intent/systemd-compile.js';
import { settingsFromFiles } from '../../src/intent/systemd-settings.js';
import { parseVersion } from '../../src/intent/version.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { parseRule } from '../../src/policy/rule-text.js';
import { RULE_FORMS, rulesAs, type RuleForm, type WrittenRules } from '../../src/policy/rules-as.js';
import { ACCESS_NAMES, type DeviceRule } from '../../src/policy/types.js';
import { DevicesController } from './cgroup-v1.js';
import { requests } from './generators.js';

const space = new DeviceSpace(new BddManager());
const setOf = (...rules: string[]): DeviceSet => space.forRules(rules.map((rule) => parseRule(rule)));
const CONTAINER = [
  'c *:* m',
  'b *:* m',
  'c 1:3 rwm',
  'c 1:5 rwm',
  'c 1:7-9 rwm',
  'c 5:0-2 rwm',
  'c 136:* rwm',
  'c 10:200 rwm',
];

/** Reads a form back the way the tool that takes it does; in part the models of the intent room, which real captures check. */
const READERS: Record<Exclude<RuleForm, 'v1'>, (written: WrittenRules) => DeviceSet> = {
  docker: ({ lines }) => runc([...DOCKER_LIST, ...lines.map((line) => dockerRule(line))]),
  oci: ({ lines }) => {
    const listed = (JSON.parse(lines.join('\n')) as object[]).map((rule) => ociRule({ ...ABSENT, ...rule }));
    return runc([...listed, ...OCI_BUILT_IN.map((rule) => dockerRule(`--device-cgroup-rule='${rule}'`))]);
  },
  lxc: ({ lines }) => {
    const values = lines.map((line) => {
      const [, key = '', value = ''] = /^lxc\.cgroup2\.devices\.(allow|deny) = (.*)$/.exec(line) ?? [];
      const parsed = parseLxcValue(key === 'allow', value, new Map());
      if ('error' in parsed || 'unknownPath' in parsed) throw new Error(`LXC would not take "${line}"`);
      return parsed;
    });
    const { compiled } = compileLxc(values, lxcDialect(parseVersion('6.0.4')!));
    return compiled === null ? space.everything : compiledSet(space, compiled);
  },
  systemd: ({ lines }) => {
    const assignments = lines.map((line): [string, string, string] => {
      const [key = '', value = ''] = line.split(/=(.*)/s);
      return ['Service', key, value];
    });
    const unit = { name: 'x.service', nestedIn: null, cgroup: null, shown: null, files: [{ path: '/x', assignments }] };
    const compiled = compileUnit(settingsFromFiles(unit)!, systemdHost(257, [], null));
    const partition = unitPartition(space, compiled);
    expect(partition?.undecided ?? []).toEqual([]);
    return partition?.allowed ?? space.everything;
  },
};

const ABSENT = { allow: null, type: null, major: null, minor: null, access: null };
/** What dockerd writes for every container (moby, oci/defaults.go) and runc adds (specconv), as far as versions agree. */
const DOCKER_LIST: OciRule[] = [
  ociRule({ ...ABSENT, allow: false, access: 'rwm' }),
  ...[
    'c *:* m',
    'b *:* m',
    'c 1:3 rwm',
    'c 1:5 rwm',
    'c 1:7 rwm',
    'c 1:8 rwm',
    'c 1:9 rwm',
    'c 5:0 rwm',
    'c 5:1 rwm',
    'c 5:2 rwm',
    'c 136:* rwm',
  ].map((rule) => dockerRule(`--device-cgroup-rule='${rule}'`)),
];

/** What runc adds to any list (libcontainer/specconv, AllowedDevices). */
const OCI_BUILT_IN: string[] = [
  'c *:* m',
  'b *:* m',
  ...['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:2', '10:200', '136:*'].map((numbers) => `c ${numbers} rwm`),
];

/** opts/opts.go: `^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$`. */
function dockerRule(line: string): OciRule {
  const match = /^--device-cgroup-rule='([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})'$/.exec(line);
  if (match === null) throw new Error(`docker would not take ${line}`);
  const [, type = '', major = '', minor = '', access = ''] = match;
  const number = (text: string): number | null => (text === '*' ? null : Number(text));
  return ociRule({ allow: true, type, major: number(major), minor: number(minor), access });
}

function runc(rules: OciRule[]): DeviceSet {
  const compiled = compileRunc(rules, runcGeneration(parseVersion('1.2.6')!));
  if ('error' in compiled) throw new Error(compiled.error);
  return compiledSet(space, compiled.compiled);
}

function written(set: DeviceSet, form: RuleForm): WrittenRules {
  const result = rulesAs(set, form);
  if ('refused' in result) throw new Error(result.refused);
  return result;
}

function refusal(set: DeviceSet, form: RuleForm): string {
  const result = rulesAs(set, form);
  return 'refused' in result ? result.refused : `written: ${result.lines.join('; ')}`;
}

/** Replays v1 lines into the controller and compares it with the set, request by request. */
function expectV1(set: DeviceSet, { lines, notes }: WrittenRules): void {
  const controller = new DevicesController();
  const start = /Write "a" to (devices\.(?:allow|deny)), then each line to (devices\.(?:allow|deny))\./.exec(
    notes[0] ?? '',
  );
  if (start !== null) controller.write(start[1] as 'devices.allow', 'a');
  for (const line of lines) controller.write((start?.[2] ?? 'devices.allow') as 'devices.allow', line);
  for (const request of requests()) {
    const name = ACCESS_NAMES.find(({ access }) => access === request.access)!.name;
    if (controller.allows(request.type, request.major, request.minor, name) !== set.contains(request)) {
      throw new Error(`v1 disagrees on ${JSON.stringify(request)}:\n${lines.join('\n')}`);
    }
  }
}

describe('rules in the forms of other tools', () => {
  it('writes a container with an extra device', () => {
    const set = setOf(...CONTAINER, 'c 226:128 rw', 'b 8:0 r');
    expect(written(set, 'docker').lines).toEqual([
      "--device-cgroup-rule='c 10:200 rwm'",
      "--device-cgroup-rule='c 226:128 rwm'",
      "--device-cgroup-rule='b 8:0 rm'",
    ]);
    expect(written(set, 'systemd').lines.slice(0, 5)).toEqual([
      'DevicePolicy=strict',
      'DeviceAllow=',
      'DeviceAllow=char-* m',
      'DeviceAllow=block-* m',
      'DeviceAllow=/dev/char/1:3 rwm',
    ]);
    expect(written(set, 'systemd').lines).toContain('DeviceAllow=char-136 rwm');
    expect(written(set, 'lxc').lines.slice(0, 3)).toEqual([
      'lxc.cgroup2.devices.deny = a',
      'lxc.cgroup2.devices.allow = c *:* m',
      'lxc.cgroup2.devices.allow = b *:* m',
    ]);
    expect(written(set, 'v1').lines).toContain('c 136:* rwm');
    expect(JSON.parse(written(set, 'oci').lines.join('\n'))).toContainEqual({
      allow: true,
      type: 'c',
      major: 136,
      access: 'rwm',
    });
  });

  it.each(Object.keys(READERS) as (keyof typeof READERS)[])('is read back by %s as the same policy', (form) => {
    const extra = fc.uniqueArray(plainRule, { maxLength: 6 });
    let accepted = 0;
    fc.assert(
      fc.property(extra, (rules) => {
        const set = setOf(...(form === 'docker' || form === 'oci' ? CONTAINER : [])).union(space.forRules(rules));
        const result = rulesAs(set, form);
        if ('refused' in result) return;
        accepted++;
        expect(READERS[form](result).equals(set)).toBe(true);
      }),
      { numRuns: 100 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('is read back by the v1 controller as the same policy', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.uniqueArray(plainRule, { maxLength: 6 }), fc.boolean(), (rules, denyList) => {
        const listed = space.forRules(rules);
        const checks = space.forRule(parseRule('c *:* -')).union(space.forRule(parseRule('b *:* -')));
        const set = denyList ? listed.complement().union(checks) : listed;
        const result = rulesAs(set, 'v1');
        if ('refused' in result) return;
        accepted++;
        expectV1(set, result);
      }),
      { numRuns: 100 },
    );
    expect(accepted).toBeGreaterThan(40);
  });

  it('writes a v1 denylist, where a letter denies every access that has it', () => {
    const denied = space.forRule(parseRule('c 1:3 {w,rw}')).union(space.forRule(parseRule('b 8:* {m,r,w,rw}')));
    const set = denied.complement();
    const result = written(set, 'v1');
    expect(result).toEqual({
      lines: ['c 1:3 w', 'b 8:* rwm'],
      notes: ['Write "a" to devices.allow, then each line to devices.deny.'],
    });
    expectV1(set, result);
  });

  it('writes "everything" in every form', () => {
    for (const form of ['docker', 'systemd', 'lxc', 'oci'] as const) {
      expect(READERS[form](written(space.everything, form)).equals(space.everything)).toBe(true);
    }
    expectV1(space.everything, written(space.everything, 'v1'));
  });

  it.each<{ form: RuleForm; rules: string[]; why: RegExp }>([
    { form: 'systemd', rules: ['c *:5 rw'], why: /no form for one minor of every major: "c \*:5 rw"/ },
    { form: 'docker', rules: ['c 1:3 rwm'], why: /add to its default list, and that allows "c \*:\* m"/ },
    { form: 'docker', rules: CONTAINER.slice(0, -1), why: /that allows "c 10:200 rwm"/ },
    { form: 'lxc', rules: [], why: /attaches no program/ },
    { form: 'v1', rules: ['c 1:3 {-,r,w}'], why: /no letters stand for exactly "c 1:3 \{-,r,w\}"/ },
    { form: 'oci', rules: [...CONTAINER, 'c 226:1 {r,w}'], why: /no letters stand for exactly/ },
    { form: 'v1', rules: ['c 1:3 -'], why: /no letters/ },
    { form: 'lxc', rules: ['c 226:0-5000 rw'], why: /need more than 1024 entries/ },
    { form: 'systemd', rules: ['c 226:*&0x1=0x1 rw'], why: /need more than 1024 entries/ },
    { form: 'v1', rules: ['c 5:0-9 w', 'c 5:5 {-,r,w}'], why: /two entries whose letters must not be joined/ },
  ])('refuses $rules as $form', ({ form, rules, why }) => {
    expect(refusal(setOf(...rules), form)).toMatch(why);
  });

  it('keeps r and w apart where different entries can', () => {
    const set = setOf('c 5:* w', 'c 5:5 {-,r,w}');
    const result = written(set, 'v1');
    expect(result.lines).toEqual(['c 5:* w', 'c 5:5 r']);
    expectV1(set, result);
  });

  it('expands short ranges', () => {
    expect(written(setOf('c 226:0-2 rw'), 'systemd').lines.slice(2)).toEqual([
      'DeviceAllow=/dev/char/226:0 rw',
      'DeviceAllow=/dev/char/226:1 rw',
      'DeviceAllow=/dev/char/226:2 rw',
    ]);
  });

  it('refuses an OCI list where runtimes would add to it', () => {
    expect(refusal(setOf('c *:* m', 'c 1:3 rwm'), 'oci')).toMatch(/^runc and crun allow "b \*:\* m" whatever/);
    // crun 1.5 to 1.19.1 and runc 1.2.0 to 1.2.3 do not add the tunnel device; the others do.
    const withoutTunnel = CONTAINER.filter((rule) => !rule.startsWith('c 10:200'));
    expect(refusal(setOf(...withoutTunnel), 'oci')).toMatch(/"c 10:200 rwm" whatever/);
    expect(written(setOf(...CONTAINER), 'oci').notes).toEqual([]);
  });

  it('answers for every form without throwing', () => {
    for (const form of RULE_FORMS) expect(rulesAs(space.nothing, form)).toBeDefined();
  });
});

const number = fc.constantFrom(0, 1, 2, 3, 255, 4095);
const range = fc.oneof(
  number.map((n): [number, number] => [n, n]),
  fc.constant<[number, number]>([1, 3]),
);
const plainRule: fc.Arbitrary<DeviceRule> = fc.record({
  type: fc.constantFrom('b' as const, 'c' as const),
  major: fc.oneof({ weight: 4, arbitrary: range }, { weight: 1, arbitrary: fc.constant<[number, number]>([0, 4095]) }),
  minor: fc.oneof(
    { weight: 4, arbitrary: range },
    { weight: 1, arbitrary: fc.constant<[number, number]>([0, 1048575]) },
  ),
  access: fc.constantFrom(['-', 'm'], ['-', 'r'], ['-', 'r', 'w', 'rw'], ['-', 'm', 'r', 'w', 'rw']),
});
