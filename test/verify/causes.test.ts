/**
 * Causes on recordings of real systems, where what was done is known; each with the state changed so that the model no longer gives what is observed: then
 * no cause is named.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { Run } from '../../src/pipeline.js';
import { policyText } from '../../src/policy/policy-text.js';
import { PLAIN } from '../../src/report/style.js';
import { verifyText } from '../../src/report/verify-text.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import type { Cause } from '../../src/verify/causes/types.js';
import type { Evidence, Examined } from '../../src/verify/types.js';

const CAUSES = path.join(import.meta.dirname, '../fixtures/causes');
const BOOKWORM = 'bookworm-docker-20.10.24+dfsg1-1+deb12u1+b6-runc-1.1.5+ds1-1+deb12u1';
const HOOK = `${BOOKWORM}/hook-0-before`;
const HOOK_AFTER = `${BOOKWORM}/hook-1-after-daemon-reload`;
const STRANGER = `${BOOKWORM}/stranger`;
const SLICE = `${BOOKWORM}/slice`;
const NO_LINKS = `${BOOKWORM}/no-links-0-before`;
const SYSTEMD = 'bookworm-systemd-252.39-1~deb12u2';
const MOVED = `${SYSTEMD}/moved-node-0-before`;
const LEAK = 'bullseye-docker-20.10.5+dfsg1-1+deb11u4-runc-1.0.0~rc93+ds1-5+deb11u5/leak-1-after-docker-update';
const OVERLAP = 'bullseye-docker-20.10.5+dfsg1-1+deb11u4-runc-1.0.0~rc93+ds1-5+deb11u5/overlap';
const TRIXIE = 'trixie-docker-26.1.5+dfsg1-9+deb13u1-runc-1.1.15+ds1-2+b4';
const ARMED = `${TRIXIE}/armed-0-before`;
const SINCE_START = 'bullseye-docker-20.10.5+dfsg1-1+deb11u4-runc-1.0.0~rc93+ds1-5+deb11u5/since-start';
const NO_LIST = 'bullseye-podman-3.0.1+dfsg1-3+deb11u5-crun-0.17+dfsg-1+deb11u2/no-list';
const LEVELS = 'trixie-podman-5.4.2+ds1-2+b2-crun-1.21-1/two-levels';
const SID = 'sid-podman-5.8.6+ds1-3-crun-1.28-1';
const PIN_GONE = `${SID}/pin-gone-0-before`;

const captured = (name: string): Snapshot => snapshotFromDirectory(path.join(CAUSES, name));

function findings(snapshot: Snapshot, key = snapshot.subject): Map<string, Evidence> {
  const subject = Run.of(snapshot)
    .verify()
    .subjects.find((each) => each.subject.key === key);
  return new Map((subject?.findings ?? []).map(({ code, evidence }) => [code, evidence]));
}
function causeIn(snapshot: Snapshot, code: string): Cause | undefined {
  return findings(snapshot).get(code)?.cause;
}
function said(snapshot: Snapshot): string {
  const report = Run.of(snapshot).verify();
  const words = verifyText(report, snapshot, {
    style: PLAIN,
    columns: 100,
    verbose: true,
    expand: true,
    summary: false,
  });
  return words.replace(/\s+/g, ' ');
}
/** The policy of the folder's subject, whole and canonical. */
function enforcedText(name: string): string {
  const run = Run.of(captured(name));
  const { enforced } = run.analyse(run.subjects()[0]!);
  return text(enforced);
}
function text(examined: Examined): string {
  if (examined.status !== 'known') throw new Error(examined.reason);
  expect(examined.policy.undecided).toEqual([]);
  return policyText(examined.policy.allowed).join('\n');
}
function foretold(name: string): string {
  const run = Run.of(captured(name));
  return text(run.analyse(run.subjects()[0]!).afterReload);
}

