import type { Invocation, Location, Log, LogicalLocation, Notification, ReportingDescriptor, Result } from 'sarif';
import type { Snapshot, SourceRecord } from '../snapshot/types.js';
import { hasUnknown } from '../verify/severity.js';
import type { Subject } from '../verify/subjects.js';
import type { Finding, Severity, SubjectReport, VerifyReport } from '../verify/types.js';
import { escapeText } from './escape.js';
import { findingLine } from './finding-line.js';
import { toJsonText } from './json.js';
import type { FindingPage } from './run-facts.js';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** What could not be read is a result of its own rule (DP301, DP305, DP306): it never looks like success. */
const LEVELS = { error: 'error', warning: 'warning', note: 'note', unknown: 'warning' } as const;

/** `verify --format sarif`: SARIF 2.1.0, one run; a rule for each finding code, a result for each finding. */
export function verifySarif(report: VerifyReport, snapshot: Snapshot, pages: readonly FindingPage[]): string {
  const rules = pages.map(ruleOf);
  const index = new Map(rules.map(({ id }, position) => [id, position]));
  const results = report.subjects.flatMap((subject) =>
    subject.findings
      .map((finding) => withSuppressions(resultOf(finding, subject, index), report, null))
      .concat(subject.ignored.map((each) => withSuppressions(resultOf(each, subject, index), report, each.entry))),
  );
  const log: Log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'devpolicy', version: snapshot.tool.version, rules } },
        automationDetails: { id: `devpolicy/verify/${escapeText(snapshot.host.hostname ?? 'unknown host')}/` },
        invocations: [invocationOf(report, snapshot)],
        results,
        columnKind: 'utf16CodeUnits',
      },
    ],
  };
  return toJsonText(log);
}

function ruleOf({ code, title, severity, text }: FindingPage): ReportingDescriptor {
  return {
    id: code,
    shortDescription: { text: messageText(title) },
    help: { text: plainOf(text), markdown: text },
    defaultConfiguration: { level: levelOf(severity) },
  };
}

function levelOf(severity: string): 'error' | 'warning' | 'note' {
  return severity === 'error' || severity === 'warning' || severity === 'note' || severity === 'unknown'
    ? LEVELS[severity]
    : 'warning';
}

/** A rule's help as plain text: Markdown reads well as it is, but braces and brackets have a meaning in SARIF messages. */
function plainOf(markdown: string): string {
  return messageText(markdown.replace(/^#+ /gm, ''), false);
}

function invocationOf(report: VerifyReport, snapshot: Snapshot): Invocation {
  const unknown = hasUnknown(report);
  const notifications: Notification[] = report.problems.map(({ subject, message }) => ({
    level: 'error',
    message: { text: messageText(`${subject}: ${message}`) },
  }));
  return {
    executionSuccessful: !unknown && notifications.length === 0,
    exitCode: report.exitStatus,
    ...(snapshot.collectedAt === null ? {} : { endTimeUtc: snapshot.collectedAt }),
    ...(notifications.length === 0 ? {} : { toolExecutionNotifications: notifications }),
  };
}

function resultOf(finding: Finding, { subject }: SubjectReport, index: ReadonlyMap<string, number>): Result {
  const ruleIndex = index.get(finding.code);
  return {
    ruleId: finding.code,
    ...(ruleIndex === undefined ? {} : { ruleIndex }),
    level: LEVELS[finding.severity satisfies Severity],
    kind: 'fail',
    message: { text: messageText(`${subject.name}: ${findingLine(finding)}`) },
    locations: [locationOf(finding, subject)],
    partialFingerprints: { 'codeAndSubject/v1': `${finding.code}:${subject.key}` },
    properties: { severity: finding.severity, evidence: finding.evidence },
  };
}

/**
 * Section 3.27.23: either every result says whether it is suppressed, or none does. Those that an ignore file hides are, with the reason; readers leave them
 * out of their counts.
 */
function withSuppressions(result: Result, { ignores }: VerifyReport, entry: number | null): Result {
  if (ignores.length === 0) return result;
  const by = entry === null ? undefined : ignores[entry];
  if (by === undefined) return { ...result, suppressions: [] };
  const justification = messageText(`until ${by.until}: ${by.reason}`);
  return { ...result, suppressions: [{ kind: 'external', status: 'accepted', justification }] };
}

/** The file a person would open: what the finding rests on, else the record of the intent, else the cgroup; and the subject by name. */
function locationOf(finding: Finding, subject: Subject): Location {
  const place = placeOf(finding, subject);
  const logicalLocations: LogicalLocation[] = [
    { name: escapeText(subject.name), fullyQualifiedName: escapeText(subject.key), kind: 'resource' },
  ];
  if (place?.pointer != null)
    logicalLocations.push({ name: 'devices', fullyQualifiedName: place.pointer, kind: 'array' });
  return {
    ...(place === null ? {} : { physicalLocation: { artifactLocation: { uri: fileUri(place.path) } } }),
    logicalLocations,
  };
}

interface Place {
  path: string;
  /** JSON pointer (RFC 6901) to the list of devices in it. */
  pointer: string | null;
}

function placeOf({ evidence }: Finding, subject: Subject): Place | null {
  const recorded = (subject.container?.sources ?? []).map(placeOfSource);
  const path = evidence.sources?.find((each) => each.startsWith('/'));
  if (path !== undefined) return recorded.find((each) => each.path === path) ?? { path, pointer: null };
  const intent = recorded.find(({ pointer }) => pointer !== null) ?? recorded[0];
  if (intent !== undefined) return intent;
  const cgroup = evidence.cgroup ?? subject.cgroup;
  return cgroup === null ? null : { path: `/sys/fs/cgroup${cgroup}`, pointer: null };
}

const POINTERS: Readonly<Partial<Record<SourceRecord['kind'], string>>> = {
  'runc-state': '/config/cgroups/devices',
  'oci-config': '/linux/resources/devices',
};

function placeOfSource({ kind, path }: SourceRecord): Place {
  return { path, pointer: POINTERS[kind] ?? null };
}

/** RFC 8089. Lone surrogates, which have no bytes, become U+FFFD instead of an exception. */
function fileUri(path: string): string {
  return `file://${path
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .split('/')
    .map(encodeURIComponent)
    .join('/')}`;
}

/** Section 3.11: braces are doubled, brackets escaped, or a hostile name could be a placeholder or a link. */
function messageText(text: string, escape = true): string {
  return (escape ? escapeText(text) : text).replace(/[{}]/g, '$&$&').replace(/[[\]]/g, '\\$&');
}
