import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { InputError } from '../../errors.js';
import { createRun, type PolicyChoice } from '../../pipeline.js';
import { parseAccess } from '../../policy/rule-text.js';
import type { DeviceRequest } from '../../policy/types.js';
import { decisionJson, decisionText } from '../../report/decision.js';
import { toJsonText } from '../../report/json.js';
import { deviceNames } from '../../verify/device-names.js';
import { otherRefusals } from '../../verify/refusals.js';
import type { CommandContext } from '../context.js';
import { looksLikeDevice } from '../device-syntax.js';
import { EXIT_FINDING, EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openTarget, type Opened } from '../open.js';
import { answerRequests } from '../requests.js';

export interface CanOptions {
  requests?: string;
  policy: PolicyChoice;
}

const DEFAULT_ACCESS = 'rw';

/** One verdict with its reason, or a stream of them. */
export async function runCan(
  context: CommandContext,
  words: readonly string[],
  options: CanOptions,
): Promise<ExitStatus> {
  return options.requests === undefined
    ? single(context, words, options)
    : many(context, words, options.requests, options.policy);
}

async function single(context: CommandContext, words: readonly string[], { policy }: CanOptions): Promise<ExitStatus> {
  const { target, device, access } = splitWords(words, context.globals.snapshot !== undefined);
  const accessBits = parseAccess(access);
  const opened = await openTarget(context, target, { systemctl: policy === 'afterApply' });
  const { resolveDevice } = await import('../device.js');
  const found = await resolveDevice(context, opened, device);
  const request: DeviceRequest = { type: found.type, access: accessBits, major: found.major, minor: found.minor };
  const decision = createRun(opened.snapshot).decide(opened.subject, request, policy, { turning: true });
  const name =
    found.path ??
    deviceNames(opened.snapshot, opened.subject).nameOf(request.type, request.major, request.minor)?.name ??
    '';
  const isOpen = decision.verdict === 'allow' && policy === 'enforced';
  const refusals = isOpen ? otherRefusals(opened.snapshot, opened.subject, request, found.pathInContainer) : [];
  const shown = { subject: opened.subject, request, deviceName: name, policy, refusals };
  const { io, globals, style } = context;
  if (globals.json === true) io.out(toJsonText(decisionJson(decision, shown)));
  else io.say(decisionText(decision, shown, style));
  if (found.note !== null && globals.quiet !== true) io.err(`devpolicy: ${found.note}\n`);
  return decision.verdict === 'allow' ? EXIT_OK : decision.verdict === 'deny' ? EXIT_FINDING : EXIT_INCOMPLETE;
}

/** `[target] device [access]`: the target may be left out where a snapshot has a single subject. */
function splitWords(
  words: readonly string[],
  mayLeaveOut: boolean,
): { target: string | null; device: string; access: string } {
  const [first, second, third, ...rest] = words;
  if (first === undefined || rest.length > 0) throw usage();
  if (mayLeaveOut && looksLikeDevice(first) && third === undefined)
    return { target: null, device: first, access: second ?? DEFAULT_ACCESS };
  if (second === undefined) throw usage();
  return { target: first, device: second, access: third ?? DEFAULT_ACCESS };
}

function usage(): InputError {
  return new InputError(
    'can needs a target and a device',
    'for example: devpolicy can web /dev/null rw   or: devpolicy can web c:1:3 rw',
  );
}

async function many(
  context: CommandContext,
  words: readonly string[],
  source: string,
  policy: PolicyChoice,
): Promise<ExitStatus> {
  if (words.length > 1) throw new InputError('with --requests only the target is given, the devices are in the file');
  const chunks = source === '-' ? context.io.input() : await requestFile(source);
  const opened: Opened = await openTarget(context, words[0] ?? null, { systemctl: policy === 'afterApply' });
  const answer = createRun(opened.snapshot).answerer(opened.subject, policy);
  return answerRequests(context.io, chunks, answer);
}

/** A regular file or a pipe the user named; a directory or device is a mistake. */
async function requestFile(path: string): Promise<AsyncIterable<Buffer>> {
  const status = await stat(path).catch((error: unknown) => {
    throw new InputError(
      `${path}: ${error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'no such file' : 'cannot be read'}`,
    );
  });
  if (!status.isFile() && !status.isFIFO()) throw new InputError(`${path}: not a regular file`);
  return createReadStream(path) as AsyncIterable<Buffer>;
}
