import { statSync } from 'node:fs';
import { InputError } from '../../errors.js';
import { createRun, type FlowResult } from '../../pipeline.js';
import { decodeJson, decodeText } from '../../report/decode.js';
import { flowDot } from '../../report/flow/dot.js';
import { RegionLines } from '../../report/flow/region-lines.js';
import { flowSvg } from '../../report/flow/svg.js';
import { toJsonText } from '../../report/json.js';
import type { ProgramFlow } from '../../verify/flow.js';
import type { Subject } from '../../verify/subjects.js';
import type { CommandContext } from '../context.js';
import { EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openProgramBytes, openTarget, type Opened } from '../open.js';

/** Forms of the control-flow picture: the language of Graphviz, or a picture. */
export type FlowForm = 'dot' | 'svg';

export interface DecodeOptions {
  listing?: boolean;
  raw?: boolean;
  cfg?: FlowForm;
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
  const run = createRun(snapshot);
  if (options.cfg !== undefined) return printFlow(context, run.flows(subject, options.raw === true), subject, options);
  const programs = run.programs(subject);
  if (programs.length === 0) throw new InputError(`${subject.name} has no device program: every device is allowed`);
  const { io, globals, style } = context;
  const wanted = { listing: options.listing === true, raw: options.raw === true };
  if (globals.json === true) io.out(toJsonText(decodeJson(programs, snapshot, wanted)));
  else io.say(decodeText(programs, snapshot, subject, { ...wanted, style }));
  return programs.some(({ policy }) => policy === null || policy.undecided.length > 0) ? EXIT_INCOMPLETE : EXIT_OK;
}

/** Most rules that a box of a picture lists of one region. */
const RULES_PER_REGION = 5;

/** The control flow as a picture. Exit 3 when what some block decides is not known. */
function printFlow(
  { io, globals }: CommandContext,
  results: readonly FlowResult[],
  subject: Subject,
  { cfg, listing, raw }: DecodeOptions,
): ExitStatus {
  if (globals.json === true || listing === true)
    throw new InputError('--cfg prints a picture: leave out --json and --listing');
  if (results.length === 0) throw new InputError(`${subject.name} has no device program: every device is allowed`);
  const flows: ProgramFlow[] = [];
  for (const result of results) {
    if ('problem' in result)
      throw new InputError(
        `there is no picture of program ${String(result.view.id)}: ${result.problem}`,
        'its rules: devpolicy decode; its instructions: devpolicy decode --listing',
      );
    flows.push(result);
  }
  const regions = new RegionLines(RULES_PER_REGION, raw === true);
  io.out(cfg === 'dot' ? flowDot(flows, regions) : flowSvg(flows, regions));
  return flows.some(({ boxes }) => boxes.some(({ comes }) => comes.undecided.length > 0)) ? EXIT_INCOMPLETE : EXIT_OK;
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