test.each([
  [HOOK, HOOK_AFTER],
  [MOVED, `${SYSTEMD}/moved-node-1-after-daemon-reload`],
  [PIN_GONE, `${SID}/pin-gone-1-after-daemon-reload`],
  [NO_LINKS, `${BOOKWORM}/no-links-1-after-daemon-reload`],
])('%s: what was foretold is what came', (before, after) => {
  expect(foretold(before)).toBe(enforcedText(after));
  expect(enforcedText(before)).not.toBe(enforcedText(after));
});

describe('links that nobody captured', () => {
  test('are told by the lines, for the container’s own version of runc', () => {
    const evidence = findings(captured(NO_LINKS)).get('DP101');
    expect(evidence?.cause).toMatchObject({
      kind: 'runtime-list',
      generators: ['1.1.5 to before 1.1.7'],
      versionAgrees: true,
      parts: [{ reason: 'no-dev-and-sys-link', rules: ['c 195:0', 'c 195:255'], fixedIn: '1.1.7' }],
    });
    expect(evidence?.cause?.evidence.join('; ')).toMatch(/^\/dev\/char: ENOENT; not captured: which links/);
  });
  test('are no proof for another version', () => {
    const snapshot = captured(NO_LINKS);
    for (const version of ['1.1.4', '1.1.15']) {
      snapshot.containers[0]!.runtimeVersion = { version, source: 'test', changedAt: null };
      expect(causeIn(snapshot, 'DP101')).toMatchObject({ kind: 'unknown' });
    }
  });
});

test('what an overlap test alone let through was never meant: systemd’s program beside it takes nothing away', () => {
  const snapshot = captured(OVERLAP);
  const run = Run.of(snapshot);
  expect(run.compare(run.subjects()[0]!).differences.map(({ kind }) => kind)).toContain('missing');
  expect([...findings(snapshot).keys()]).toEqual(['DP304']);
});

describe('a hook in front of the runtime’s program', () => {
  test('is named before it is lost, and after', () => {
    for (const code of ['DP101', 'DP104', 'DP202'])
      expect(causeIn(captured(HOOK), code)).toMatchObject({
        kind: 'hook',
        runtime: 'nvidia-hook',
        about: ['c 195:0 rw', 'c 195:255 rw'],
      });
    expect(causeIn(captured(HOOK_AFTER), 'DP102')).toMatchObject({ kind: 'hook' });
    expect(said(captured(HOOK_AFTER))).toMatch(
      /NVIDIA GPUs are lost.*a hook \(nvidia-hook\) put c 195:0 rw, c 195:255 rw in front/,
    );
  });
  test('not where what stands behind the rules is another program than the runtime’s', () => {
    const snapshot = captured(HOOK);
    const other = structuredClone(snapshot);
    for (const source of other.containers[0]!.sources)
      if (source.kind === 'runc-state')
        source.devices = [...source.devices!, { allow: true, type: 'c', major: 240, minor: 1, access: 'rw' }];
    expect(causeIn(other, 'DP104')).toBeUndefined();
  });
});

test('a program that came after the start in the place of the runtime’s', () => {
  const cause = causeIn(captured(STRANGER), 'DP105');
  expect(cause).toMatchObject({ kind: 'replaced', runtime: 'systemd' });
  expect(cause?.evidence.join()).toMatch(/loaded 1[2-9] s after the start/);
  const unknown = captured(STRANGER);
  unknown.containers[0]!.startedAt = null;
  expect(causeIn(unknown, 'DP105')).toBeUndefined();
});

test('a slice above whose settings compile to what denies', () => {
  const snapshot = captured(SLICE);
  expect(causeIn(snapshot, 'DP103')).toMatchObject({
    kind: 'unit-list',
    about: ['narrow.slice', 'DevicePolicy=closed', 'DeviceAllow=/dev/fuse rw'],
  });
  expect(said(snapshot)).toContain('widen the settings of that unit');
  const other = captured(SLICE);
  for (const unit of other.units.filter(({ name }) => name === 'narrow.slice')) {
    unit.shown = { ...unit.shown, DeviceAllow: ['/dev/fuse r'] };
    unit.files = null;
  }
  expect(causeIn(other, 'DP103')).toBeUndefined();
});

