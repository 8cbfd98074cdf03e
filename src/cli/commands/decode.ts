import { statSync } from 'node:fs';
import { InputError } from '../../errors.js';
import { createRun } from '../../pipeline.js';
import { decodeJson, decodeText } from '../../report/decode.js';
import { toJsonText } from '../../report/json.js';
import type { CommandContext } from '../context.js';
import { EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openProgramBytes, openTarget, type Opened } from '../open.js';

export interface DecodeOptions {
  listing?: boolean;
  raw?: boolean;
}

/** Most bytes of a program on standard input: a million instructions in hex, and then some. */
const MOST_INPUT = 64 * 1024 * 1024;

/** Bytecode to rules, or to a listing. Exit 3 when part of a program is undecided or unreadable. */
export async function runDecode(
  context: CommandContext,
  what: string | null,
  options: DecodeOptions,
): Promise<ExitStatus> {
  const { snapshot, subject } = await openWhat(context, what);
  const programs = createRun(snapshot).programs(subject);
  if (programs.length === 0) throw new InputError(`${subject.name} has no device program: every device is allowed`);
  const { io, globals, style } = context;
  const wanted = { listing: options.listing === true, raw: options.raw === true };
  io.out(
    globals.json === true
      ? toJsonText(decodeJson(programs, snapshot, wanted))
      : decodeText(programs, snapshot, subject, { ...wanted, style }),
  );
  return programs.some(({ policy }) => policy === null || policy.undecided.length > 0) ? EXIT_INCOMPLETE : EXIT_OK;
}

/** `-` is standard input, an existing file a program; anything else a target. */
async function openWhat(context: CommandContext, what: string | null): Promise<Opened> {
  if (what === '-') return openProgramBytes(context, await readInput(context), 'standard input');
  if (what !== null && !what.includes('#') && isFile(what) && !what.endsWith('.json'))
    return openTarget(context, `program:${what}`);
  return openTarget(context, what, { systemctl: false });
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

async function readInput({ io }: CommandContext): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of io.input()) {
    length += chunk.length;
    if (length > MOST_INPUT) throw new InputError('standard input is longer than 64 MiB: that is no device program');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
