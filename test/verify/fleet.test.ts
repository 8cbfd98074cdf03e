import { expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { createRun, type Run } from '../../src/pipeline.js';
import { formatRule } from '../../src/policy/rule-text.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { Fleet } from '../../src/verify/fleet.js';
import { ARMED, DETONATED, DOCKER } from '../cli/run.js';

const armed = snapshotFromDirectory(ARMED);
const detonated = snapshotFromDirectory(DETONATED);

function host(snapshot: Snapshot, hostname: string | null, edit: (copy: Snapshot) => void = () => undefined): Snapshot {
  const copy = structuredClone(snapshot);
  copy.host.hostname = hostname;
  edit(copy);
  return copy;
}

function fleetOf(snapshots: readonly Snapshot[]): Fleet {
  const fleet = new Fleet();
  let first: Run | null = null;
  for (const [index, snapshot] of snapshots.entries()) {
    const run: Run = first === null ? createRun(snapshot) : first.beside(snapshot);
    first ??= run;
    const report = run.verify();
    const analyses = report.subjects.map(({ subject }) => run.analyse(subject));
    fleet.add({ file: `${String(index)}.json`, snapshot, report, analyses });
  }
  return fleet;
}

test('the one host that is not like the others comes first, with how it differs', () => {
  const other = snapshotFromDirectory(DOCKER);
  const [family, ...alike] = fleetOf([
    host(armed, 'a'),
    host(detonated, 'b'),
    host(armed, 'c'),
    host(armed, 'd', (copy) =>
      copy.containers.push(...other.containers.map((each) => ({ ...each, cgroup: null, state: 'stopped' as const }))),
    ),
  ]).families();
  expect(family?.name).toBe('seed-default');
  expect(family?.members).toBe(4);
  expect(
    family?.groups.map(({ status, members, isReference }) => [
      status,
      members.map((each) => each.host.name),
      isReference,
    ]),
  ).toEqual([
    ['broken', ['b'], false],
    ['land-mine', ['a', 'c', 'd'], true],
  ]);
  const [outlier, reference] = family?.groups ?? [];
  expect(outlier?.difference?.onlyLeft?.rules.map((rule) => formatRule(rule)).join(' ')).toContain('c 1:3');
  expect(outlier?.difference?.onlyRight).toBeNull();
  expect(reference?.difference).toBeNull();
  expect(alike.map(({ name, groups }) => [name, groups.length])).toEqual([['dc-default', 1]]);
});

test('equal policies are one group whoever wrote the programs and whatever ids and cgroups are', () => {
  const renamed = host(armed, 'b', (copy) => {
    for (const program of copy.programs) program.id += 1000;
    for (const { attached, effective } of copy.cgroups)
      for (const list of [attached, effective])
        if ('programIds' in list) list.programIds = list.programIds.map((id) => id + 1000);
  });
  expect(
    fleetOf([host(armed, 'a'), renamed])
      .families()
      .map(({ groups }) => groups.length),
  ).toEqual([1]);
});

test('pods are put together by namespace and container, nameless containers by engine', () => {
  const pod = (name: string, hostname: string): Snapshot =>
    host(armed, hostname, (copy) => {
      for (const container of copy.containers)
        container.kubernetes = { namespace: 'shop', pod: name, container: 'app' };
    });
  const nameless = host(armed, 'n', (copy) => {
    for (const container of copy.containers) container.names = [];
  });
  const names = fleetOf([pod('app-1x', 'a'), pod('app-2y', 'b'), nameless])
    .families()
    .map(({ name, members }) => [name, members]);
  expect(names).toEqual([
    ['docker (no name)', 1],
    ['shop/*/app', 2],
  ]);
});

test('hosts of the same name, or of none, are told apart by their files', () => {
  const hosts = fleetOf([host(armed, 'a'), host(armed, 'a'), host(armed, null)]).hosts();
  expect(hosts.map(({ name }) => name)).toEqual(['2.json', 'a (0.json)', 'a (1.json)']);
  expect(hosts.map(({ status }) => status)).toEqual(['land-mine', 'land-mine', 'land-mine']);
});

test('a host with a problem is unknown, never well', () => {
  const blind = host(snapshotFromDirectory(DOCKER), 'a', (copy) =>
    copy.problems.push({ subject: 'host', message: 'no', code: 'EACCES' }),
  );
  expect(fleetOf([blind]).hosts()[0]?.status).toBe('unknown');
});
