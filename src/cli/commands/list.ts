import { createRun } from '../../pipeline.js';
import { toJsonText } from '../../report/json.js';
import { listJson, listText } from '../../report/list.js';
import type { CommandContext } from '../context.js';
import { EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openHost } from '../open.js';

/** All containers, and every cgroup with a device program of its own. Exit 3 when something could not be read. */
export async function runList(context: CommandContext): Promise<ExitStatus> {
  const snapshot = await openHost(context, [], { systemctl: false });
  const run = createRun(snapshot);
  const analyses = run.subjects().map((subject) => run.analyse(subject));
  const { io, globals, style } = context;
  if (globals.json === true) {
    io.out(toJsonText(listJson(analyses, snapshot)));
  } else {
    io.out(listText(analyses, style, io.outIsTerminal ? io.columns : null));
    if (analyses.length === 0 && globals.quiet !== true) io.err('no containers, and no cgroup with a device program\n');
  }
  const unread = analyses.some(
    ({ enforced, intended }) => enforced.status === 'unread' || intended.status === 'unread',
  );
  return unread || snapshot.problems.length > 0 ? EXIT_INCOMPLETE : EXIT_OK;
}
