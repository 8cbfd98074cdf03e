import type { Notation } from '../../policy/access.js';
import type { DeviceNames } from '../../policy/names.js';
import type { DeviceRule } from '../../policy/types.js';
import type { Subject } from '../../verify/subjects.js';
import type { SubjectStatus } from '../../verify/types.js';
import { escapeShort } from '../escape.js';
import { STATUS_WORDS } from '../verify-text.js';
import { ruleRows } from '../words.js';
import { lineBreaks, markup, type Markup, type MarkupValue } from './markup.js';

const STATUS_CLASS: Readonly<Partial<Record<SubjectStatus, string>>> = {
  broken: 'bad',
  'fail-open': 'bad',
  'land-mine': 'bad',
  'will-widen': 'bad',
  unknown: 'warn',
  warning: 'warn',
  ok: 'good',
};

export function statusClass(status: SubjectStatus): string {
  return STATUS_CLASS[status] ?? 'dim';
}

/** Never by colour alone: the word says it. */
export function statusWord(status: SubjectStatus): Markup {
  return markup`<span class="status ${statusClass(status)}">${STATUS_WORDS[status]}</span>`;
}

/** A table with a caption and headings for readers that cannot see its columns. */
export function dataTable(
  caption: MarkupValue,
  headings: readonly string[],
  rows: readonly (readonly MarkupValue[])[],
  kind = '',
): Markup {
  const head = headings.map((each) => markup`<th scope="col">${each}</th>`);
  const body = rows.map((cells) => markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`);
  return markup`<div class="wide"><table${kind === '' ? '' : markup` class="${kind}"`}><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>\n${body}</tbody></table></div>\n`;
}

/** Rules with accesses and names; what no list of ranges describes as lines below. */
export function ruleList(
  caption: MarkupValue,
  rules: readonly DeviceRule[],
  notation: Notation,
  names: DeviceNames,
  remainder: readonly string[] = [],
): Markup {
  const { rows, more } = ruleRows(rules, notation, names);
  const table =
    rows.length === 0
      ? markup`<p><strong>${caption}</strong></p>`
      : dataTable(caption, ['Device', 'Access', 'Name'], rows, 'rules');
  const below = [...remainder, ...(more > 0 ? [`and ${String(more)} more lines (see --json)`] : [])];
  return markup`${table}${below.length === 0 ? '' : markup`<pre>${lineBreaks(below)}</pre>`}`;
}

const MOST_NAMES = 12;

/** Names of subjects; many of them fold. */
export function nameList(subjects: readonly Subject[]): Markup {
  const names = subjects.map(({ name }) => escapeShort(name, 100));
  const shown = names.slice(0, MOST_NAMES).join(', ');
  if (names.length <= MOST_NAMES) return markup`<p>${shown}</p>`;
  return markup`<details><summary>${shown} and ${names.length - MOST_NAMES} more</summary><p>${names.slice(MOST_NAMES).join(', ')}</p></details>`;
}