describe('a number that moved', () => {
  test('is named with both numbers', () => {
    for (const code of ['DP101', 'DP105', 'DP202', 'DP206'])
      expect(causeIn(captured(MOVED), code)).toMatchObject({
        kind: 'moved-node',
        about: ['/dev/ttyUSB0: c 188:0 rw when systemd applied it, c 188:1 now'],
      });
    expect(findings(captured(MOVED)).has('DP104')).toBe(false);
  });
  test('not where two lines differ: no single number explains it', () => {
    const snapshot = captured(MOVED);
    snapshot.nodes = snapshot.nodes.map((node) => (node.path === '/dev/null' ? { ...node, minor: 99 } : node));
    expect(causeIn(snapshot, 'DP105')).toBeUndefined();
  });
});

describe('leaked programs', () => {
  test('are the recorded list as a runc compiles it that never replaced', () => {
    const cause = causeIn(captured(LEAK), 'DP302');
    expect(cause).toMatchObject({ kind: 'leaked-programs', runtime: 'runc', fixedIn: '1.0.0' });
    expect(cause !== undefined && 'about' in cause && cause.about).toHaveLength(3);
    expect(said(captured(LEAK))).toContain('upgrade runc to 1.0.0 or newer');
  });
  test('not of a list that compiles to something else', () => {
    const snapshot = captured(LEAK);
    for (const source of snapshot.containers[0]!.sources)
      if (source.kind === 'runc-state') source.devices = source.devices!.slice(0, -1);
    expect(causeIn(snapshot, 'DP302')).toBeUndefined();
  });
});

test('crun without a list attaches nothing', () => {
  expect(findings(captured(NO_LIST)).get('DP201')?.reasons).toEqual(['crun:empty-list']);
});

describe('crun’s list for systemd, on the level above its own program', () => {
  test('lacks what systemd has no form for, since the start', () => {
    const evidence = findings(captured(LEVELS)).get('DP102');
    expect(evidence?.cause).toMatchObject({
      kind: 'runtime-list',
      runtime: 'crun',
      generators: ['1.20 to before 1.23'],
      versionAgrees: true,
      parts: [{ reason: 'any-major', rules: ['c *:5'], fixedIn: '1.23' }],
    });
    expect(evidence?.cgroup).toMatch(/\.scope$/);
    expect(evidence?.denying?.map(({ sinceStart }) => sinceStart)).toEqual([true]);
    expect(said(captured(LEVELS))).toMatch(/there since the start.*upgrade crun to 1\.23 or newer/);
  });
  test('is unknown where systemd holds another list', () => {
    const snapshot = captured(LEVELS);
    for (const unit of snapshot.units)
      unit.shown = { ...unit.shown, DeviceAllow: unit.shown!['DeviceAllow']!.slice(1) };
    expect(causeIn(snapshot, 'DP102')).toMatchObject({ kind: 'unknown' });
  });
});

describe('a pin of crun’s that is gone', () => {
  const pin = /^\/sys\/fs\/bpf\/crun\/libpod-[0-9a-f]{64}_scope$/;
  test('is named before the reload, and after it', () => {
    for (const [name, code] of [
      [PIN_GONE, 'DP206'],
      [`${SID}/pin-gone-1-after-daemon-reload`, 'DP201'],
    ] as const)
      expect(causeIn(captured(name), code)).toMatchObject({
        kind: 'pin-gone',
        runtime: 'crun',
        about: [expect.stringMatching(pin)],
      });
  });
  test('a pin that is there, or that nobody looked for, is no cause and nothing is about to change', () => {
    expect([...findings(captured(`${SID}/pin`)).keys()]).toEqual([]);
    const unseen = captured(`${SID}/pin`);
    unseen.host.bpfPins = null;
    const run = Run.of(unseen);
    const { afterReload } = run.analyse(run.subjects()[0]!);
    expect(afterReload.status === 'known' && afterReload.policy.assumed).toEqual([expect.stringMatching(pin)]);
    expect(foretold(`${SID}/pin`)).toBe(enforcedText(`${SID}/pin`));
  });
});

