import { toJsonText } from '../report/json.js';
import { verifyJunit } from '../report/junit.js';
import { verifyNagios } from '../report/nagios.js';
import { verifyNdjson } from '../report/ndjson.js';
import { verifyPrometheus } from '../report/prometheus.js';
import { verifySarif } from '../report/sarif.js';
import { verifyJson } from '../report/verify-json.js';
import { verifyText } from '../report/verify-text.js';
import type { Snapshot } from '../snapshot/types.js';
import type { VerifyReport } from '../verify/types.js';
import type { CommandContext } from './context.js';
import type { ExitStatus } from './exit.js';
import { readFindingPages } from './finding-pages.js';
import { replaceFile } from './replace-file.js';

export const VERIFY_FORMATS = ['text', 'json', 'ndjson', 'junit', 'sarif', 'nagios', 'prometheus'] as const;
export type VerifyFormat = (typeof VERIFY_FORMATS)[number];

export interface VerifyOutputOptions {
  format: VerifyFormat;
  expand?: boolean;
  /** Where to leave metrics for node_exporter's textfile collector, whatever `format` says. */
  textfile?: string;
}

export interface VerifyResult {
  snapshot: Snapshot;
  report: VerifyReport;
  seconds: number;
}

/** Prints a report and returns the exit status: the report's own, save for `nagios`, whose guidelines have another. */
export function printReport(
  context: CommandContext,
  { snapshot, report, seconds }: VerifyResult,
  options: VerifyOutputOptions,
): ExitStatus {
  const { io, globals } = context;
  const facts = { seconds };
  // Readable by the user that node_exporter runs as.
  if (options.textfile !== undefined) replaceFile(options.textfile, verifyPrometheus(report, snapshot, facts), 0o644);
  switch (globals.json === true ? 'json' : options.format) {
    case 'json':
      io.out(toJsonText(verifyJson(report, snapshot)));
      break;
    case 'ndjson':
      io.out(verifyNdjson(report, snapshot));
      break;
    case 'junit':
      io.out(verifyJunit(report, snapshot, facts));
      break;
    case 'sarif':
      io.out(verifySarif(report, snapshot, readFindingPages()));
      break;
    case 'prometheus':
      io.out(verifyPrometheus(report, snapshot, facts));
      break;
    case 'nagios': {
      const { text, status } = verifyNagios(report, facts);
      io.out(text);
      return status;
    }
    case 'text':
      printText(context, { snapshot, report, seconds }, options);
      break;
  }
  return report.exitStatus;
}

function printText(
  { io, globals, style }: CommandContext,
  { snapshot, report, seconds }: VerifyResult,
  options: VerifyOutputOptions,
): void {
  const verbose = globals.verbose === true;
  const text = verifyText(report, snapshot, {
    style,
    verbose,
    expand: options.expand === true,
    summary: (io.outIsTerminal || verbose) && globals.quiet !== true,
    columns: io.columns,
  });
  io.say(text);
  if (verbose) io.err(`${seconds.toFixed(2)} s\n`);
}
