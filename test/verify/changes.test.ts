import { join } from 'node:path';
import { expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { createRun, type Run } from '../../src/pipeline.js';
import { formatRule } from '../../src/policy/rule-text.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { changesBetween, type Change, type HostState } from '../../src/verify/changes.js';

const CAPTURES = join(import.meta.dirname, '../fixtures/captures');
const SEED = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default';
/** A real container before and after the daemon-reload that set its land mine off. */
const armed = snapshotFromDirectory(join(CAPTURES, `${SEED}-0-before`));
const detonated = snapshotFromDirectory(join(CAPTURES, `${SEED}-1-after-daemon-reload`));

function stateOf(run: Run): HostState {
  const analyses = run.subjects().map((subject) => run.analyse(subject));
  return {
    snapshot: run.snapshot,
    analyses: new Map(analyses.map((each) => [each.subject.key, each])),
    report: run.verify(),
  };
}

function changes(before: Snapshot, after: Snapshot): Change[] {
  const run = createRun(before);
  return changesBetween(stateOf(run), stateOf(run.beside(after)));
}

function kinds(all: readonly Change[]): string[] {
  return all.map((change) => ('finding' in change ? `${change.kind} ${change.finding.code}` : change.kind));
}

/** A copy to be changed. */
function edited(snapshot: Snapshot, edit: (copy: Snapshot) => void): Snapshot {
  const copy = structuredClone(snapshot);
  edit(copy);
  return copy;
}

test('nothing changed: nothing is told', () => {
  expect(changes(armed, armed)).toEqual([]);
  expect(changes(detonated, structuredClone(detonated))).toEqual([]);
});

test('the land mine goes off: a program joins, devices are lost, one finding makes room for another', () => {
  const all = changes(armed, detonated);
  expect(kinds(all)).toEqual([
    'program-attached',
    'policy-changed',
    'finding-cleared DP101',
    'finding-cleared DP304',
    'finding-appeared DP102',
  ]);
  const policy = all.find((change) => change.kind === 'policy-changed');
  expect(policy?.gained).toBeNull();
  expect(policy?.lost?.rules.map((rule) => formatRule(rule))).toContain('c 1:3 {r,w,rw}');
  expect(kinds(changes(detonated, armed))).toEqual([
    'program-detached',
    'policy-changed',
    'finding-cleared DP102',
    'finding-appeared DP101',
    'finding-appeared DP304',
  ]);
});

test('a container comes and goes as a whole: with its programs and findings, not line by line', () => {
  const empty = edited(armed, (copy) => {
    copy.containers = [];
    copy.cgroups = [];
    copy.units = [];
    copy.subject = null;
  });
  const [appeared, ...findings] = changes(empty, armed);
  expect(appeared?.kind).toBe('appeared');
  expect(appeared?.kind === 'appeared' && appeared.programs).toHaveLength(1);
  expect(kinds(findings)).toEqual(['finding-appeared DP101', 'finding-appeared DP304']);
  expect(kinds(changes(armed, empty))).toEqual(['vanished']);
});

test('another program in the place of one replaces it; one more of the same is attached', () => {
  const [id = 0] = armed.programs.map((each) => each.id);
  const other = edited(armed, (copy) => {
    for (const program of copy.programs) program.id = 99;
    for (const { attached, effective } of copy.cgroups)
      for (const list of [attached, effective])
        if ('programIds' in list) list.programIds = list.programIds.map((each) => (each === id ? 99 : each));
  });
  const replaced = changes(armed, other);
  expect(kinds(replaced)).toEqual(['program-replaced']);
  expect(replaced[0]?.kind === 'program-replaced' && [replaced[0].before.id, replaced[0].program.id]).toEqual([id, 99]);
  const twice = edited(armed, (copy) => {
    for (const { attached, effective } of copy.cgroups)
      for (const list of [attached, effective])
        if ('programIds' in list && list.programIds.length > 0) list.programIds = [id, id];
  });
  expect(kinds(changes(armed, twice))[0]).toBe('program-attached');
});

test('what can be read no longer is told, and so is that it can again', () => {
  const blind = edited(armed, (copy) => {
    copy.problems.push({ subject: 'host', message: 'no', code: 'EACCES' });
  });
  expect(kinds(changes(armed, blind))).toEqual(['problem-appeared']);
  expect(kinds(changes(blind, armed))).toEqual(['problem-cleared']);
});
