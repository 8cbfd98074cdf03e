import { pageBlocks, type PageBlock } from '../finding-page.js';
import type { FindingPage } from '../run-facts.js';
import { lineBreaks, markup, type Markup } from './markup.js';
import { dataTable } from './parts.js';

/** The page of a finding code. Title and severity stand with the finding already. */
export function explanation({ code, title, text }: FindingPage): Markup {
  const blocks = pageBlocks(text).filter(
    (each) =>
      !(each.kind === 'heading' && each.level === 1) &&
      !(each.kind === 'paragraph' && each.text.startsWith('Severity: ')),
  );
  return markup`<section id="${code}"><h3>${code}: ${title}</h3>${blocks.map(block)}</section>`;
}

function block(each: PageBlock): Markup {
  switch (each.kind) {
    case 'heading':
      return markup`<h4>${each.text}</h4>`;
    case 'paragraph':
      return markup`<p>${inline(each.text)}</p>`;
    case 'list':
      return markup`<ul>${each.items.map((item) => markup`<li>${inline(item)}</li>`)}</ul>`;
    case 'code':
      return markup`<pre>${lineBreaks(each.lines)}</pre>`;
    case 'table':
      return dataTable(
        `For each ${each.heading[0] ?? ''}`,
        each.heading,
        each.rows.map((row) => row.map(inline)),
      );
  }
}

/** Every second part stands between backquotes. */
export function inline(text: string): Markup[] {
  return text
    .replace(/\s*\n\s*/g, ' ')
    .split('`')
    .map((part, index) => (index % 2 === 1 ? markup`<code>${part}</code>` : markup`${part}`));
}
