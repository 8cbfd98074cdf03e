import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptySnapshot } from '../../src/collect/empty.js';
import { FileTree } from '../../src/collect/files.js';
import { runtimeVersions } from '../../src/collect/versions.js';
import { installedText } from '../../src/report/installed-text.js';
import type { ContainerRecord, Snapshot, VersionRecord } from '../../src/snapshot/types.js';
import { installedRuntime } from '../../src/verify/installed.js';
import { container } from './subject-builder.js';

const RUNC: VersionRecord = { version: '1.3.6-1', source: 'dpkg', changedAt: '2026-11-20T10:00:00.000Z' };

function host(runc: VersionRecord | null): Snapshot {
  const base = emptySnapshot('little');
  return { ...base, host: { ...base.host, runtimes: runc === null ? {} : { runc } } };
}
const started = (startedAt: string | null, more: Partial<ContainerRecord> = {}): ContainerRecord => ({
  ...container,
  startedAt,
  ...more,
});

describe('the installed runtime beside the one that started a container', () => {
  test.each([
    ['2026-11-21T00:00:00Z', false],
    ['2026-11-19T00:00:00Z', true],
    ['no date', null],
    [null, null],
  ])('started at %s', (at, changedSinceStart) => {
    expect(installedRuntime(host(RUNC), started(at))).toEqual({ ...RUNC, changedSinceStart });
  });

  test('nothing is known of a runtime that nobody named, is not installed, or is on another host', () => {
    expect(installedRuntime(host(RUNC), started(null, { runtime: null }))).toBeNull();
    expect(installedRuntime(host(null), started(null))).toBeNull();
    expect(installedRuntime(host(RUNC), started(null, { runtime: 'toString' }))).toBeNull();
    expect(installedRuntime(host(RUNC), started(null, { nestedIn: 'lxc:box' }))).toBeNull();
  });

  test('said where it matters, and with -v always', () => {
    const newer = started('2026-11-19T00:00:00Z');
    const older = started('2026-11-21T00:00:00Z');
    expect(installedText(host(RUNC), newer, false)).toContain('another version may have started it');
    expect(installedText(host(RUNC), older, false)).toBeNull();
    expect(installedText(host(RUNC), older, true)).toContain('unchanged since before the start');
    const known = { ...older, runtimeVersion: { version: '1.1.5', source: 'record', changedAt: null } };
    expect(installedText(host(RUNC), known, false)).toBe('runc 1.3.6-1 (dpkg) is installed now, 1.1.5 started it');
    expect(installedText(host({ ...RUNC, version: '1\u001b[2J' }), newer, false)).not.toContain('\u001b');
  });
});

describe('in the files of a host', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'devpolicy-versions-'));
    mkdirSync(join(root, 'var/lib/pacman/local/crun-1.21-1'), { recursive: true });
    mkdirSync(join(root, 'var/lib/pacman/local/lib32-crun-tools-1.0-2'), { recursive: true });
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    writeFileSync(join(root, 'usr/bin/crun'), '');
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  test('a package of pacman, and when its program last changed', () => {
    const before = Date.now() - 60_000;
    const versions = runtimeVersions(new FileTree(root), 'full', (message) => {
      throw new Error(message);
    });
    expect(versions).toMatchObject({ crun: { version: '1.21-1', source: 'pacman' } });
    expect(Object.keys(versions)).toEqual(['crun']);
    expect(Date.parse(versions['crun']?.changedAt ?? '')).toBeGreaterThan(before);
  });
});
