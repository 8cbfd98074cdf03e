/** Captured folders one of whose files was damaged on its way: what it said is unknown, never another answer, and what was read can be saved and loaded. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { createRun } from '../../src/pipeline.js';
import { diagnose } from '../../src/report/doctor.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import { serialiseSnapshot } from '../../src/snapshot/serialise.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import type { SubjectAnalysis, VerifyReport } from '../../src/verify/types.js';
import { devpolicy } from '../cli/run.js';
import { caseDirectory } from './captured.js';

const DOCKER = 'captures/bookworm-docker-20.10.24-runc-1.1.5/default';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-damaged-'));
  cpSync(caseDirectory(DOCKER), folder, { recursive: true });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
const write = (name: string, content: string | Uint8Array): void => {
  writeFileSync(path.join(folder, name), content);
};
/** Changes a JSON file of the folder. */
const edit = (name: string, change: (document: Record<string, Record<string, unknown>>) => void): void => {
  const document = JSON.parse(read(name)) as Record<string, Record<string, unknown>>;
  change(document);
  write(name, JSON.stringify(document));
};

function verified(): { report: VerifyReport; analysis: SubjectAnalysis } {
  const run = createRun(snapshotFromDirectory(folder));
  const [subject] = run.subjects();
  return { report: run.verify(), analysis: run.analyse(subject!) };
}

/** What is saved must be readable again and say the same. */
function expectSaved(snapshot: Snapshot): void {
  const text = serialiseSnapshot(snapshot);
  expect(serialiseSnapshot(parseSnapshot(text))).toBe(text);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u{e0000}-\u{e0fff}]/u);
}

test('byte order marks and carriage returns change nothing', () => {
  const before = verified();
  for (const name of [
    'systemctl-cat.txt',
    'systemctl-show.txt',
    'proc-devices.txt',
    'state.json',
    'case.json',
    'prog-1.json',
  ])
    write(name, `\ufeff${read(name).replaceAll('\n', '\r\n')}`);
  const after = verified();
  expect(after.report).toEqual(before.report);
  expect([after.analysis.afterReload.status, after.analysis.afterApply.status]).toEqual(['known', 'known']);
});

describe('a file that holds something else is a problem, and what it would have told is unknown', () => {
  const garbage = Uint8Array.from({ length: 3000 }, (_, index) => (index * index * 31 + index * 7) % 256);

  test('the unit files', () => {
    write('systemctl-cat.txt', garbage);
    const { report, analysis } = verified();
    expect(report.problems.map(({ message }) => message)).toContain('systemctl-cat.txt: no output of "systemctl cat"');
    expect(analysis.afterReload.status).not.toBe('known');
    expect(report.exitStatus).toBe(3);
  });

  test('what systemd held', () => {
    write('systemctl-show.txt', garbage);
    const { report, analysis } = verified();
    expect(report.problems.map(({ message }) => message)).toContain(
      'systemctl-show.txt: no output of "systemctl show"',
    );
    expect(analysis.afterApply.status).not.toBe('known');
    expect(report.exitStatus).toBe(3);
  });

  test.each([
    ['noise', garbage],
    ['half of it', 'Character devices:\n  1 mem\n  5 /dev/tty\n'],
    ['a page of a web server', '<html>\n'],
  ])('the list of drivers: %s; a land mine is not made up from that', (_what, content) => {
    write('proc-devices.txt', content);
    const { report, analysis } = verified();
    const { afterReload } = analysis;
    expect(afterReload.status === 'known' && afterReload.policy.undecided.map(({ reason }) => reason)).toContain(
      'proc-devices',
    );
    expect(report.subjects.flatMap(({ findings }) => findings.map(({ code }) => code))).not.toContain('DP101');
    expect(report.exitStatus).toBe(3);
  });

  test('words of systemctl itself are no problem: there is nothing to be known', () => {
    write('systemctl-cat.txt', 'No files found for x.scope.\n');
    write('systemctl-show.txt', "System has not been booted with systemd as init system (PID 1). Can't operate.\n");
    expect(snapshotFromDirectory(folder).problems).toEqual([]);
  });
});

describe('a record of the intent that is none: nothing is known of it, and nothing is called broken', () => {
  const intended = (): SubjectAnalysis['intended'] => verified().analysis.intended;

  test.each(['{}', '{"__proto__": {"linux": {}}}', '{"a": 1}'])('config.json is %s', (content) => {
    rmSync(folder, { recursive: true });
    cpSync(caseDirectory('captures/bookworm-podman-4.3.1-crun-1.8.1/default'), folder, { recursive: true });
    write('config.json', content);
    expect(intended()).toMatchObject({
      status: 'unread',
      reason: expect.stringContaining('no OCI configuration') as string,
    });
  });

  test.each([
    ['nothing', ''],
    ['comments only', '# Template used: none\n\n'],
    ['a line that LXC refuses', 'lxc.rootfs.path = dir:/x\nlxc.cgroup2.devices\n'],
    ['zeros', '\0\0\0'],
    ['another tool’s', 'DevicePolicy=closed\n'],
  ])('the configuration of LXC is %s', (_what, content) => {
    rmSync(folder, { recursive: true });
    cpSync(caseDirectory('captures/trixie-lxc-6.0.4/std'), folder, { recursive: true });
    write('config', content);
    expect(intended()).toMatchObject({
      status: 'unread',
      reason: expect.stringContaining('no LXC configuration') as string,
    });
  });
});

