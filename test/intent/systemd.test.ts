import { describe, expect, it } from 'vitest';
import {
  compileUnit,
  entrySet,
  systemdHost,
  unitPartition,
  type SystemdHost,
} from '../../src/intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow, type UnitDeviceSettings } from '../../src/intent/systemd-settings.js';
import type { DeviceSet } from '../../src/policy/device-set.js';
import { capture, capturesWith, disagreements, nodesOf, oracle, space, unit, unitOf } from './captures.js';

const BEFORE = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';
const AFTER = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-1-after-daemon-reload';
const NESTED = 'trixie-systemd-257.13/nested-slice-strict-service-closed';

function hostOf(name: string, release: number): SystemdHost {
  const from = capture(name);
  const nodes = from.has('dev-listing.txt') ? [...nodesOf(from).values()] : [];
  return systemdHost(release, nodes, from.read('proc-devices.txt'));
}

function files(name: string, text: string): UnitDeviceSettings {
  const settings = settingsFromFiles(unit(name, `# /etc/systemd/system/${name}\n${text}`));
  if (settings === null) throw new Error('no settings');
  return settings;
}

describe('systemd: captured units', () => {
  const cases = capturesWith('dev-listing.txt').filter(
    ({ name }) => name.startsWith('trixie-systemd') && !name.includes('nested'),
  );
  it('finds the captures', () => {
    expect(cases.length).toBeGreaterThanOrEqual(2);
  });
  it.each(cases.map((each) => [each.name, each] as const))(
    '%s: files and show both compile to what the kernel enforces',
    (name, each) => {
      const s = space();
      for (const settings of [settingsFromFiles(unitOf(each)), settingsFromShow(unitOf(each))]) {
        const partition = unitPartition(s, compileUnit(settings!, hostOf(name, 257)));
        expect(disagreements(partition!.allowed, oracle(each))).toEqual([]);
        expect(partition!.undecided).toEqual([]);
      }
    },
  );
  it('a slice and a service below it: what both allow', () => {
    const s = space();
    const from = capture(NESTED);
    // This capture has no listing of /dev: the nodes its units name, and no more.
    const host = systemdHost(
      257,
      [
        { path: '/dev/null', type: 'c', major: 1, minor: 3 },
        { path: '/dev/zero', type: 'c', major: 1, minor: 5 },
        { path: '/dev/fuse', type: 'c', major: 10, minor: 229 },
      ],
      from.read('proc-devices.txt'),
    );
    const service = unitPartition(s, compileUnit(settingsFromFiles(unitOf(from))!, host));
    const slice = unitPartition(
      s,
      compileUnit(files('corpslicestrictserviceclosed.slice', from.read('unit.slice')), host),
    );
    expect(disagreements(service!.allowed.intersect(slice!.allowed), oracle(from))).toEqual([]);
  });
  it('the drop-ins of a runc scope, joined with the program of runc, are what the kernel enforces after the reload', () => {
    const s = space();
    const compiled = compileUnit(settingsFromFiles(unitOf(capture(BEFORE)))!, hostOf(BEFORE, 252));
    expect(compiled.entries.map(({ entry, state }) => `${entry.text}: ${state}`)).toEqual([
      'char-pts rwm: resolved',
      'char-* m: resolved',
      'block-* m: resolved',
    ]);
    const probes = oracle(capture(AFTER));
    const before = oracle(capture(BEFORE));
    const key = (probe: (typeof probes)[number]): string =>
      `${probe.type} ${String(probe.major)}:${String(probe.minor)} ${String(probe.access)}`;
    const runc = new Map(before.map((probe) => [key(probe), probe.allowed]));
    const { allowed } = unitPartition(s, compiled)!;
    const shared = probes.filter((probe) => runc.has(key(probe)));
    expect(shared.length).toBeGreaterThan(900);
    for (const probe of shared)
      expect(`${key(probe)} ${String(allowed.contains(probe) && runc.get(key(probe)) === true)}`).toBe(
        `${key(probe)} ${String(probe.allowed)}`,
      );
  });
});

