import { createHash } from 'node:crypto';
import { InputError } from '../../errors.js';
import { createRun } from '../../pipeline.js';
import { reportPage } from '../../report/html/page.js';
import { REPORT_STYLE } from '../../report/html/style.js';
import { isIncomplete } from '../../verify/severity.js';
import type { CommandContext } from '../context.js';
import { EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { readFindingPages } from '../finding-pages.js';
import { openHost, subjectProgress } from '../open.js';
import { replaceFile } from '../replace-file.js';

export interface ReportOptions {
  output?: string;
}

/** The host as one page for a ticket. Exit 3 if something could not be read or decided; findings are no failure here. */
export async function runReport(context: CommandContext, { output }: ReportOptions): Promise<ExitStatus> {
  const { io, globals } = context;
  if (globals.json === true)
    throw new InputError('a report is a page of HTML', 'as JSON: devpolicy verify --all --json');
  if (output === undefined && io.outIsTerminal)
    throw new InputError('where to write the page?', 'devpolicy report -o report.html');
  const snapshot = await openHost(context, []);
  const run = createRun(snapshot);
  const report = run.verify(null, { onSubject: subjectProgress(context) });
  const page = reportPage({
    snapshot,
    report,
    analyses: report.subjects.map(({ subject }) => run.analyse(subject)),
    pages: readFindingPages(),
    styleHash: createHash('sha256').update(REPORT_STYLE).digest('base64'),
  });
  // It names containers and devices: only the owner may read it.
  if (output === undefined || output === '-') io.out(page);
  else replaceFile(output, page, 0o600);
  return isIncomplete(report) ? EXIT_INCOMPLETE : EXIT_OK;
}