describe('bpftool’s words', () => {
  test.each([[true], ['x'], [7], [null], [{}]])('an effective list that is %j is not an empty one', (list) => {
    edit('cgroup-show.json', (document) => {
      Object.assign(document, { effective: list });
    });
    expect(verified().analysis.enforced.status).toBe('unread');
  });

  test('an effective list that lacks what is attached to the cgroup itself belongs to another moment', () => {
    edit('cgroup-show.json', (document) => {
      Object.assign(document, { effective: [] });
    });
    expect(verified().analysis.enforced).toMatchObject({
      status: 'unread',
      reason: expect.stringMatching(
        /^cgroup-show: program \d+ is attached here and not in the effective list$/,
      ) as string,
    });
  });

  test.each(['', 'x', '__proto__', '\u001b[31m\u202e'])(
    'a tag that is %j: what cannot be saved is not taken',
    (tag) => {
      edit('prog-1.json', ({ prog }) => {
        prog!['tag'] = tag;
      });
      const snapshot = snapshotFromDirectory(folder);
      expect(snapshot.problems[0]?.message).toMatch(/^prog-1\.json: prog\.tag: expected 16 hexadecimal digits/);
      expectSaved(snapshot);
    },
  );
});

describe('the listing of /dev', () => {
  const nodes = (): string[] =>
    snapshotFromDirectory(folder).nodes.map(({ type, path: name }) => `${type ?? 'no'} ${name}`);
  const line = (major: number, minor: number, name: string): string =>
    `crw-rw-rw- 1 root root ${String(major)}, ${String(minor)} Nov 22 02:58 ${name}\n`;

  test('tells what is not there only if it has what every /dev has: else it is a part', () => {
    write('dev-listing.txt', line(1, 3, '/dev/null'));
    expect(nodes()).toEqual(['c /dev/null']);
    write('dev-listing.txt', line(1, 3, '/dev/null') + line(1, 5, '/dev/zero'));
    expect(nodes()).toEqual(expect.arrayContaining(['c /dev/null', 'no /dev/random']));
  });

  test('that is none is said', () => {
    write('dev-listing.txt', '<html>\n');
    expect(snapshotFromDirectory(folder).problems.map(({ message }) => message)).toEqual([
      'dev-listing.txt: no line of `ls -l`',
    ]);
  });
});

test('what is no request has no answer', () => {
  const run = createRun(snapshotFromDirectory(folder));
  const [subject] = run.subjects();
  const request = { type: 'c', major: 1, minor: 3, access: 2 } as const;
  expect(run.decide(subject!, request).verdict).toBe(run.answerer(subject!)(request));
  for (const wrong of [{ major: 4096 }, { minor: -1 }, { access: 8 }, { major: 1.5 }, { type: 'x' as 'c' }])
    expect(() => run.decide(subject!, { ...request, ...wrong }), JSON.stringify(wrong)).toThrow(RangeError);
});

test('a saved snapshot holds no character that steers a terminal', () => {
  write('proc-devices.txt', '\u009b31m\u202e\u{e0041}\u007f');
  expectSaved(snapshotFromDirectory(folder));
});

describe('one record of several that cannot be read', () => {
  test('is said and is not healthy, though another one tells the intent', () => {
    write('state.json', '{"config": {');
    const snapshot = snapshotFromDirectory(folder);
    // As a live host has it: the source alone says so.
    const live = { ...snapshot, problems: [] };
    for (const each of [snapshot, live]) {
      const run = createRun(each);
      const [subject] = run.subjects();
      expect(run.analyse(subject!).intended.status).toBe('known');
      const { problems, exitStatus } = run.verify();
      expect(problems).toHaveLength(1);
      expect(problems[0]?.message).toMatch(/state\.json: not valid JSON$/);
      expect(exitStatus).toBe(3);
      expect(run.verify([subject!]).exitStatus).toBe(3);
      expect(diagnose(each, []).checks.find(({ name }) => name === 'files')?.text).toMatch(
        /^1 thing.*state\.json: not valid/,
      );
    }
  });

  test('show says it in text and JSON, and is incomplete; so is the snapshot', async () => {
    write('state.json', '{"config": {');
    const text = await devpolicy(['--snapshot', folder, 'show']);
    expect(text.stdout).toMatch(/^unread {8}state\.json: not valid JSON$/m);
    const { problems } = JSON.parse((await devpolicy(['--snapshot', folder, 'show', '--json'])).stdout) as {
      problems: unknown;
    };
    expect(problems).toEqual([{ message: 'state.json: not valid JSON', code: null }]);
    expect(text.status).toBe(3);
    const { status, stderr } = await devpolicy(['snapshot', '--from', folder, '-v']);
    expect(status).toBe(3);
    expect(stderr).toBe(
      'devpolicy: 1 thing could not be read and is unknown in the snapshot\n  docker:dc-default: state.json: not valid JSON\n',
    );
  });
});
