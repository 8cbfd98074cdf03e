import { formatRequest } from '../policy/rule-text.js';
import type { DeviceRequest } from '../policy/types.js';
import type { Decision, DecisionStep } from '../verify/decision.js';
import type { Refusal } from '../verify/refusals.js';
import type { Subject } from '../verify/subjects.js';
import { decidingSentence } from './deciding-text.js';
import { escapeShort, escapeText } from './escape.js';
import type { Style } from './style.js';
import { subjectJson, type JsonSubject } from './subject-json.js';
import { table } from './table.js';

export interface DecisionContext {
  subject: Subject;
  request: DeviceRequest;
  /** Path of the device, "" if none is known; untrusted. */
  deviceName: string;
  /** Which policy was asked. */
  policy: string;
  /** What else refuses, or may, what is allowed. */
  refusals: readonly Refusal[];
}

const WORDS = { allow: 'ALLOW', deny: 'DENY', undecided: 'UNDECIDED' } as const;

/** The verdict on the first line, then each program with the instruction that decided. */
export function decisionText(
  decision: Decision,
  { request, deviceName, policy, refusals }: DecisionContext,
  style: Style,
): string {
  const word = WORDS[decision.verdict];
  const paint = decision.verdict === 'allow' ? style.good : decision.verdict === 'deny' ? style.bad : style.warn;
  const name = deviceName === '' ? '' : `   ${escapeText(deviceName)}`;
  const which = policy === 'enforced' ? '' : `   (${policy})`;
  const lines = [
    `${paint(style.bold(word))}${' '.repeat(Math.max(1, 7 - word.length))}${formatRequest(request)}${name}${which}`,
  ];
  if (!decision.asked) lines.push('  the kernel asks no device program about this request');
  else if (decision.steps.length === 0 && policy === 'enforced')
    lines.push('  no device program applies: everything is allowed');
  lines.push(...table(decision.steps.map(stepCells), { indent: 2 }), ...besides(decision));
  lines.push(...refusals.map((refusal) => `  ${refusalText(refusal)}`));
  for (const reason of decision.verdict === 'undecided' ? decision.reasons : [])
    lines.push(`  because: ${escapeText(reason)}`);
  return `${lines.join('\n')}\n`;
}

/** What a program says, as cells of a table. */
export function stepCells({ program, verdict, reasons, deciding }: DecisionStep): string[] {
  const says = verdict === 'allow' ? 'allows' : verdict === 'deny' ? 'DENIES' : 'undecided';
  const cells = [program.id === 0 ? '-' : String(program.id), escapeShort(program.author.name, 20), says];
  if (deciding === null) return [...cells, reasons.map(escapeText).join(', ')];
  const { branch, exit, tailProgram } = deciding;
  const sentence = decidingSentence(deciding);
  if (tailProgram !== null)
    return [...cells, `insn ${String(exit)} of program ${String(tailProgram)}, by tail call: exit`];
  if (branch === null)
    return [
      ...cells,
      `insn ${String(exit)}: exit, behind no conditional jump${sentence === '' ? '' : ` (${sentence})`}`,
    ];
  const about = sentence === '' ? (branch.taken ? ' (taken)' : ' (not taken)') : ` (${sentence})`;
  return [...cells, `insn ${String(branch.slot)}: \`${branch.text}\`${about} -> exit at ${String(exit)}`];
}

/** What the programs by themselves do not show, as lines. */
export function besides({ verdict, steps, v1 }: Decision): string[] {
  const lines: string[] = [];
  if (v1 === 'deny') lines.push('  the cgroup v1 devices controller DENIES it');
  else if (v1 === 'allow' && verdict === 'allow') lines.push('  the cgroup v1 devices controller allows it too');
  if (verdict === 'allow' && steps.some((step) => step.verdict === 'deny'))
    lines.push('  a program that runs later undoes the denial (bpf_set_retval)');
  return lines;
}

/** "DP401: refused all the same, EACCES: /dev is mounted nodev"; what is not certain says so. */
function refusalText({ kind, certain, errno, detail }: Refusal): string {
  const head = certain ? 'refused all the same' : 'may be refused all the same';
  return `DP401: ${head}, ${errno}: ${REFUSAL_WORDS[kind](escapeShort(detail, 100))}`;
}

const REFUSAL_WORDS: Readonly<Record<Refusal['kind'], (detail: string) => string>> = {
  'mknod-user-namespace': () => 'it runs in a user namespace, where no device node can be made',
  nodev: (point) => `${point} is mounted nodev`,
  'mounted-in-user-namespace': (point) =>
    `if ${point} was mounted inside the user namespace, no device on it can be opened`,
  'no-driver': (major) => `no driver has the major ${major} (/proc/devices), unless a module brings one`,
  'no-node': (directory) => `no node of this number was seen below ${directory} of the container`,
  mode: (bits) => `mode and owner of the node are ${bits}: others need CAP_DAC_OVERRIDE`,
  'security-module': (label) => `it is confined by ${label}`,
};

/** One program and what it said. */
export interface JsonStep {
  id: number;
  attachedAt: string | null;
  author: string;
  verdict: Decision['verdict'];
  reasons: string[];
  deciding: DecisionStep['deciding'];
  /** What decided in terms of the request; null where it is not about the request alone. */
  because: string | null;
}

export interface DecisionJson {
  schema: 'devpolicy/can';
  schemaVersion: [1, 0];
  subject: JsonSubject;
  policy: string;
  request: DeviceRequest;
  device: string | null;
  verdict: Decision['verdict'];
  reasons: string[];
  asked: boolean;
  /** The cgroup v1 devices controller of hybrid hosts; null: there is none. */
  v1: Decision['v1'];
  /** What else refuses, or may, what the device policy allows (DP401); empty for other verdicts and policies to come. */
  refusals: Refusal[];
  programs: JsonStep[];
}

export function decisionJson(
  decision: Decision,
  { subject, request, deviceName, policy, refusals }: DecisionContext,
): DecisionJson {
  return {
    schema: 'devpolicy/can',
    schemaVersion: [1, 0],
    subject: subjectJson(subject),
    policy,
    request,
    device: deviceName === '' ? null : deviceName,
    verdict: decision.verdict,
    reasons: decision.reasons,
    asked: decision.asked,
    v1: decision.v1,
    refusals: [...refusals],
    programs: stepsJson(decision.steps),
  };
}

export function stepsJson(steps: readonly DecisionStep[]): JsonStep[] {
  return steps.map(({ program, verdict, reasons, deciding }) => {
    const sentence = deciding === null ? '' : decidingSentence(deciding);
    return {
      id: program.id,
      attachedAt: program.attachedAt,
      author: program.author.name,
      verdict,
      reasons,
      deciding,
      because: sentence === '' ? null : sentence,
    };
  });
}
