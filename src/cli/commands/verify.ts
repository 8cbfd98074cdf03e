import { createRun } from '../../pipeline.js';
import type { Snapshot } from '../../snapshot/types.js';
import type { FailOn, VerifyReport } from '../../verify/types.js';
import { InputError } from '../../errors.js';
import { parseExpectations, type Expectations } from '../../intent/expect.js';
import { expectedHere } from '../../verify/expected.js';
import { parseIgnores, type Ignores } from '../../verify/ignore.js';
import type { CommandContext } from '../context.js';
import type { ExitStatus } from '../exit.js';
import { openTargets, readTarget, subjectProgress } from '../open.js';
import { readUntilSame } from '../reread.js';
import { isFileTarget } from '../target-syntax.js';
import { printReport, type VerifyOutputOptions } from '../verify-output.js';

export interface VerifyCommandOptions extends VerifyOutputOptions {
  all?: boolean;
  failOn: FailOn;
  /** File of expectations. */
  expect?: string;
  /** File of findings to ignore. */
  ignore?: string;
}

/** The cron job: compares and reports. Live findings are read again before they are believed. */
export async function runVerify(
  context: CommandContext,
  targets: readonly string[],
  options: VerifyCommandOptions,
): Promise<ExitStatus> {
  if (targets.length > 0 && options.all === true) throw new InputError('either targets or --all, not both');
  if (targets.length > 0 && options.expect !== undefined)
    throw new InputError('either targets or --expect, not both: the file names what is compared');
  const started = performance.now();
  const expectations = await documentOf(options.expect, parseExpectations);
  const ignores = await documentOf(options.ignore, parseIgnores);
  const { snapshot, report } = await stableReport(context, targets, { ...options, expectations, ignores });
  return printReport(context, { snapshot, report, seconds: (performance.now() - started) / 1000 }, options);
}

/** The YAML reader is loaded only when there is a file to read. */
async function documentOf<T>(
  file: string | undefined,
  parse: (document: unknown, path: string) => T,
): Promise<T | null> {
  if (file === undefined) return null;
  const { readYamlFile } = await import('../yaml-file.js');
  return parse(readYamlFile(file), file);
}

interface ReadOptions extends VerifyCommandOptions {
  expectations: Expectations | null;
  ignores: Ignores | null;
}

interface Result {
  snapshot: Snapshot;
  report: VerifyReport;
}

/** Files do not change under us; reading them twice would only cost time. */
function stableReport(context: CommandContext, targets: readonly string[], options: ReadOptions): Promise<Result> {
  const read = (): Promise<Result> => readOnce(context, targets, options);
  return isLive(context, targets) ? readUntilSame(read, ({ report }) => fingerprint(report)) : read();
}

async function readOnce(
  context: CommandContext,
  targets: readonly string[],
  { all, failOn, expectations, ignores }: ReadOptions,
): Promise<Result> {
  const { snapshot, subjects } = await openTargets(context, targets);
  const run = createRun(snapshot);
  const options = { failOn, onSubject: subjectProgress(context), ...(ignores === null ? {} : { ignores }) };
  if (expectations === null) return { snapshot, report: run.verify(subjects, options) };
  const named = run.subjects().filter((subject) => expectedHere(expectations, subject) !== null);
  const report = run.verify(all === true ? null : named, { ...options, expectations });
  return { snapshot, report };
}

function isLive(context: CommandContext, targets: readonly string[]): boolean {
  return context.globals.snapshot === undefined && !targets.some((target) => isFileTarget(readTarget(context, target)));
}

/** "" where there is nothing but notes. */
function fingerprint({ subjects }: VerifyReport): string {
  if (!subjects.some(({ findings }) => findings.some(({ severity }) => severity !== 'note'))) return '';
  return JSON.stringify(
    subjects.flatMap(({ subject, findings }) =>
      findings.map(({ code, evidence }) => [subject.key, code, evidence.rules]),
    ),
  );
}