const PROC =
  'Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n  4 tty\n  4 ttyS\n128 ptm\n136 pts\n137 pts\n  0 ghost\n203 cpu/cpuid\n\nBlock devices:\n  7 loop\n253 device-mapper\n';

describe('systemd: resolving on a host', () => {
  const host = systemdHost(
    257,
    [
      { path: '/dev/null', type: 'c', major: 1, minor: 3 },
      { path: '/dev/zero', type: null, major: 0, minor: 0 },
      { path: '/dev/full', type: 'c', major: 1, minor: 7 },
      { path: '/dev/random', type: 'c', major: 1, minor: 8 },
      { path: '/dev/urandom', type: 'c', major: 1, minor: 9 },
      { path: '/dev/tty', type: 'c', major: 5, minor: 0 },
      { path: '/dev/ptmx', type: 'c', major: 5, minor: 2 },
      { path: '/dev/sda', type: 'b', major: 8, minor: 0 },
    ],
    PROC,
  );
  const rulesOf = (line: string): string => {
    const compiled = compileUnit(files('x.service', `[Service]\nDevicePolicy=strict\nDeviceAllow=${line}\n`), host);
    return compiled.entries
      .map(({ rules, state }) =>
        `${state} ${rules.map((r) => `${r.type} ${String(r.major ?? '*')}:${String(r.minor ?? '*')}`).join(' ')}`.trim(),
      )
      .join(';');
  };
  it.each([
    ['/dev/sda r', 'resolved b 8:0'],
    ['/dev/zero r', 'missing'],
    ['/dev/sdz r', 'unknown'],
    ['char-pts rw', 'resolved c 136:* c 137:*'],
    ['char-tty* r', 'resolved c 4:*'],
    ['char-/dev/* r', 'resolved c 5:*'],
    ['char-cpu/* r', 'resolved c 203:*'],
    ['char-cpu* r', 'resolved c 203:*'],
    ['block-loop rwm', 'resolved b 7:*'],
    ['char-loop rwm', 'unmatched'],
    ['char-ghost r', 'unmatched'],
    ['char-[mp]* r', 'resolved c 1:* c 128:* c 136:* c 137:*'],
  ])('%s', (line, wanted) => {
    expect(rulesOf(line)).toBe(wanted);
  });
  it('a device nobody knows leaves exactly its rights undecided', () => {
    const s = space();
    const compiled = compileUnit(
      files('x.service', '[Service]\nDevicePolicy=strict\nDeviceAllow=/dev/sdz r\nDeviceAllow=/dev/null rw\n'),
      host,
    );
    const partition = unitPartition(s, compiled)!;
    expect(partition.undecided.map(({ reason }) => reason)).toEqual(['node:/dev/sdz']);
    const region = partition.undecided[0]!.region;
    expect(region.contains({ type: 'b', major: 8, minor: 16, access: 2 })).toBe(true);
    expect(region.contains({ type: 'b', major: 8, minor: 16, access: 4 })).toBe(false);
    expect(region.contains({ type: 'c', major: 1, minor: 3, access: 2 })).toBe(false);
    expect(partition.allowed.contains({ type: 'c', major: 1, minor: 3, access: 6 })).toBe(true);
  });
  it('no /proc/devices leaves the class of the pattern undecided', () => {
    const s = space();
    const partition = unitPartition(
      s,
      compileUnit(
        files('x.scope', '[Scope]\nDevicePolicy=strict\nDeviceAllow=char-pts rwm\n'),
        systemdHost(252, [], null),
      ),
    )!;
    expect(partition.undecided.map(({ reason }) => reason)).toEqual(['proc-devices']);
    expect(partition.undecided[0]!.region.contains({ type: 'b', major: 8, minor: 0, access: 2 })).toBe(false);
    expect(partition.undecided[0]!.region.contains({ type: 'c', major: 8, minor: 0, access: 2 })).toBe(true);
  });
  const allowed = (text: string, type = 'service'): DeviceSet | null => {
    const s = space();
    return unitPartition(s, compileUnit(files(`x.${type}`, text), host))?.allowed ?? null;
  };
  it('auto without a list: no program', () => {
    expect(allowed('[Service]\nDevicePolicy=auto\n')).toBeNull();
    expect(allowed('')).toBeNull();
  });
  it('auto with a list closes: static devices, then the list', () => {
    const set = allowed('[Service]\nDeviceAllow=/dev/sda r\n')!;
    expect(set.contains({ type: 'b', major: 8, minor: 0, access: 2 })).toBe(true);
    expect(set.contains({ type: 'c', major: 1, minor: 3, access: 6 })).toBe(true);
    expect(set.contains({ type: 'c', major: 1, minor: 5, access: 6 })).toBe(false); // /dev/zero does not exist on this host
    expect(set.contains({ type: 'c', major: 136, minor: 0, access: 6 })).toBe(true);
    expect(set.contains({ type: 'c', major: 136, minor: 0, access: 1 })).toBe(false);
    expect(set.contains({ type: 'c', major: 5, minor: 1, access: 2 })).toBe(false);
    expect(set.contains({ type: 'b', major: 0, minor: 0, access: 1 })).toBe(true);
  });
  it('strict without a list, and a list of which nothing resolves: deny everything', () => {
    expect(allowed('[Service]\nDevicePolicy=strict\n')!.isEmpty()).toBe(true);
    expect(allowed('[Service]\nDevicePolicy=strict\nDeviceAllow=char-nothing rwm\n')!.isEmpty()).toBe(true);
  });
  it('an empty DeviceAllow= forgets what was before, in a drop-in too', () => {
    const text =
      '[Service]\nDevicePolicy=strict\nDeviceAllow=/dev/sda rw\n# /etc/systemd/system/x.service.d/10.conf\n[Service]\nDeviceAllow=\nDeviceAllow=/dev/null r\n';
    const set = allowed(text)!;
    expect(set.contains({ type: 'b', major: 8, minor: 0, access: 2 })).toBe(false);
    expect(set.contains({ type: 'c', major: 1, minor: 3, access: 2 })).toBe(true);
  });
  it('settings of another section do not count', () => {
    expect(allowed('[Service]\nDevicePolicy=strict\n', 'scope')).toBeNull();
    expect(allowed('[Scope]\nDevicePolicy=strict\n', 'scope')!.isEmpty()).toBe(true);
  });
  it('PrivateDevices= closes an auto policy, and not a strict one', () => {
    expect(allowed('[Service]\nPrivateDevices=yes\n')!.contains({ type: 'c', major: 1, minor: 3, access: 2 })).toBe(
      true,
    );
    expect(allowed('[Service]\nPrivateDevices=yes\nDevicePolicy=strict\n')!.isEmpty()).toBe(true);
  });
  it('two lines of one node are not added up: r and w apart refuse O_RDWR', () => {
    const set = allowed('[Service]\nDevicePolicy=strict\nDeviceAllow=/dev/sda r\nDeviceAllow=/dev/sda w\n')!;
    expect(set.accessesOf('b', 8, 0)).toBe(0b01101); // -, r, w
  });
  it('ProtectClock= alone: no program since 252, not certain before', () => {
    const text = '[Service]\nProtectClock=yes\n';
    expect(compileUnit(files('x.service', text), host).program).toBeNull();
    expect(compileUnit(files('x.service', text), { ...host, release: 247 }).maybeNone).toBe('systemd:protect-clock');
    const s = space();
    const open = unitPartition(s, compileUnit(files('x.service', text), { ...host, release: 247 }))!;
    expect(open.allowed.union(open.undecided[0]!.region).equals(s.everything)).toBe(true);
  });
  it('what RootImage=, ProtectClock= and encrypted credentials add once there is a policy', () => {
    const names = (text: string, release: number): string[] =>
      compileUnit(files('x.service', `[Service]\nDevicePolicy=closed\n${text}\n`), { ...host, release }).entries.map(
        ({ entry }) => entry.text,
      );
    expect(names('RootImage=/x.raw', 257)).toEqual([
      '/dev/loop-control rw',
      '/dev/mapper/control rw',
      'block-loop rwm',
      'block-blkext rwm',
      'block-device-mapper rwm',
    ]);
    expect(names('ProtectClock=yes', 257)).toEqual(['char-rtc r']);
    expect(names('LoadCredentialEncrypted=a:/b', 252)).toEqual(['/dev/tpmrm0 rw']);
    expect(names('LoadCredentialEncrypted=a:/b', 257)).toEqual(['char-tpm rw']);
    expect(names('LoadCredentialEncrypted=a:/b', 262)).toEqual([]);
  });
  it('standard nodes nobody looked at are taken to exist, and named', () => {
    const compiled = compileUnit(files('x.service', '[Service]\nDevicePolicy=closed\n'), systemdHost(257, [], PROC));
    expect(compiled.assumed.map(({ path }) => path)).toEqual([
      '/dev/null',
      '/dev/zero',
      '/dev/full',
      '/dev/random',
      '/dev/urandom',
      '/dev/tty',
      '/dev/ptmx',
    ]);
    expect(unitPartition(space(), compiled)!.allowed.contains({ type: 'c', major: 1, minor: 8, access: 2 })).toBe(true);
  });
  it('what systemd last attached tells what an unknown line resolves to, if it is these settings', () => {
    const s = space();
    const compiled = compileUnit(
      files('x.service', '[Service]\nDevicePolicy=strict\nDeviceAllow=/dev/fuse rw\nDeviceAllow=/dev/null r\n'),
      systemdHost(257, [], PROC),
    );
    const rules = (text: string): DeviceSet =>
      unitPartition(
        s,
        compileUnit(files('y.service', `[Service]\nDevicePolicy=strict\n${text}`), systemdHost(257, [], PROC)),
      )!.allowed;
    const last = rules('DeviceAllow=/dev/char/10:229 rw\nDeviceAllow=/dev/null r\n');
    expect(unitPartition(s, compiled, [last])).toMatchObject({ undecided: [] });
    expect(unitPartition(s, compiled, [last])!.allowed.equals(last)).toBe(true);
    // More than rw, or without /dev/null being certain: /dev/null was only assumed, so its absence is believed; a right nobody gave is not.
    const other = rules('DeviceAllow=/dev/char/10:229 rwm\n');
    expect(unitPartition(s, compiled, [other])!.undecided).toHaveLength(1);
    const gone = rules('DeviceAllow=/dev/char/10:229 rw\n');
    expect(unitPartition(s, compiled, [gone])!.allowed.contains({ type: 'c', major: 1, minor: 3, access: 2 })).toBe(
      false,
    );
  });
  it('a line systemd ignores is kept as evidence', () => {
    expect(
      files('x.service', '[Service]\nDeviceAllow=/etc/passwd r\nDevicePolicy=sometimes\n').ignored.map(
        ({ line, why }) => `${line}: ${why}`,
      ),
    ).toEqual([
      'DeviceAllow=/etc/passwd r: invalid device node path "/etc/passwd"',
      'DevicePolicy=sometimes: unknown policy',
    ]);
  });
  it('BPFProgram= keeps device programs, an empty one forgets', () => {
    expect(
      files(
        'x.scope',
        '[Scope]\nBPFProgram=device:/sys/fs/bpf/a\nBPFProgram=\nBPFProgram=device:/sys/fs/bpf/b\nBPFProgram=ingress:/x\n',
      ).bpfPrograms,
    ).toEqual(['/sys/fs/bpf/b']);
  });
  it('what a line contributes', () => {
    const s = space();
    const [entry] = compileUnit(
      files('x.service', '[Service]\nDevicePolicy=strict\nDeviceAllow=char-pts rw\n'),
      host,
    ).entries;
    expect(entrySet(s, entry!).accessesOf('c', 137, 7)).toBe(0b11101);
  });
});
