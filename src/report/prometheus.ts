import { countRequests } from '../policy/rule-count.js';
import type { Snapshot } from '../snapshot/types.js';
import type { Finding, SubjectReport, VerifyReport } from '../verify/types.js';
import { escapeText } from './escape.js';
import type { RunFacts } from './run-facts.js';
import { STATUSES } from '../verify/statuses.js';

type Labels = readonly (readonly [name: string, value: string])[];
type Sample = readonly [labels: Labels, value: number];

interface Family {
  name: string;
  help: string;
  samples: Sample[];
}

/** Denied now although intended. */
const LOST: ReadonlySet<string> = new Set(['DP102', 'DP103', 'DP105']);
/** Taken away by the next event of systemd. */
const LAND_MINE: ReadonlySet<string> = new Set(['DP101']);

/**
 * `verify --format prometheus` and `--textfile`: the text exposition format 0.0.4, every metric a gauge, no timestamps (node_exporter's textfile
 * collector refuses them). The label `container` is unique within a host.
 */
export function verifyPrometheus(report: VerifyReport, snapshot: Snapshot, facts: RunFacts): string {
  const labels = uniqueLabels(report.subjects);
  const labelled = report.subjects.map((subject, index) => ({ subject, label: labels[index] ?? '' }));
  return [...runFamilies(report, snapshot, facts), ...subjectFamilies(labelled)].map(familyText).join('');
}

function runFamilies(report: VerifyReport, snapshot: Snapshot, { seconds }: RunFacts): Family[] {
  const unreadable = new Set(
    report.subjects.flatMap(({ findings }) =>
      findings.filter(({ code }) => code === 'DP301').flatMap(({ evidence }) => evidence.programs ?? []),
    ),
  );
  const time = snapshot.collectedAt === null ? NaN : Date.parse(snapshot.collectedAt) / 1000;
  return [
    family('devpolicy_build_info', 'Version of devpolicy.', [[[['version', snapshot.tool.version]], 1]]),
    family(
      'devpolicy_last_run_timestamp_seconds',
      'When the host was last read, seconds since 1970.',
      Number.isNaN(time) ? [] : [[[], time]],
    ),
    gauge('devpolicy_last_run_duration_seconds', 'How long the last run took.', Number(seconds.toFixed(3))),
    gauge(
      'devpolicy_last_run_exit_status',
      'Exit status of the last run: 0 healthy, 1 finding, 3 incomplete.',
      report.exitStatus,
    ),
    gauge('devpolicy_read_problems', 'Things of the host that could not be read.', report.problems.length),
    gauge('devpolicy_programs', 'Device programs that were looked at.', report.programs.total),
    gauge('devpolicy_distinct_programs', 'Device programs with different instructions.', report.programs.distinct),
    gauge('devpolicy_undecodable_programs', 'Device programs that could not be read or decoded.', unreadable.size),
    family(
      'devpolicy_containers',
      'Containers and cgroups with a device policy, by what was found.',
      STATUSES.map((state) => [[['state', state]], report.subjects.filter(({ status }) => status === state).length]),
    ),
  ];
}

interface Labelled {
  subject: SubjectReport;
  label: string;
}

function subjectFamilies(all: readonly Labelled[]): Family[] {
  const compared = all.filter(({ subject }) => subject.status !== 'not-compared' && subject.status !== 'not-running');
  // No zero where something could not be read or decided: unknown must not look like healthy.
  const isKnown = ({ findings }: SubjectReport): boolean => findings.every(({ severity }) => severity !== 'unknown');
  const perSubject = (codes: ReadonlySet<string>, value: (findings: Finding[]) => number): Sample[] =>
    compared.flatMap(({ subject, label }): Sample[] => {
      const number = value(subject.findings.filter(({ code }) => codes.has(code)));
      return number > 0 || isKnown(subject) ? [[[['container', label]], number]] : [];
    });
  return [
    family(
      'devpolicy_container_info',
      'One for each container or cgroup; join with the others on the label container.',
      all.map(({ subject, label }) => [infoLabels(subject, label), 1]),
    ),
    family(
      'devpolicy_lost_accesses',
      'Accesses (one kind of access to one device number) that were intended and are denied; at least this many.',
      perSubject(LOST, countAccesses),
    ),
    family(
      'devpolicy_landmine',
      'One where the next event of systemd takes away what is allowed now.',
      perSubject(LAND_MINE, (findings) => (findings.length > 0 ? 1 : 0)),
    ),
    family(
      'devpolicy_landmine_accesses',
      'Accesses that the next event of systemd takes away; at least this many.',
      perSubject(LAND_MINE, countAccesses),
    ),
    family('devpolicy_findings', 'Findings by code (devpolicy explain CODE).', findingSamples(all, 'findings')),
    family('devpolicy_findings_ignored', 'Findings by code that an ignore file hides.', findingSamples(all, 'ignored')),
  ];
}

function infoLabels({ subject }: SubjectReport, label: string): Labels {
  const { container } = subject;
  return [
    ['container', label],
    ['name', escapeText(container?.kubernetes?.container ?? subject.name)],
    ['pod', escapeText(container?.kubernetes?.pod ?? '')],
    ['namespace', escapeText(container?.kubernetes?.namespace ?? container?.namespace ?? '')],
    ['engine', escapeText(container?.engine ?? '')],
    ['runtime', escapeText(container?.runtime ?? '')],
    ['unit', escapeText(subject.unit ?? '')],
  ];
}

function findingSamples(all: readonly Labelled[], which: 'findings' | 'ignored'): Sample[] {
  return all.flatMap(({ subject, label }) => {
    const counts = new Map<string, { finding: Finding; count: number }>();
    for (const finding of subject[which]) {
      const known = counts.get(finding.code);
      counts.set(finding.code, { finding, count: (known?.count ?? 0) + 1 });
    }
    return [...counts.values()].map(({ finding, count }): Sample => {
      const { code, severity } = finding;
      return [
        [
          ['container', label],
          ['code', code],
          ['severity', severity],
        ],
        count,
      ];
    });
  });
}

/** Escaping may make two keys equal; a metric that occurs twice would make the collector refuse the whole file. */
function uniqueLabels(subjects: readonly SubjectReport[]): string[] {
  const used = new Set<string>();
  return subjects.map(({ subject }) => {
    const text = escapeText(subject.key);
    let label = text;
    for (let number = 2; used.has(label); number++) label = `${text} (${String(number)})`;
    used.add(label);
    return label;
  });
}

/** Requests that the rules describe; what no list of ranges describes (`remainder`) is not in it. */
function countAccesses(findings: readonly Finding[]): number {
  return findings.reduce(
    (sum, { evidence }) => sum + evidence.rules.reduce((each, rule) => each + countRequests(rule), 0),
    0,
  );
}

function gauge(name: string, help: string, value: number): Family {
  return family(name, help, [[[], value]]);
}

function family(name: string, help: string, samples: Sample[]): Family {
  return { name, help, samples };
}

function familyText({ name, help, samples }: Family): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${String(value)}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines, ''].join('\n');
}

function labelText(labels: Labels): string {
  if (labels.length === 0) return '';
  return `{${labels.map(([name, value]) => `${name}="${labelValue(value)}"`).join(',')}}`;
}

/** Exposition format: in a label value backslash, double quote and line feed are escaped. Control characters are visible escapes already. */
function labelValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
