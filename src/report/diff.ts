import type { DeviceNames } from '../policy/names.js';
import type { DeviceRequest, DeviceRule } from '../policy/types.js';
import type { DiffSide, SubjectDiff } from '../verify/diff.js';
import { escapeText } from './escape.js';
import { shortPath } from './paths.js';
import type { Style } from './style.js';
import { ruleTable } from './words.js';

/** Two subjects, or two hosts subject by subject. */
export interface DiffReport {
  /** Subjects that both sides have. */
  pairs: SubjectDiff[];
  /** Names of subjects that only one side has; empty when two single subjects are compared. */
  onlyLeft: string[];
  onlyRight: string[];
  /** Subjects that could not be compared because a policy is not known. */
  unknown: string[];
  exitStatus: 0 | 1 | 3;
}

export function diffText(report: DiffReport, names: DeviceNames, style: Style, hosts: boolean): string {
  const blocks = report.pairs
    .filter((pair) => !hosts || !isSame(pair))
    .map((pair) => pairLines(pair, names, style).join('\n'));
  const lists: [string, string[]][] = [
    ['only in the first', report.onlyLeft],
    ['only in the second', report.onlyRight],
    ['not comparable', report.unknown],
  ];
  for (const [label, members] of lists) {
    if (members.length > 0) blocks.push(`${style.bold(label)}: ${members.map(shortPath).join(' ')}`);
  }
  return blocks.length === 0 ? '' : `${blocks.join('\n\n')}\n`;
}

export function isSame({ onlyLeft, onlyRight, undecided }: SubjectDiff): boolean {
  return onlyLeft === null && onlyRight === null && undecided.length === 0;
}

function pairLines(
  { left, right, onlyLeft, onlyRight, undecided }: SubjectDiff,
  names: DeviceNames,
  style: Style,
): string[] {
  if (onlyLeft === null && onlyRight === null && undecided.length === 0)
    return [`${sideName('the first', left)} and ${sideName('the second', right)}: the same policy`];
  const lines: string[] = [];
  const part = (title: string, rules: readonly DeviceRule[], remainder: readonly string[] = []): void => {
    lines.push(title, ...ruleTable(rules, 'difference', names, { indent: 2 }), ...remainder.map((line) => `  ${line}`));
  };
  if (onlyLeft !== null)
    part(style.bold(`only ${sideName('the first', left)} allows`), onlyLeft.rules, onlyLeft.remainder);
  if (onlyRight !== null)
    part(style.bold(`only ${sideName('the second', right)} allows`), onlyRight.rules, onlyRight.remainder);
  for (const each of undecided)
    part(
      style.warn(`undecided in the ${each.side === 'left' ? 'first' : 'second'}: ${escapeText(each.reason)}`),
      each.rules,
      each.remainder,
    );
  return lines;
}

function sideName(place: string, { subject, policy }: DiffSide): string {
  return `${place} (${shortPath(subject.name)}${policy === 'intended' ? ', intended' : ''})`;
}

export interface DiffJson {
  schema: 'devpolicy/diff';
  schemaVersion: [1, 0];
  exitStatus: 0 | 1 | 3;
  pairs: {
    left: { key: string; policy: string };
    right: { key: string; policy: string };
    onlyLeft: JsonDifference | null;
    onlyRight: JsonDifference | null;
    undecided: { side: 'left' | 'right'; reason: string; rules: DeviceRule[]; remainder?: string[] }[];
  }[];
  onlyLeft: string[];
  onlyRight: string[];
  unknown: string[];
}
interface JsonDifference {
  rules: DeviceRule[];
  remainder?: string[];
  witness: DeviceRequest;
}

export function diffJson({ pairs, onlyLeft, onlyRight, unknown, exitStatus }: DiffReport): DiffJson {
  return {
    schema: 'devpolicy/diff',
    schemaVersion: [1, 0],
    exitStatus,
    pairs: pairs.map((pair) => ({
      left: { key: pair.left.subject.key, policy: pair.left.policy },
      right: { key: pair.right.subject.key, policy: pair.right.policy },
      onlyLeft: pair.onlyLeft,
      onlyRight: pair.onlyRight,
      undecided: pair.undecided,
    })),
    onlyLeft,
    onlyRight,
    unknown,
  };
}
