import type { Snapshot } from '../../snapshot/types.js';
import { custodyOf } from '../../verify/custody.js';
import { deviceNames } from '../../verify/device-names.js';
import type { Subject } from '../../verify/subjects.js';
import type { Examined, SubjectAnalysis, SubjectStatus } from '../../verify/types.js';
import { custodyLines } from '../custody-text.js';
import { escapeShort } from '../escape.js';
import { shortPath, shortPaths } from '../paths.js';
import { policyLines, policyParts } from '../policy-text.js';
import { lineBreaks, markup, type Markup } from './markup.js';
import { dataTable, ruleList, statusWord } from './parts.js';

/** Subjects that are alike in everything this section shows. */
export interface PolicyGroup {
  status: SubjectStatus;
  members: SubjectAnalysis[];
}

/** Equal policies are shown once, however many subjects have them: the page of a host with a thousand containers stays one to read. */
export function groupByPolicies(
  analyses: readonly SubjectAnalysis[],
  statusOf: (subject: Subject) => SubjectStatus,
): PolicyGroup[] {
  const groups = new Map<string, PolicyGroup>();
  for (const analysis of analyses) {
    const { subject, enforced, intended, afterReload, afterApply } = analysis;
    const status = statusOf(subject);
    const policies = [enforced, intended, afterReload, afterApply].map(identityOf);
    const key = JSON.stringify([status, subject.container === null, policies]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { status, members: [analysis] });
    else group.members.push(analysis);
  }
  return [...groups.values()];
}

/** Equal for equal policies of one run: within one manager equal sets are one diagram. */
function identityOf(examined: Examined): (string | number)[] {
  if (examined.status !== 'known') return [examined.status, examined.reason];
  const { allowed, undecided } = examined.policy;
  return [allowed.ref, ...undecided.flatMap(({ region, reason }) => [region.ref, reason])];
}

export function policiesSection(groups: readonly PolicyGroup[], snapshot: Snapshot): Markup {
  return markup`<h2 id="containers">Containers and cgroups, by policy</h2>
${groups.length === 0 ? markup`<p>There are none.</p>` : ''}${groups.map((group, index) => groupPart(group, index + 1, snapshot))}`;
}

function groupPart({ status, members }: PolicyGroup, number: number, snapshot: Snapshot): Markup {
  const [first] = members;
  if (first === undefined) return markup``;
  const title =
    members.length === 1 ? escapeShort(first.subject.name, 100) : `${String(members.length)} with the same policies`;
  const custody = custodyLines(custodyOf(snapshot, first));
  return markup`<section><h3>${number}. ${title} ${statusWord(status)}</h3>
${memberTable(members)}
<div class="policies">${policyColumns(first, snapshot)}</div>
${custody.length === 0 ? '' : markup`<h4>On the way to the kernel${members.length === 1 ? '' : ` (${escapeShort(first.subject.name, 60)})`}</h4><pre>${lineBreaks(custody.map((line) => line.slice(2)))}</pre>`}</section>
`;
}

const MOST_ROWS = 25;

function memberTable(members: readonly SubjectAnalysis[]): Markup {
  const rows = members.map(({ subject, programs }) => {
    const { name, container, cgroup } = subject;
    return [
      escapeShort(name, 100),
      container === null ? '-' : container.engine,
      container === null ? '-' : container.id.slice(0, 12),
      programs.map(({ id, author }) => `${String(id)} (${author.name})`).join(', ') || 'none',
      cgroup === null ? '-' : shortPath(cgroup),
    ];
  });
  const headings = ['Name', 'Engine', 'Id', 'Programs', 'Cgroup'];
  const table = dataTable('Who', headings, rows.slice(0, MOST_ROWS));
  if (rows.length <= MOST_ROWS) return table;
  const rest = rows.slice(MOST_ROWS).map(([name = '', , id = '']) => `${name} ${id}`);
  return markup`${table}<details><summary>and ${rest.length} more</summary><p>${rest.join(', ')}</p></details>`;
}

/** As printed: what the kernel never asks about does not count. */
function textOf(examined: Examined): string {
  return examined.status === 'known' ? policyLines(examined.policy).join('\n') : '';
}

/** What equals the enforced policy is not told again. */
function policyColumns(analysis: SubjectAnalysis, snapshot: Snapshot): Markup[] {
  const names = deviceNames(snapshot, analysis.subject);
  const { enforced, intended, afterReload, afterApply } = analysis;
  const enforcedText = textOf(enforced);
  const column = (title: string, examined: Examined, note: string, compare: boolean): Markup => {
    if (examined.status !== 'known')
      return markup`<div><h4>${title}</h4><p class="${examined.status === 'unread' ? 'warn' : 'dim'}">${examined.status === 'unread' ? 'UNREAD: ' : ''}${examined.reason}</p></div>`;
    const body =
      compare && textOf(examined) === enforcedText
        ? markup`<p>The same as enforced.</p>`
        : policyParts('', examined.policy).map(({ title: caption, rules, notation, remainder }) =>
            ruleList(caption, rules, notation, names, remainder),
          );
    return markup`<div><h4>${title}</h4>${body}${note === '' ? '' : markup`<p class="dim">${note}</p>`}</div>`;
  };
  const pendingNote = (examined: SubjectAnalysis['afterReload']): string =>
    examined.status === 'known' ? shortPaths(examined.policy.sources) : '';
  const intentNote =
    intended.status === 'known'
      ? `${intended.policy.runtime} ${intended.policy.generation}, ${shortPath(intended.policy.source.path)}`
      : '';
  return [
    column('Enforced by the kernel', enforced, '', false),
    column('Intended', intended, intentNote, true),
    column('After a daemon-reload', afterReload, pendingNote(afterReload), true),
    column('After a property change', afterApply, pendingNote(afterApply), true),
  ];
}
