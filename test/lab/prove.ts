/**
 * What devpolicy must get right about any container of a lab, whoever started it: what is enforced is what the kernel answers, what was meant, and the
 * policy foretold for after a reload is the one that comes.
 */
import { expect } from 'vitest';
import { Run } from '../../src/pipeline.js';
import { policyText } from '../../src/policy/policy-text.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import type { Subject } from '../../src/verify/subjects.js';
import type { Examined } from '../../src/verify/types.js';
import type { Referee } from '../kernel/referee.js';
import { Random } from '../property/random.js';
import { biasedRequests } from '../property/requests.js';
import { setOff } from './mines.js';
import type { SystemdLab } from './systemd.js';

const REQUESTS = 1200;

/** The lab's host as a value, collected by the command inside it. */
export async function look(lab: SystemdLab): Promise<Run> {
  const { status, stdout, stderr } = await lab.devpolicy(['snapshot']);
  expect(`${String(status)} ${stderr}`).toBe('0 ');
  return Run.of(parseSnapshot(stdout));
}

/** By its key, "docker:web". */
export function subjectOf(run: Run, key: string): Subject {
  const subject = run.subjects().find((each) => each.key === key);
  if (subject === undefined)
    throw new Error(
      `no ${key} among ${run
        .subjects()
        .map((each) => each.key)
        .join(' ')}`,
    );
  return subject;
}

/** Over the whole request space: the printed form is canonical, equal sets print equally (test/policy). */
export function sameAllowed(foretold: Examined, came: Examined): boolean {
  if (foretold.status !== 'known' || came.status !== 'known') return false;
  const [one, other] = [foretold, came].map(({ policy }) => policyText(policy.allowed).join('\n'));
  return one === other && foretold.policy.undecided.length === 0;
}

/** Is everything the kernel is asked about allowed exactly where it was meant to be? */
export function asMeant(run: Run, subject: Subject): boolean {
  const { enforced, intended } = run.analyse(subject);
  if (enforced.status !== 'known' || intended.status !== 'known') return false;
  const { space } = enforced.policy.allowed;
  const [has, meant] = [enforced, intended].map(({ policy }) => policy.allowed.subtract(space.neverAsked));
  return has!.equals(meant!) && intended.policy.undecided.length === 0;
}

/** Requests about the constants of the programs that apply, and what the kernel answers. */
export async function kernelSays(
  lab: SystemdLab,
  referee: Referee,
  run: Run,
  subject: Subject,
): Promise<{ requests: DeviceRequest[]; verdicts: ('allow' | 'deny')[] }> {
  const programs = run.programs(subject).flatMap(({ program }) => (program === null ? [] : [program.bytes]));
  const requests = biasedRequests(programs.length > 0 ? programs : [new Uint8Array()], REQUESTS, new Random(1));
  const verdicts = await referee.verdictsBelow(lab.namespace.cgroupPath(subject.cgroup ?? ''), requests);
  return { requests, verdicts };
}

export interface Proof {
  key: string;
  /** Do all answers equal the kernel's? If not, a request for which they do not. */
  enforced: string;
  /** Is it what was meant? False too where nothing tells what was. */
  meant: boolean;
  /** Is the policy after the reload the one foretold, over the whole request space and by the kernel's own answers? */
  foretold: string;
}

/** Looks at the containers, reloads systemd (or what else `event` does) so that it applies its lists, and looks again. */
export async function prove(
  lab: SystemdLab,
  referee: Referee,
  keys: readonly string[],
  event: () => Promise<void> = () => setOff(lab),
): Promise<{ proofs: Proof[]; before: Run; after: Run }> {
  const before = await look(lab);
  const early: Omit<Proof, 'foretold'>[] = [];
  for (const key of keys) {
    const subject = subjectOf(before, key);
    const { requests, verdicts } = await kernelSays(lab, referee, before, subject);
    const answer = before.answerer(subject);
    const wrong = requests.find((request, index) => answer(request) !== verdicts[index]);
    early.push({
      key,
      enforced: wrong === undefined ? 'right' : JSON.stringify(wrong),
      meant: asMeant(before, subject),
    });
  }
  await event();
  const after = await look(lab);
  const proofs: Proof[] = [];
  for (const each of early) {
    const [was, is] = [subjectOf(before, each.key), subjectOf(after, each.key)];
    const { requests, verdicts } = await kernelSays(lab, referee, after, is);
    const prediction = before.answerer(was, 'afterReload');
    const wrong = requests.find((request, index) => prediction(request) !== verdicts[index]);
    const same = sameAllowed(before.analyse(was).afterReload, after.analyse(is).enforced);
    proofs.push({ ...each, foretold: wrong !== undefined ? JSON.stringify(wrong) : same ? 'right' : 'another policy' });
  }
  return { proofs, before, after };
}

/** What `prove` says of containers that are as they were meant to be. */
export function allRight(keys: readonly string[]): Proof[] {
  return keys.map((key) => ({ key, enforced: 'right', meant: true, foretold: 'right' }));
}

/** The same of those that there is no record of an intent for. */
export function rightAndNotCompared(keys: readonly string[]): Proof[] {
  return allRight(keys).map((proof) => ({ ...proof, meant: false }));
}