test('settings of a user’s own systemd, which it shows and does not enforce', () => {
  const snapshot = captured(`${SYSTEMD}/user-service`);
  const [subject] = Run.of(snapshot).subjects();
  expect(subject?.key).toBe('cgroup:/system.slice/user-manager.service/app.slice/mine.service');
  expect([...findings(snapshot)].map(([code, { reasons }]) => [code, reasons])).toEqual([
    ['DP201', ['systemd:user-manager']],
  ]);
  // The system's own systemd has the v1 devices controller for it, where there is one.
  snapshot.host.v1Devices = [{ path: '/', list: 'a *:* rwm' }];
  expect(Run.of(snapshot).subjects()).toEqual([]);
});

test('attached so that any user may detach it', () => {
  expect(findings(captured(`${SYSTEMD}/detachable`)).has('DP307')).toBe(true);
});

describe('systemd 257, which applies nothing at the reload itself', () => {
  test('the mine is as armed after a reload as before it', () => {
    for (const name of [ARMED, `${TRIXIE}/armed-1-after-daemon-reload`]) {
      const evidence = findings(captured(name)).get('DP101');
      expect(evidence?.events?.map(({ kind }) => kind)).toEqual(['unit-start-after-reload', 'set-property']);
      expect(evidence?.cause).toMatchObject({ kind: 'runtime-list', parts: [{ reason: 'any-major', fixedIn: null }] });
    }
    expect(enforcedText(ARMED)).toBe(enforcedText(`${TRIXIE}/armed-1-after-daemon-reload`));
  });
  test('a reload since the start is said, by the two clocks', () => {
    // The folder has no clocks: these are made up around a program that was loaded 100 s after the boot.
    const armed = (reloadedS: number): string[] | undefined => {
      const snapshot = captured(ARMED);
      for (const program of snapshot.programs) program.loadedAtNs = 100e9;
      snapshot.host.systemd!.unitsLoadTimestampMonotonicUs = reloadedS * 1e6;
      return findings(snapshot)
        .get('DP101')
        ?.events?.map(({ kind }) => kind);
    };
    expect(armed(99)).toEqual(['unit-start-after-reload', 'set-property']);
    expect(armed(101)).toEqual(['unit-start', 'set-property']);
  });
});

test('systemd’s program that runc never took away: there since the start', () => {
  const evidence = findings(captured(SINCE_START)).get('DP102');
  expect(evidence?.denying?.map(({ sinceStart }) => sinceStart)).toEqual([true]);
  expect(evidence?.cause).toMatchObject({ kind: 'runtime-list', parts: [{ reason: 'any-major' }] });
  expect(evidence?.cause?.evidence.join('; ')).toContain('this runc leaves it in place');
  expect(
    findings(captured(HOOK_AFTER))
      .get('DP102')
      ?.denying?.map(({ sinceStart }) => sinceStart),
  ).toEqual([false]);
});

test('the trigger, on a real host: just after a reload, long after the start', () => {
  const moment = (name: string): Snapshot => parseSnapshot(readFileSync(path.join(CAUSES, 'reload', name), 'utf8'));
  const before = findings(moment('before.json'), 'docker:timed');
  expect(before.get('DP101')?.needDaemonReload).toBe(true);
  const [denying, ...others] = findings(moment('after.json'), 'docker:timed').get('DP102')?.denying ?? [];
  expect(others).toEqual([]);
  expect(denying?.secondsAfterReload).toBeLessThan(5);
  expect(denying?.secondsAfterReload).toBeGreaterThanOrEqual(0);
  expect(denying?.secondsAfterStart).toBeGreaterThan(15);
  expect(denying?.secondsAfterStart).toBeLessThan(60);
  expect(denying?.sinceStart).toBe(false);
});
