import type { Snapshot } from '../../snapshot/types.js';
import { deviceNames } from '../../verify/device-names.js';
import { STATUSES } from '../../verify/statuses.js';
import type { Finding, SubjectReport, VerifyReport } from '../../verify/types.js';
import { findingLabels, openingSentence } from '../finding-text.js';
import { groupByFindings } from '../verify-text.js';
import { inline } from './explanation.js';
import { markup, type Markup } from './markup.js';
import { nameList, ruleList, statusClass, statusWord } from './parts.js';

/** Worst first; subjects with the same findings are told once. */
export function findingsSection(
  { subjects, problems }: VerifyReport,
  snapshot: Snapshot,
  titles: ReadonlyMap<string, string>,
): Markup {
  const groups = groupByFindings(subjects.filter(({ findings }) => findings.length > 0)).sort(
    (a, b) => rank(a) - rank(b),
  );
  const unread = problems.map(({ subject, message }) => markup`<li>${subject}: ${message}</li>`);
  return markup`<h2 id="findings">Findings</h2>
${groups.length + unread.length === 0 ? markup`<p>None.</p>` : ''}
${unread.length === 0 ? '' : markup`<article class="warn"><h3>${statusWord('unknown')} What could not be read of the host</h3><ul>${unread}</ul></article>`}
${groups.map((group) => groupArticle(group, snapshot, titles))}`;
}

function rank([first]: readonly SubjectReport[]): number {
  return first === undefined ? STATUSES.length : STATUSES.indexOf(first.status);
}

function groupArticle(
  group: readonly SubjectReport[],
  snapshot: Snapshot,
  titles: ReadonlyMap<string, string>,
): Markup {
  const [first] = group;
  if (first === undefined) return markup``;
  const count = group.length === 1 ? '' : ` (${String(group.length)})`;
  return markup`<article class="${statusClass(first.status)}"><h3>${statusWord(first.status)}${count}</h3>
${nameList(group.map(({ subject }) => subject))}
${first.findings.map((finding) => findingPart(finding, first, snapshot, titles.get(finding.code)))}</article>
`;
}

function findingPart(
  finding: Finding,
  { subject }: SubjectReport,
  snapshot: Snapshot,
  title: string | undefined,
): Markup {
  const { code, severity, evidence } = finding;
  const rules =
    evidence.rules.length === 0 && evidence.remainder === undefined
      ? ''
      : ruleList('Requests', evidence.rules, 'difference', deviceNames(snapshot, subject), evidence.remainder);
  const labels = findingLabels(code, evidence, subject.name, true);
  const lines = labels.map(([label, text], index) => {
    const isNew = label !== '' && label !== labels[index - 1]?.[0];
    return markup`${isNew ? markup`<dt>${label}</dt>` : ''}<dd>${inline(text)}</dd>`;
  });
  return markup`<h4><a href="#${code}">${code}</a> ${severity}${title === undefined ? '' : `: ${title}`}</h4>
<p>${inline(openingSentence(code, evidence))}</p>
${rules}${lines.length === 0 ? '' : markup`<dl>${lines}</dl>`}`;
}
