import { describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { decodeSnapshot } from '../../src/snapshot/parse.js';
import { redactSnapshot } from '../../src/snapshot/redact.js';
import { serialiseSnapshot } from '../../src/snapshot/serialise.js';
import { CASES, caseDirectory } from '../collect/captured.js';

const docker = CASES.find((name) => name.includes('landmine') && name.includes('after')) ?? '';

describe.each(CASES)('%s', (name) => {
  const snapshot = snapshotFromDirectory(caseDirectory(name));
  const redacted = redactSnapshot(snapshot);

  test('keeps every program and rule', () => {
    expect(redacted.programs.map(({ id, xlated, helpers }) => ({ id, xlated, helpers }))).toEqual(
      snapshot.programs.map(({ id, xlated, helpers }) => ({ id, xlated, helpers })).sort((a, b) => a.id - b.id),
    );
    const rules = (each: typeof snapshot): unknown =>
      each.containers.flatMap(({ sources }) =>
        sources.map((source) => (source.kind === 'runc-state' ? source.devices : null)),
      );
    expect(rules(redacted)).toEqual(rules(snapshot));
    const settings = (each: typeof snapshot): unknown =>
      each.units.flatMap(({ files }) =>
        (files ?? []).flatMap(({ assignments }) => assignments.filter(([, key]) => key === 'DevicePolicy')),
      );
    expect(settings(redacted)).toEqual(settings(snapshot));
  });

  test('is a snapshot, and redacting it again changes nothing but the numbers', () => {
    expect(serialiseSnapshot(decodeSnapshot(JSON.parse(serialiseSnapshot(redacted))))).toBe(
      serialiseSnapshot(redacted),
    );
  });

  test('holds no id and no name of a container', () => {
    const text = serialiseSnapshot(redacted);
    for (const { id, names } of snapshot.containers) {
      if (id.length >= 12) expect(text).not.toContain(id);
      // A container called "default" or "service" keeps that word: it is everybody’s.
      const own = names.filter((each) => each.length >= 6 && !/^(default|docker|devices|service)$/.test(each));
      for (const each of own) expect(text).not.toMatch(new RegExp(`"${each}"[^:]`));
    }
  });
});

test('a name is the same pseudonym wherever it stands', () => {
  const redacted = redactSnapshot(snapshotFromDirectory(caseDirectory(docker)));
  const [container] = redacted.containers;
  expect(container?.cgroup).toBe(`/system.slice/docker-${container?.id ?? ''}.scope`);
  expect(container?.unit).toBe(`docker-${container?.id ?? ''}.scope`);
  expect(redacted.units[0]?.name).toBe(container?.unit);
  expect(redacted.units[0]?.files?.map(({ path }) => path)).toContain(
    `/run/systemd/transient/docker-${container?.id ?? ''}.scope.d/50-DeviceAllow.conf`,
  );
  expect(redacted.cgroups.at(-1)?.path).toBe(container?.cgroup);
});

test('device nodes of drivers keep their names, volumes and labels do not', () => {
  const snapshot = snapshotFromDirectory(caseDirectory(docker));
  const node = (path: string): { path: string; type: 'b'; major: number; minor: number } => ({
    path,
    type: 'b',
    major: 8,
    minor: 0,
  });
  snapshot.nodes = [
    '/dev/null',
    '/dev/net/tun',
    '/dev/dri/renderD128',
    '/dev/mapper/secret-lv',
    '/dev/disk/by-label/payroll',
    '/dev/corp/data',
  ].map(node);
  snapshot.host.hostname = 'db7.example.org';
  snapshot.host.bootId = '0e6bb4a3-7c1f-4f58-a6f4-9d52c7c1d3a8';
  const redacted = redactSnapshot(snapshot);
  const paths = redacted.nodes.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['/dev/null', '/dev/net/tun', '/dev/dri/renderD128']));
  expect(serialiseSnapshot(redacted)).not.toMatch(/secret|payroll|corp|example|db7|0e6bb4a3/);
});
