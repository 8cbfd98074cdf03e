import { formatRequest } from '../policy/rule-text.js';
import type { DeviceRequest } from '../policy/types.js';
import type { Decision, DecisionStep } from '../verify/decision.js';
import type { Subject } from '../verify/subjects.js';
import { branchSentence } from './deciding-text.js';
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
}

const WORDS = { allow: 'ALLOW', deny: 'DENY', undecided: 'UNDECIDED' } as const;

/** The verdict on the first line, then each program with the instruction that decided. */
export function decisionText(
  decision: Decision,
  { request, deviceName, policy }: DecisionContext,
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
  lines.push(...table(decision.steps.map(stepCells), { indent: 2 }));
  for (const reason of decision.verdict === 'undecided' ? decision.reasons : [])
    lines.push(`  because: ${escapeText(reason)}`);
  return `${lines.join('\n')}\n`;
}

function stepCells({ program, verdict, reasons, deciding }: DecisionStep): string[] {
  const says = verdict === 'allow' ? 'allows' : verdict === 'deny' ? 'DENIES' : 'undecided';
  const cells = [program.id === 0 ? '-' : String(program.id), escapeShort(program.author.name, 20), says];
  if (deciding === null) return [...cells, reasons.map(escapeText).join(', ')];
  const { branch, exit } = deciding;
  if (branch === null) return [...cells, `insn ${String(exit)}: exit, whatever the request`];
  const sentence = branchSentence(branch);
  const about = sentence === '' ? (branch.taken ? ' (taken)' : ' (not taken)') : ` (${sentence})`;
  return [...cells, `insn ${String(branch.slot)}: \`${branch.text}\`${about} -> exit at ${String(exit)}`];
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
  programs: {
    id: number;
    attachedAt: string | null;
    author: string;
    verdict: Decision['verdict'];
    reasons: string[];
    deciding: DecisionStep['deciding'];
    /** The deciding jump in terms of the request; null where it is not about the request alone. */
    because: string | null;
  }[];
}

export function decisionJson(
  decision: Decision,
  { subject, request, deviceName, policy }: DecisionContext,
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
    programs: decision.steps.map(({ program, verdict, reasons, deciding }) => {
      const sentence = deciding?.branch == null ? '' : branchSentence(deciding.branch);
      return {
        id: program.id,
        attachedAt: program.attachedAt,
        author: program.author.name,
        verdict,
        reasons,
        deciding,
        because: sentence === '' ? null : sentence,
      };
    }),
  };
}
