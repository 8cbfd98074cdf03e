import { InputError } from '../../errors.js';
import { createRun, type Run } from '../../pipeline.js';
import { escapeText } from '../../report/escape.js';
import { fleetJson, fleetText, type FleetReport } from '../../report/fleet.js';
import { toJsonText } from '../../report/json.js';
import type { Snapshot } from '../../snapshot/types.js';
import { Fleet } from '../../verify/fleet.js';
import type { CommandContext } from '../context.js';
import { EXIT_CANNOT, type ExitStatus } from '../exit.js';
import { openSnapshotFile } from '../open.js';

/** Many saved hosts, one after the other in the same diagrams. Exit 3 if one of them, or something in one, could not be read or decided. */
export async function runFleet(context: CommandContext, files: readonly string[]): Promise<ExitStatus> {
  const { io, globals, style } = context;
  if (globals.snapshot !== undefined)
    throw new InputError('fleet takes its snapshots as arguments', 'devpolicy fleet A.json B.json');
  const report = await readFleet(context, files);
  if (report.hosts.length === 0) {
    for (const { file, message } of report.unread) io.err(`devpolicy: ${escapeText(file)}: ${escapeText(message)}\n`);
    return EXIT_CANNOT;
  }
  if (globals.json === true) io.out(toJsonText(fleetJson(report)));
  else io.say(fleetText(report, { style, columns: io.columns, verbose: globals.verbose === true }));
  return report.exitStatus;
}

async function readFleet({ io, globals }: CommandContext, files: readonly string[]): Promise<FleetReport> {
  const fleet = new Fleet();
  const unread: { file: string; message: string }[] = [];
  let first: Run | null = null;
  for (const [index, file] of files.entries()) {
    if (globals.quiet !== true) io.progress(`host ${String(index + 1)} of ${String(files.length)}`);
    const snapshot = await openOne(file);
    if (typeof snapshot === 'string') {
      unread.push({ file, message: snapshot });
      continue;
    }
    const run: Run = first === null ? createRun(snapshot) : first.beside(snapshot);
    first ??= run;
    const report = run.verify();
    const analyses = report.subjects.map(({ subject }) => run.analyse(subject));
    fleet.add({ file, snapshot, report, analyses });
  }
  const hosts = fleet.hosts();
  const incomplete = hosts.some(
    ({ status, problems, exitStatus }) => status === 'unknown' || problems.length > 0 || exitStatus === 3,
  );
  return { hosts, families: fleet.families(), unread, exitStatus: incomplete || unread.length > 0 ? 3 : 0 };
}

/** One file that cannot be read is told, and the others still count. Returns why in place of the host. */
async function openOne(file: string): Promise<Snapshot | string> {
  try {
    return await openSnapshotFile(file);
  } catch (error) {
    if (error instanceof InputError) return error.message.replace(`${file}: `, '');
    throw error;
  }
}
