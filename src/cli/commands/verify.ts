import { createRun } from '../../pipeline.js';
import type { Snapshot } from '../../snapshot/types.js';
import type { FailOn, VerifyReport } from '../../verify/types.js';
import { InputError } from '../../errors.js';
import type { CommandContext } from '../context.js';
import type { ExitStatus } from '../exit.js';
import { openTargets } from '../open.js';
import { printCannotRun, printReport, type VerifyOutputOptions } from '../verify-output.js';

export interface VerifyCommandOptions extends VerifyOutputOptions {
  all?: boolean;
  failOn: FailOn;
}

/** systemd attaches its new program before it detaches the old one: a finding must still be there after this long. */
const REREAD_AFTER_MS = 200;
const MOST_READS = 4;

/** The cron job: compares and reports. Live findings are read again before they are believed. */
export async function runVerify(
  context: CommandContext,
  targets: readonly string[],
  options: VerifyCommandOptions,
): Promise<ExitStatus> {
  if (targets.length > 0 && options.all === true) throw new InputError('either targets or --all, not both');
  try {
    const started = performance.now();
    const { snapshot, report } = await stableReport(context, targets, options);
    return printReport(context, { snapshot, report, seconds: (performance.now() - started) / 1000 }, options);
  } catch (error) {
    if (options.format !== 'nagios') throw error;
    return printCannotRun(context, error);
  }
}

interface Result {
  snapshot: Snapshot;
  report: VerifyReport;
}

async function stableReport(
  context: CommandContext,
  targets: readonly string[],
  options: VerifyCommandOptions,
): Promise<Result> {
  let result = await readOnce(context, targets, options);
  if (!isLive(context, targets)) return result;
  for (let reads = 1; reads < MOST_READS && hasFindings(result.report); reads++) {
    await new Promise((resolve) => setTimeout(resolve, REREAD_AFTER_MS));
    const again = await readOnce(context, targets, options);
    const same = fingerprint(again.report) === fingerprint(result.report);
    result = again;
    if (same) break;
  }
  return result;
}

async function readOnce(
  context: CommandContext,
  targets: readonly string[],
  options: VerifyCommandOptions,
): Promise<Result> {
  const { snapshot, subjects } = await openTargets(context, targets);
  const all = subjects === null;
  const report = createRun(snapshot).verify(subjects, { failOn: options.failOn, all });
  return { snapshot, report };
}

/** Files do not change under us; reading them twice would only cost time. */
function isLive({ globals }: CommandContext, targets: readonly string[]): boolean {
  return (
    globals.snapshot === undefined && !targets.some((target) => /^(?:state|config|program):|\.json(?:#|$)/.test(target))
  );
}

function hasFindings({ subjects }: VerifyReport): boolean {
  return subjects.some(({ findings }) => findings.some(({ severity }) => severity !== 'note'));
}

function fingerprint({ subjects }: VerifyReport): string {
  return JSON.stringify(
    subjects.flatMap(({ subject, findings }) =>
      findings.map(({ code, evidence }) => [subject.key, code, evidence.rules]),
    ),
  );
}
