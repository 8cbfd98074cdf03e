import { createRun, type Run } from '../../pipeline.js';
import { DeviceNames } from '../../policy/names.js';
import { diffJson, diffText, isSame, type DiffReport } from '../../report/diff.js';
import { toJsonText } from '../../report/json.js';
import type { Snapshot } from '../../snapshot/types.js';
import { diffSubjects, type SubjectDiff } from '../../verify/diff.js';
import { subjectsOf, type Subject } from '../../verify/subjects.js';
import type { CommandContext } from '../context.js';
import type { ExitStatus } from '../exit.js';
import { openTarget, openWhole } from '../open.js';

/** Two subjects, or two saved hosts subject by subject. Exit 0 same, 1 different, 3 undecided. */
export async function runDiff(context: CommandContext, first: string, second: string): Promise<ExitStatus> {
  const hosts = await Promise.all([openWhole(context, first), openWhole(context, second)]);
  const [left, right] = hosts;
  const both = left !== null && right !== null;
  const { report, snapshots } = both ? diffHosts(left, right) : await diffTargets(context, first, second);
  const { io, globals, style } = context;
  const names = new DeviceNames({
    nodes: snapshots.flatMap(({ containers, nodes }) => [...containers.flatMap((each) => each.nodes), ...nodes]),
    procDevices: snapshots[0]?.host.procDevices ?? null,
  });
  if (globals.json === true) io.out(toJsonText(diffJson(report)));
  else io.say(diffText(report, names, style, both));
  return report.exitStatus;
}

interface Result {
  report: DiffReport;
  snapshots: Snapshot[];
}

async function diffTargets(context: CommandContext, first: string, second: string): Promise<Result> {
  const left = await openTarget(context, first, { systemctl: false });
  const right = await openTarget(context, second, { systemctl: false });
  const run = createRun(left.snapshot);
  const pair = compareSubjects(run, left.subject, run.beside(right.snapshot), right.subject);
  const unknown = pair === null ? [first, second] : [];
  return { report: reportOf(pair === null ? [] : [pair], [], [], unknown), snapshots: [left.snapshot, right.snapshot] };
}

/** Subjects are paired by their keys. */
function diffHosts(left: Snapshot, right: Snapshot): Result {
  const run = createRun(left);
  const other = run.beside(right);
  const [mine, theirs] = [subjectsOf(left), subjectsOf(right)];
  const pairs: SubjectDiff[] = [];
  const unknown: string[] = [];
  for (const subject of mine) {
    const counterpart = theirs.find(({ key }) => key === subject.key);
    if (counterpart === undefined) continue;
    const pair = compareSubjects(run, subject, other, counterpart);
    if (pair === null) unknown.push(subject.key);
    else pairs.push(pair);
  }
  const without = (some: Subject[], others: Subject[]): string[] =>
    some.filter(({ key }) => !others.some((each) => each.key === key)).map(({ key }) => key);
  return { report: reportOf(pairs, without(mine, theirs), without(theirs, mine), unknown), snapshots: [left, right] };
}

function compareSubjects(left: Run, subject: Subject, right: Run, other: Subject): SubjectDiff | null {
  return diffSubjects(left.analyse(subject), right.analyse(other));
}

function reportOf(pairs: SubjectDiff[], onlyLeft: string[], onlyRight: string[], unknown: string[]): DiffReport {
  const differs =
    onlyLeft.length + onlyRight.length > 0 || pairs.some((pair) => pair.onlyLeft !== null || pair.onlyRight !== null);
  const open = unknown.length > 0 || pairs.some((pair) => !isSame(pair));
  return { pairs, onlyLeft, onlyRight, unknown, exitStatus: differs ? 1 : open ? 3 : 0 };
}
