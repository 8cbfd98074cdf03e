import { lstatSync, writeFileSync } from 'node:fs';
import { InputError } from '../../errors.js';
import { serialiseSnapshot } from '../../snapshot/serialise.js';
import type { Snapshot } from '../../snapshot/types.js';
import type { CommandContext } from '../context.js';
import { EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openHost } from '../open.js';
import { replaceFile } from '../replace-file.js';

export interface SnapshotOptions {
  output?: string;
  from?: string;
  redact?: boolean;
}

/** Writes the host, or a folder of captured files, as one JSON value. Exit 3 if something in it could not be read. */
export async function runSnapshot(context: CommandContext, options: SnapshotOptions): Promise<ExitStatus> {
  const read = await readWanted(context, options);
  const snapshot = options.redact === true ? (await import('../../snapshot/redact.js')).redactSnapshot(read) : read;
  const text = serialiseSnapshot(snapshot);
  if (options.output === undefined || options.output === '-') context.io.out(text);
  else writeSnapshot(options.output, text);
  tellProblems(context, snapshot, options);
  return snapshot.problems.length > 0 ? EXIT_INCOMPLETE : EXIT_OK;
}

async function readWanted(context: CommandContext, { from }: SnapshotOptions): Promise<Snapshot> {
  if (from === undefined) return openHost(context, []);
  if (context.globals.snapshot !== undefined) throw new InputError('--from and --snapshot exclude each other');
  const { snapshotFromDirectory } = await import('../../collect/index.js');
  return snapshotFromDirectory(from);
}

/**
 * A snapshot names containers and devices: only the owner may read it. An older one stays whole until the new one is: a full disk must not cost both.
 * What is no regular file (/dev/stdout, a pipe, a link) is written to as it is.
 */
function writeSnapshot(path: string, text: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined || there.isFile()) {
    replaceFile(path, text, 0o600);
    return;
  }
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    throw new InputError(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const MOST_PROBLEMS = 5;

function tellProblems({ io, globals }: CommandContext, { problems }: Snapshot, { output }: SnapshotOptions): void {
  if (globals.quiet === true || problems.length === 0) return;
  const where = output === undefined || output === '-' ? 'it' : output;
  io.err(
    `devpolicy: ${String(problems.length)} things could not be read; they are listed under "problems" in ${where}\n`,
  );
  if (globals.verbose !== true) return;
  for (const { subject, message } of problems.slice(0, MOST_PROBLEMS))
    io.err(`  ${JSON.stringify(subject)}: ${JSON.stringify(message)}\n`);
}
