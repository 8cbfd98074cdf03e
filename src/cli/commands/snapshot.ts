import { lstatSync, writeFileSync } from 'node:fs';
import { InputError } from '../../errors.js';
import { counted } from '../../report/counted.js';
import { serialiseSnapshot } from '../../snapshot/serialise.js';
import { escapeText } from '../../report/escape.js';
import type { ProblemRecord, Snapshot } from '../../snapshot/types.js';
import { unreadSources } from '../../verify/problems.js';
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
  const problems = [...snapshot.problems, ...unreadSources(snapshot, snapshot.containers)];
  // What a folder of captured files does not hold was not captured; a live host has all its programs.
  if (options.from === undefined) problems.push(...unreadPrograms(snapshot));
  tellProblems(context, problems);
  return problems.length > 0 ? EXIT_INCOMPLETE : EXIT_OK;
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

/** Programs and lists of programs that the kernel would not show. */
function unreadPrograms({ programs, cgroups }: Snapshot): ProblemRecord[] {
  const lists = cgroups.flatMap(({ path, attached }) =>
    'failed' in attached ? [{ subject: `cgroup:${path}`, message: attached.failed, code: attached.code }] : [],
  );
  return lists.concat(
    programs.flatMap(({ id, unreadable }) =>
      unreadable === null ? [] : [{ subject: `program:${String(id)}`, message: unreadable, code: null }],
    ),
  );
}

const MOST_PROBLEMS = 20;

function tellProblems({ io, globals }: CommandContext, problems: readonly ProblemRecord[]): void {
  if (globals.quiet === true || problems.length === 0) return;
  const hint = globals.verbose === true ? '' : '; -v names them';
  io.err(
    `devpolicy: ${counted(problems.length, 'thing')} could not be read and ${problems.length === 1 ? 'is' : 'are'} unknown in the snapshot${hint}\n`,
  );
  if (globals.verbose !== true) return;
  for (const { subject, message } of problems.slice(0, MOST_PROBLEMS))
    io.err(`  ${escapeText(subject)}: ${escapeText(message)}\n`);
  if (problems.length > MOST_PROBLEMS) io.err(`  and ${String(problems.length - MOST_PROBLEMS)} more\n`);
}
