import type { FindingPage } from '../run-facts.js';
import { lineBreaks, markup, type Markup } from './markup.js';

/** The page of a finding code, as docs/findings has it: headings, paragraphs, lists and `code`, which is all of Markdown that those pages use. */
export function explanation({ code, title, text }: FindingPage): Markup {
  const blocks = text.trim().split(/\n{2,}/);
  return markup`<section id="${code}"><h3>${code}: ${title}</h3>${blocks.map(block)}</section>`;
}

function block(text: string): Markup {
  // The title and the severity stand with the finding.
  if (text.startsWith('# ') || text.startsWith('Severity: ')) return markup``;
  const [, heading] = /^#{2,} (.*)$/.exec(text) ?? [];
  if (heading !== undefined) return markup`<h4>${heading}</h4>`;
  if (text.startsWith('```'))
    return markup`<pre>${lineBreaks(text.replace(/^```.*\n|\n?```$/g, '').split('\n'))}</pre>`;
  if (!/^(?:[-*]|\d+\.) /.test(text)) return markup`<p>${inline(text)}</p>`;
  const items = text.split(/\n(?=(?:[-*]|\d+\.) )/).map((item) => item.replace(/^(?:[-*]|\d+\.) /, ''));
  return markup`<ul>${items.map((item) => markup`<li>${inline(item)}</li>`)}</ul>`;
}

/** Every second part stands between backquotes. */
export function inline(text: string): Markup[] {
  return text
    .replace(/\s*\n\s*/g, ' ')
    .split('`')
    .map((part, index) => (index % 2 === 1 ? markup`<code>${part}</code>` : markup`${part}`));
}
