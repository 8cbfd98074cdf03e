import { fileURLToPath } from 'node:url';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { emptySnapshot } from '../../src/collect/empty.js';
import { createRun } from '../../src/pipeline.js';
import type { ContainerRecord, Snapshot } from '../../src/snapshot/types.js';
import type { FailOn, VerifyReport } from '../../src/verify/types.js';
import { verifySubjects } from '../../src/verify/verify.js';
import {
  analysisOf,
  container,
  intended,
  known,
  none,
  partition,
  pending,
  program,
  rules,
  unread,
} from '../verify/subject-builder.js';

/** What no format may pass on as it is: markup, quotes, a line break, a terminal command, a right-to-left override, a placeholder, a link. */
export const HOSTILE_NAME = 'a"b\'c<d>&|e\nf\x1b]0;owned\x07\u202e{0}[x](http://evil)\\x1b';

export interface Sample {
  report: VerifyReport;
  snapshot: Snapshot;
}

function named(name: string, more: Partial<ContainerRecord> = {}): ContainerRecord {
  return { ...container, key: `docker:${name}`, names: [name], cgroup: `/system.slice/docker-${name}.scope`, ...more };
}

/** A host with a subject of every status; the broken one has a hostile name. */
export function sampleReport(failOn: FailOn = 'error'): Sample {
  const snapshot: Snapshot = {
    ...emptySnapshot('little'),
    collectedAt: '2026-11-22T06:00:00.250Z',
    problems: [{ subject: 'host', message: 'cannot read <\x1b>', code: 'EACCES' }],
  };
  snapshot.host.hostname = 'host"1';
  snapshot.host.bootId = '6a2f4d9e-0c1b-4a52-9a3e-1c2d3e4f5a6b';
  const full = rules('c *:* m', 'c 1:3 rwm', 'c 5:0 rwm', 'c 136:* rwm');
  const short = rules('c *:* m', 'c 136:* rwm');
  const steady = { afterReload: pending(full), afterApply: pending(full, 'set-property') };
  const stateFile: ContainerRecord['sources'] = [{ kind: 'lxc-config', path: '/run/a b/state.json', assignments: [] }];
  const analyses = [
    analysisOf({
      container: named(HOSTILE_NAME, { sources: stateFile }),
      enforced: known(partition(short)),
      intended: intended(full),
      programs: [program(7, full), program(8, short)],
    }),
    analysisOf({
      container: named('mine'),
      enforced: known(partition(full)),
      intended: intended(full),
      afterReload: pending(short),
      afterApply: pending(short, 'set-property'),
      programs: [program(9, full)],
    }),
    analysisOf({
      container: named('blind'),
      enforced: unread,
      intended: intended(full),
      programs: [program(10, null)],
    }),
    analysisOf({
      container: named('wide', {
        kubernetes: { namespace: 'shop', pod: 'front-1', container: 'wide' },
      }),
      enforced: known(partition(full)),
      intended: intended(short),
      programs: [program(11, full)],
      ...steady,
    }),
    analysisOf({
      container: named('good'),
      enforced: known(partition(full)),
      intended: intended(full),
      programs: [program(12, full)],
      ...steady,
    }),
    analysisOf({
      container: named('alone'),
      enforced: known(partition(full)),
      intended: none,
      programs: [program(13, full)],
    }),
    analysisOf({ container: named('off', { state: 'stopped', pid: null, cgroup: null }), intended: intended(full) }),
  ];
  return { report: verifySubjects(snapshot, analyses, { failOn, all: true }), snapshot };
}

/** A host on which all is well. */
export function healthyReport(): Sample {
  const { snapshot } = sampleReport();
  const calm = { ...snapshot, problems: [] };
  const full = rules('c *:* m', 'c 1:3 rwm');
  const good = analysisOf({
    container: named('good'),
    enforced: known(partition(full)),
    intended: intended(full),
    afterReload: pending(full),
    afterApply: pending(full, 'set-property'),
    programs: [program(12, full)],
  });
  return { report: verifySubjects(calm, [good], { all: true }), snapshot: calm };
}

/** A host that was captured just before its mine went off. */
export function capturedReport(name: string): Sample {
  const snapshot = snapshotFromDirectory(fileURLToPath(new URL(`../fixtures/captures/${name}`, import.meta.url)));
  return { report: createRun(snapshot).verify(null, { all: true }), snapshot };
}

/** Control characters, reordering controls and the like in a text; the line breaks of the format itself are not meant. */
export function unsafeIn(text: string): string[] {
  return text.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/gu) ?? [];
}
