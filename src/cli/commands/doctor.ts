import { collectSnapshot } from '../../collect/index.js';
import { UnsupportedError } from '../../errors.js';
import { createRun } from '../../pipeline.js';
import { diagnose, doctorText, type DoctorReport } from '../../report/doctor.js';
import { toJsonText } from '../../report/json.js';
import type { Snapshot } from '../../snapshot/types.js';
import type { CommandContext } from '../context.js';
import { EXIT_CANNOT, EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openHost } from '../open.js';

/** Can this host be inspected, and if not why. Exit 0 ready, 3 partly, 2 not at all. */
export async function runDoctor(context: CommandContext): Promise<ExitStatus> {
  const { io, globals, style } = context;
  const report = await examineHost(context);
  if (globals.json === true) io.out(toJsonText(report));
  else io.say(doctorText(report, style));
  return report.ready === 'yes' ? EXIT_OK : report.ready === 'partly' ? EXIT_INCOMPLETE : EXIT_CANNOT;
}

async function examineHost(context: CommandContext): Promise<DoctorReport> {
  const { globals } = context;
  try {
    const snapshot: Snapshot =
      globals.snapshot === undefined
        ? await collectSnapshot({
            ...(globals.hostRoot === undefined ? {} : { hostRoot: globals.hostRoot }),
            detail: 'brief',
            systemctl: true,
          })
        : await openHost(context, []);
    const run = createRun(snapshot);
    return diagnose(
      snapshot,
      run.subjects().map((subject) => run.analyse(subject)),
    );
  } catch (error) {
    // No addon for this machine: that is the diagnosis, not a failure of the doctor.
    if (!(error instanceof UnsupportedError)) throw error;
    return {
      schema: 'devpolicy/doctor',
      schemaVersion: [1, 0],
      ready: 'no',
      checks: [{ name: 'addon', state: 'bad', text: error.message, remedy: error.hint ?? null }],
    };
  }
}
