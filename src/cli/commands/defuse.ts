import { createRun } from '../../pipeline.js';
import { commandText, defuseText } from '../../report/defuse-text.js';
import { toJsonText } from '../../report/json.js';
import type { DefuseResult } from '../../verify/defuse.js';
import { deviceNames } from '../../verify/device-names.js';
import { regionRules } from '../../verify/region-rules.js';
import type { CommandContext } from '../context.js';
import { EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openTarget } from '../open.js';

/** Prints what a person may run; runs nothing. Exit 3 where no command is offered or its outcome is partly open. */
export async function runDefuse(context: CommandContext, target: string): Promise<ExitStatus> {
  const { snapshot, subject } = await openTarget(context, target);
  const result = createRun(snapshot).defuse(subject);
  const { io, globals } = context;
  if (globals.json === true)
    io.out(toJsonText({ schema: 'devpolicy/defuse', schemaVersion: [1, 0], target: subject.key, ...jsonOf(result) }));
  // Not fitted to the terminal as other text is: commands are copied as they stand.
  else io.out(defuseText(subject.name, result, deviceNames(snapshot, subject), io.outIsTerminal ? io.columns : null));
  const [best] = result.kind === 'ways' ? result.ways : [];
  return result.kind === 'none' || best?.undecided.isEmpty() === false ? EXIT_INCOMPLETE : EXIT_OK;
}

function jsonOf(result: DefuseResult): Record<string, unknown> {
  if (result.kind !== 'ways') return { ...result };
  return {
    kind: result.kind,
    ways: result.ways.map((way) => ({
      way: way.way,
      unit: way.unit,
      nestedIn: way.nestedIn,
      command: commandText(way),
      properties: way.properties,
      stillLost: regionRules(way.stillLost),
      undecided: regionRules(way.undecided),
    })),
  };
}
