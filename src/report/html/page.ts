import type { Snapshot } from '../../snapshot/types.js';
import type { SubjectAnalysis, SubjectStatus, VerifyReport } from '../../verify/types.js';
import type { FindingPage } from '../run-facts.js';
import { summaryLine } from '../verify-text.js';
import { explanation } from './explanation.js';
import { findingsSection } from './findings.js';
import { markup, Markup } from './markup.js';
import { dataTable, statusWord } from './parts.js';
import { groupByPolicies, policiesSection } from './policies.js';
import { programsSection } from './programs.js';
import { REPORT_STYLE } from './style.js';

export interface ReportInput {
  snapshot: Snapshot;
  report: VerifyReport;
  /** Of the subjects of the report. */
  analyses: readonly SubjectAnalysis[];
  pages: readonly FindingPage[];
  /** SHA-256 of REPORT_STYLE in base64: the page allows this style and nothing else. */
  styleHash: string;
}

/**
 * A host on one page that needs nothing but itself: no script, no font, no picture, nothing from any network. Everything on it that is not this program's own
 * is escaped, and its content security policy forbids what might slip through.
 */
export function reportPage({ snapshot, report, analyses, pages, styleHash }: ReportInput): string {
  const statuses = new Map(report.subjects.map(({ subject, status }) => [subject.key, status]));
  const groups = groupByPolicies(analyses, ({ key }) => statuses.get(key) ?? 'unknown');
  const found = new Set(report.subjects.flatMap(({ findings }) => findings.map(({ code }) => code)));
  const explained = pages.filter(({ code }) => found.has(code));
  const titles = new Map(pages.map(({ code, title }) => [code, title]));
  const host = snapshot.host.hostname ?? 'a host';
  const links = [
    ['findings', 'Findings'],
    ['containers', 'Containers'],
    ['programs', 'Programs'],
    ...(explained.length > 0 ? [['codes', 'What the findings mean']] : []),
  ].map(([id = '', text = '']) => markup`<li><a href="#${id}">${text}</a></li>`);
  const codes = markup`<h2 id="codes">What the findings mean, and what to do</h2>
${explained.map(explanation)}`;
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="devpolicy ${snapshot.tool.version}">
<title>Device policies of ${host}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>Device policies of ${host}</h1>
${aboutHost(snapshot)}
</header>
<nav aria-label="Contents"><ul>${links}</ul></nav>
<main>
<h2 id="summary">Summary</h2>
<p>${summaryLine(report)}</p>
${summaryTable(report)}
${findingsSection(report, snapshot, titles)}
${policiesSection(groups, snapshot)}
${programsSection(analyses, snapshot)}
${explained.length > 0 ? codes : ''}
</main>
</body>
</html>
`.toString();
}

/** This program's own text, which stands in the page as it is. */
const STYLE: Markup = Markup.of([REPORT_STYLE], []);

function aboutHost({ collectedAt, host, tool }: Snapshot): Markup {
  const clock = host.clockSynchronised === false ? ' (clock not synchronised)' : '';
  const facts = [
    collectedAt === null ? 'time unknown' : `${collectedAt.slice(0, 19)}Z${clock}`,
    `Linux ${host.kernelRelease ?? 'unknown'}`,
    ...(host.systemd === null ? [] : [`systemd ${host.systemd.version}`]),
    ...Object.entries(host.runtimes).map(([name, { version }]) => `${name} ${version}`),
    `devpolicy ${tool.version}`,
  ];
  return markup`<p class="dim">${facts.join(' · ')}</p>`;
}

const MEANINGS: readonly [SubjectStatus, string][] = [
  ['broken', 'something that was intended is denied now'],
  ['fail-open', 'a restriction was intended, and no program restricts'],
  ['land-mine', 'works now; the next event of systemd takes devices away'],
  ['will-widen', 'the next event of systemd allows more'],
  ['unknown', 'something could not be read or decided'],
  ['warning', 'works, with something worth knowing'],
  ['ok', 'as intended, now and after a daemon-reload'],
  ['not-compared', 'no record of an intent'],
  ['not-running', 'nothing is enforced'],
];

function summaryTable({ subjects }: VerifyReport): Markup {
  const rows = MEANINGS.flatMap(([status, meaning]) => {
    const count = subjects.filter((each) => each.status === status).length;
    return count === 0 ? [] : [[statusWord(status), count, meaning]];
  });
  return rows.length === 0 ? markup`` : dataTable('Containers and cgroups', ['Status', 'Number', 'Meaning'], rows);
}
