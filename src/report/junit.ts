import type { Snapshot } from '../snapshot/types.js';
import { reachesFailOn } from '../verify/severity.js';
import type { FailOn, Finding, SubjectReport, VerifyReport } from '../verify/types.js';
import { counted } from './counted.js';
import { escapeText } from './escape.js';
import { findingLine } from './finding-line.js';
import type { RunFacts } from './run-facts.js';

/**
 * `verify --format junit`: one test case for each subject. Findings at or above --fail-on are its failure, what could not be read or decided its error,
 * lesser findings its output; subjects that could not be compared are skipped. A test case has one outcome at most, as most readers expect.
 */
export function verifyJunit(report: VerifyReport, snapshot: Snapshot, { seconds }: RunFacts): string {
  const cases = report.subjects.map((subject) => testCase(subject, report.failOn));
  if (report.problems.length > 0) cases.push(hostCase(report));
  const count = (kind: Outcome): string => String(cases.filter(({ outcome }) => outcome === kind).length);
  const totals = {
    tests: String(cases.length),
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: seconds.toFixed(3),
  };
  const suite: Record<string, string> = { name: 'devpolicy verify', ...totals };
  if (snapshot.host.hostname !== null) suite['hostname'] = snapshot.host.hostname;
  // xs:dateTime without a fraction and without a zone is what the readers of this format take; it is UTC.
  if (snapshot.collectedAt !== null) suite['timestamp'] = snapshot.collectedAt.slice(0, 19);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'devpolicy verify', ...totals })}>`,
    `  <testsuite${attributes(suite)}>`,
    ...cases.flatMap(({ lines }) => lines),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

type Outcome = 'passed' | 'failure' | 'error' | 'skipped';

interface TestCase {
  outcome: Outcome;
  lines: string[];
}

function testCase({ subject, status, findings, ignored }: SubjectReport, failOn: FailOn): TestCase {
  const failures = findings.filter(({ severity }) => reachesFailOn(severity, failOn));
  const unknown = findings.filter(({ severity }) => severity === 'unknown');
  const lesser = findings.filter((each) => !failures.includes(each) && !unknown.includes(each));
  const body: string[] = [];
  let outcome: Outcome = 'passed';
  if (failures.length > 0) {
    outcome = 'failure';
    body.push(result('failure', [...failures, ...unknown]));
  } else if (unknown.length > 0) {
    outcome = 'error';
    body.push(result('error', unknown));
  } else if (status === 'not-compared' || status === 'not-running') {
    outcome = 'skipped';
    const reason = status === 'not-running' ? 'not running' : 'not compared: no record of an intent';
    body.push(`      <skipped${attributes({ message: reason })}/>`);
  }
  const told = [...lesser.map(line), ...ignored.map((finding) => `ignored: ${line(finding)}`)];
  if (told.length > 0) body.push(`      <system-out>${xmlText(told.join('\n'))}</system-out>`);
  // Keys are unique; names are not, where two engines have a container of the same name.
  const head = { classname: `devpolicy.${subject.container?.engine ?? 'cgroup'}`, name: subject.key, time: '0' };
  return { outcome, lines: element(head, body) };
}

function hostCase({ problems }: VerifyReport): TestCase {
  const text = problems.map(({ subject, message }) => `${escapeText(subject)}: ${escapeText(message)}`);
  const message = `${counted(problems.length, 'thing')} could not be read`;
  const body = `      <error${attributes({ type: 'unread', message })}>${xmlText(text.join('\n'))}</error>`;
  return { outcome: 'error', lines: element({ classname: 'devpolicy.host', name: 'host', time: '0' }, [body]) };
}

function element(head: Readonly<Record<string, string>>, body: readonly string[]): string[] {
  if (body.length === 0) return [`    <testcase${attributes(head)}/>`];
  return [`    <testcase${attributes(head)}>`, ...body, '    </testcase>'];
}

function result(tag: 'failure' | 'error', findings: readonly Finding[]): string {
  const [first] = findings;
  const type = [...new Set(findings.map(({ code }) => code))].join(' ');
  const message = first === undefined ? '' : findingLine(first);
  return `      <${tag}${attributes({ type, message })}>${xmlText(findings.map(line).join('\n'))}</${tag}>`;
}

function line(finding: Finding): string {
  return `${finding.code} ${finding.severity}: ${findingLine(finding)}`;
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${xmlText(escapeText(value))}"`)
    .join('');
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
]);

/** For text that escapeText has been through: what XML 1.0 forbids even as a character reference (section 2.2) is gone by then. */
function xmlText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES.get(character) ?? character);
}
